/* base/utf8 against a reference that takes characters apart into code points. */
#include <stdlib.h>

#include "base/utf8.h"
#include "fuzz.h"

enum { PREFIXED_MAX = 64 };

/* The bytes of the character in front, by its code point; 0: none. */
static size_t reference_size(const uint8_t *bytes, size_t n_bytes) {
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = bytes[0];
    if (first < 0x80)
        return 1;
    size_t size = (first & 0xe0) == 0xc0 ? 2 : (first & 0xf0) == 0xe0 ? 3 : (first & 0xf8) == 0xf0 ? 4 : 0;
    if (size == 0 || size > n_bytes)
        return 0;
    uint32_t point = first & (0x7fU >> size);
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (bytes[i] & 0x3f);
    }
    bool is_surrogate = point >= 0xd800 && point <= 0xdfff;
    return point >= smallest[size] && point <= 0x10ffff && !is_surrogate ? size : 0;
}

static bool reference_is_valid(const uint8_t *bytes, size_t n_bytes) {
    for (size_t at = 0; at < n_bytes;) {
        size_t size = reference_size(bytes + at, n_bytes - at);
        fuzz_must(utf8_character_size(bytes + at, n_bytes - at) == size, "a character has the size of its code point");
        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    char *copy = fuzz_copy(bytes, n_bytes);
    bool is_valid = reference_is_valid((const uint8_t *)copy, n_bytes);
    fuzz_must(utf8_is_valid(copy, n_bytes) == is_valid, "valid is what the reference takes");
    for (size_t n_limit = 0; is_valid && n_limit <= n_bytes && n_bytes <= PREFIXED_MAX; n_limit++) {
        size_t n = utf8_prefix(copy, n_bytes, n_limit);
        fuzz_must(n <= n_limit && n_limit - n < 4 && reference_is_valid((const uint8_t *)copy, n),
                  "a prefix is whole characters, as many as fit");
    }
    free(copy);
    return 0;
}
