#include "auth/words.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"

bool words_is_text(const char *text, size_t n_text) {
    return !memchr(text, '\0', n_text) && utf8_is_valid(text, n_text);
}

bool words_is_name(const char *text, size_t n_text, size_t n_limit) {
    if (n_text == 0 || n_text > n_limit || !utf8_is_valid(text, n_text))
        return false;
    for (size_t i = 0; i < n_text; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 0x20 || byte == 0x7f)
            return false;
        if (byte == 0xc2 && (unsigned char)text[i + 1] < 0xa0) /* U+0080 to U+009F; valid UTF-8, so a byte follows */
            return false;
    }
    return true;
}

void base64url_encode(char *text, const void *bytes, size_t n_bytes) {
    (void)sodium_bin2base64(text, base64url_size(n_bytes) + 1, bytes, n_bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

ptrdiff_t base64url_decode(uint8_t *bytes, const char *text, size_t n_text) {
    size_t n_bytes = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < n_text; i++)
        bits |= (unsigned char)text[i];
    /* libsodium 1.0.18 takes every byte from 0x80 on for '_'. */
    if (bits >= 0x80)
        return error_origin(-EINVAL);
    if (sodium_base642bin(bytes, n_text / 4 * 3 + 2, text, n_text, NULL, &n_bytes, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        return error_origin(-EINVAL);
    return (ptrdiff_t)n_bytes;
}
