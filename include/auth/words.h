/* Words: what text may stand in a token and in a key, and base64url (RFC 4648 section 5, no padding). Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* UTF-8 of 1 to n_limit bytes without control characters: the names of channels and users. */
bool words_is_name(const char *text, size_t n_text, size_t n_limit);
/* Valid UTF-8 without a NUL, which jansson may be given. */
bool words_is_text(const char *text, size_t n_text);

static inline size_t base64url_size(size_t n_bytes) {
    return (n_bytes * 4 + 2) / 3;
}

void base64url_encode(char *text, const void *bytes, size_t n_bytes); /* base64url_size(n_bytes) and a NUL */
/* Strict: no padding, no white space, unused bits zero. bytes has room for n_text / 4 * 3 + 2. Returns the number of bytes, or
   -EINVAL. Its time does not depend on the bytes. */
ptrdiff_t base64url_decode(uint8_t *bytes, const char *text, size_t n_text);
