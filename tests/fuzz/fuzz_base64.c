/* base/base64: what is decoded is what was encoded, and each sequence of bytes has one text. */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "fuzz.h"

static void decode(const char *bytes, size_t n_bytes) {
    char *text = fuzz_copy(bytes, n_bytes);
    uint8_t *decoded = malloc(n_bytes / 4 * 3 + 1);
    ptrdiff_t n = base64_decode(decoded, text, n_bytes);
    if (n >= 0) {
        char *again = malloc(n_bytes);
        fuzz_must(base64_encoded_size((size_t)n) == n_bytes, "what was decoded has the size of its text");
        base64_encode(again, decoded, (size_t)n);
        fuzz_must(n_bytes == 0 || memcmp(again, text, n_bytes) == 0, "each sequence of bytes has one text");
        free(again);
    }
    /* in place, as barker.v1 does */
    fuzz_must(base64_decode((uint8_t *)text, text, n_bytes) == n, "decoding over the text is the same");
    fuzz_must(n <= 0 || memcmp(text, decoded, (size_t)n) == 0, "decoding over the text is the same");
    free(decoded);
    free(text);
}

static void encode(const char *bytes, size_t n_bytes) {
    size_t n_text = base64_encoded_size(n_bytes);
    char *text = malloc(n_text);
    uint8_t *decoded = malloc(n_text / 4 * 3);
    base64_encode(text, bytes, n_bytes);
    fuzz_must(base64_decode(decoded, text, n_text) == (ptrdiff_t)n_bytes, "what is encoded can be decoded");
    fuzz_must(n_bytes == 0 || memcmp(decoded, bytes, n_bytes) == 0, "what is decoded is what was encoded");
    free(decoded);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    decode((const char *)bytes, n_bytes);
    encode((const char *)bytes, n_bytes);
    return 0;
}
