#include "broker/glob.h"

typedef struct Pattern {
    const char *at;
    const char *end;
} Pattern;

/* [abc], [a-c], [^a]: takes the class off the pattern; one that is not closed ends with the pattern. */
static bool glob_class_match(Pattern *pattern, unsigned char c) {
    const char *at = pattern->at + 1;
    bool is_negated = at < pattern->end && *at == '^';
    bool is_in = false;
    if (is_negated)
        at++;
    while (at < pattern->end && *at != ']') {
        if (*at == '\\' && pattern->end - at >= 2)
            at++;
        unsigned char low = (unsigned char)*at++;
        unsigned char high = low;
        if (pattern->end - at >= 2 && *at == '-') {
            high = (unsigned char)at[1];
            at += 2;
        }
        if (low > high ? c >= high && c <= low : c >= low && c <= high)
            is_in = true;
    }
    pattern->at = at < pattern->end ? at + 1 : at;
    return is_in != is_negated;
}

/* One character of the text against the pattern's next part, which is no star. */
static bool glob_one_match(Pattern *pattern, char c) {
    if (*pattern->at == '[')
        return glob_class_match(pattern, (unsigned char)c);
    if (*pattern->at == '?') {
        pattern->at++;
        return true;
    }
    if (*pattern->at == '\\' && pattern->end - pattern->at >= 2)
        pattern->at++;
    return *pattern->at++ == c;
}

/* On a mismatch the last star takes one character more; the stars before it need not be tried again. */
bool glob_match(const char *pattern, size_t n_pattern, const char *text, size_t n_text) {
    Pattern rest = {.at = pattern, .end = pattern + n_pattern};
    const char *text_end = text + n_text;
    const char *after_star = NULL;
    const char *star_text = NULL;
    while (text < text_end || rest.at < rest.end) {
        if (rest.at < rest.end && *rest.at == '*') {
            after_star = ++rest.at;
            star_text = text;
            continue;
        }
        if (rest.at < rest.end && text < text_end && glob_one_match(&rest, *text)) {
            text++;
            continue;
        }
        if (!after_star || star_text == text_end)
            return false;
        rest.at = after_star;
        text = ++star_text;
    }
    return true;
}
