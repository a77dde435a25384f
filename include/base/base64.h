/* Base64 with padding, the standard alphabet (RFC 4648 section 4). Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

static inline size_t base64_encoded_size(size_t n_bytes) {
    return (n_bytes + 2) / 3 * 4;
}

void base64_encode(char *text, const void *bytes, size_t n_bytes); /* writes base64_encoded_size(n_bytes), no NUL */
/* Strict: no white space, padding required, unused bits zero. bytes has room for n_text / 4 * 3. Returns the number of
   bytes, or -EINVAL. */
ptrdiff_t base64_decode(uint8_t *bytes, const char *text, size_t n_text);
