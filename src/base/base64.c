#include "base/base64.h"

#include <errno.h>
#include <stdbool.h>

#include "base/error.h"

enum { PADDING = 64 }; /* its place in the alphabet */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

void base64_encode(char *text, const void *bytes, size_t n_bytes) {
    const uint8_t *in = bytes;
    size_t at = 0;
    for (; n_bytes - at >= 3; at += 3) {
        uint32_t group = (uint32_t)in[at] << 16 | (uint32_t)in[at + 1] << 8 | in[at + 2];
        *text++ = alphabet[group >> 18];
        *text++ = alphabet[group >> 12 & 63];
        *text++ = alphabet[group >> 6 & 63];
        *text++ = alphabet[group & 63];
    }
    if (at == n_bytes)
        return;
    bool has_two = n_bytes - at == 2;
    uint32_t group = (uint32_t)in[at] << 16 | (has_two ? (uint32_t)in[at + 1] << 8 : 0);
    *text++ = alphabet[group >> 18];
    *text++ = alphabet[group >> 12 & 63];
    *text++ = alphabet[has_two ? group >> 6 & 63 : PADDING];
    *text = '=';
}

static int value_of(char digit) {
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    if (digit >= 'a' && digit <= 'z')
        return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9')
        return digit - '0' + 52;
    return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

static size_t count_padding(const char *text, size_t n_text) {
    if (n_text == 0 || text[n_text - 1] != '=')
        return 0;
    return text[n_text - 2] == '=' ? 2 : 1;
}

ptrdiff_t base64_decode(uint8_t *bytes, const char *text, size_t n_text) {
    if (n_text % 4 != 0)
        return error_origin(-EINVAL);
    size_t n_digits = n_text - count_padding(text, n_text);
    size_t n_bytes = 0;
    uint32_t waiting = 0; /* the bits that do not make a byte yet, at the bottom */
    for (size_t at = 0; at < n_digits; at++) {
        int value = value_of(text[at]);
        if (value < 0)
            return error_origin(-EINVAL);
        waiting = waiting << 6 | (uint32_t)value;
        unsigned n_more = 6 - 2 * (at % 4); /* bits left over once this digit's byte is out; 6: it completes none */
        if (n_more == 6)
            continue;
        bytes[n_bytes++] = (uint8_t)(waiting >> n_more);
        waiting &= (1U << n_more) - 1;
    }
    if (waiting != 0)
        return error_origin(-EINVAL);
    return (ptrdiff_t)n_bytes;
}
