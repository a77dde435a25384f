#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

static inline bool is_continuation(uint8_t byte) {
    return (byte & 0xc0) == 0x80;
}

/* RFC 3629 section 4: only the second byte's range depends on the first; it keeps out overlong forms, surrogates and what
   lies above U+10FFFF. */
static bool second_is_valid(uint8_t first, uint8_t second) {
    switch (first) {
    case 0xe0:
        return second >= 0xa0 && second <= 0xbf;
    case 0xed:
        return second >= 0x80 && second <= 0x9f;
    case 0xf0:
        return second >= 0x90 && second <= 0xbf;
    case 0xf4:
        return second >= 0x80 && second <= 0x8f;
    default:
        return is_continuation(second);
    }
}

static size_t size_by_first(uint8_t first) {
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

size_t utf8_character_size(const void *bytes, size_t n_bytes) {
    const uint8_t *text = bytes;
    size_t size = n_bytes > 0 ? size_by_first(text[0]) : 0;
    if (size > n_bytes)
        return 0;
    if (size > 1 && !second_is_valid(text[0], text[1]))
        return 0;
    for (size_t i = 2; i < size; i++)
        if (!is_continuation(text[i]))
            return 0;
    return size;
}

bool utf8_is_valid(const void *bytes, size_t n_bytes) {
    const uint64_t high_bits = 0x8080808080808080;
    const uint8_t *text = bytes;
    size_t at = 0;
    while (at < n_bytes) {
        uint64_t word;
        if (n_bytes - at >= sizeof(word)) {
            memcpy(&word, text + at, sizeof(word));
            if (!(word & high_bits)) {
                at += sizeof(word);
                continue;
            }
        }
        size_t size = utf8_character_size(text + at, n_bytes - at);
        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

size_t utf8_prefix(const char *bytes, size_t n_bytes, size_t n_limit) {
    if (n_bytes <= n_limit)
        return n_bytes;
    size_t n = n_limit;
    while (n > 0 && is_continuation((uint8_t)bytes[n]))
        n--;
    return n;
}
