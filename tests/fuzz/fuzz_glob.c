/* broker/glob against a table of every part of the pattern and every part of the text. The input: pattern, line feed, text. */
#include <stdlib.h>

#include "broker/glob.h"
#include "fuzz.h"

enum { SIDE_MAX = 48 };

/* One part of the pattern that is no star: how many bytes it has, and whether it takes c. */
static size_t part(const char *pattern, size_t n_pattern, unsigned char c, bool *takes) {
    if (pattern[0] == '\\' && n_pattern > 1) {
        *takes = (unsigned char)pattern[1] == c;
        return 2;
    }
    *takes = pattern[0] == '?' || (unsigned char)pattern[0] == c;
    if (pattern[0] != '[')
        return 1;
    size_t at = 1;
    bool is_negated = n_pattern > 1 && pattern[1] == '^';
    bool is_in = false;
    for (at += is_negated; at < n_pattern && pattern[at] != ']';) {
        at += pattern[at] == '\\' && at + 1 < n_pattern;
        unsigned char low = (unsigned char)pattern[at++];
        unsigned char high = low;
        if (at + 1 < n_pattern && pattern[at] == '-') {
            high = (unsigned char)pattern[at + 1];
            at += 2;
        }
        is_in = is_in || (c >= low && c <= high) || (c >= high && c <= low);
    }
    *takes = is_in != is_negated;
    return at < n_pattern ? at + 1 : at;
}

static bool reference(const FuzzInput *pattern, const FuzzInput *text) {
    static bool matches[SIDE_MAX + 1][SIDE_MAX + 1]; /* the rest of the pattern from p on, of the text from t on */
    for (size_t p = pattern->n_bytes + 1; p-- > 0;) {
        for (size_t t = text->n_bytes + 1; t-- > 0;) {
            bool is_end = p == pattern->n_bytes;
            bool takes = false;
            matches[p][t] = is_end && t == text->n_bytes;
            if (!is_end && pattern->bytes[p] == '*') {
                matches[p][t] = matches[p + 1][t] || (t < text->n_bytes && matches[p][t + 1]);
            } else if (!is_end && t < text->n_bytes) {
                size_t n = part(pattern->bytes + p, pattern->n_bytes - p, (unsigned char)text->bytes[t], &takes);
                matches[p][t] = takes && matches[p + n][t + 1];
            }
        }
    }
    return matches[0][0];
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    FuzzInput text = {(const char *)bytes, n_bytes};
    FuzzInput pattern = fuzz_take(&text, '\n');
    char *exact_pattern = fuzz_copy(pattern.bytes, pattern.n_bytes);
    char *exact_text = fuzz_copy(text.bytes, text.n_bytes);
    bool is_match = glob_match(exact_pattern, pattern.n_bytes, exact_text, text.n_bytes);
    if (pattern.n_bytes <= SIDE_MAX && text.n_bytes <= SIDE_MAX)
        fuzz_must(is_match == reference(&pattern, &text), "a match is what the table says");
    free(exact_text);
    free(exact_pattern);
    return 0;
}
