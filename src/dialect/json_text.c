#include "dialect/json_text.h"

#include <stdint.h>
#include <string.h>

/* Nonzero when one of the word's bytes is a quote, a backslash or below 0x20: what a plain run of a string ends at. The
   borrow of a subtraction may mark a byte behind such a one, never a word without any. */
static inline uint64_t has_special(uint64_t word) {
    const uint64_t ones = 0x0101010101010101;
    const uint64_t tops = 0x8080808080808080;
    uint64_t quote = word ^ ones * '"';
    uint64_t backslash = word ^ ones * '\\';
    uint64_t low = (word - ones * 0x20) & ~word;
    return (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | low) & tops;
}

static inline const char *skip_plain(const char *at, const char *end) {
    uint64_t word;
    while ((size_t)(end - at) >= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        if (has_special(word))
            break;
        at += sizeof(word);
    }
    while (at < end && *at != '"' && *at != '\\' && (uint8_t)*at >= 0x20)
        at++;
    return at;
}

static inline bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline const char *skip_space(const char *at, const char *end) {
    while (at < end && is_space(*at))
        at++;
    return at;
}

static inline bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *at, const char *end) { /* at least one, else NULL */
    if (at == end || !is_digit(*at))
        return NULL;
    while (at < end && is_digit(*at))
        at++;
    return at;
}

static const char *skip_escape(const char *at, const char *end) { /* behind the backslash */
    if (at == end || *at == '\0' || !strchr("\"\\/bfnrtu", *at))
        return NULL;
    if (*at++ != 'u')
        return at;
    if (end - at < 4)
        return NULL;
    for (const char *last = at + 4; at < last; at++)
        if (!is_digit(*at) && !(*at >= 'a' && *at <= 'f') && !(*at >= 'A' && *at <= 'F'))
            return NULL;
    return at;
}

static const char *skip_string(const char *at, const char *end) { /* behind the opening quote */
    for (;;) {
        at = skip_plain(at, end);
        if (at == end)
            return NULL;
        if (*at == '"')
            return at + 1;
        if (*at != '\\')
            return NULL; /* a control character */
        at = skip_escape(at + 1, end);
        if (!at)
            return NULL;
    }
}

static const char *skip_number(const char *at, const char *end) {
    if (*at == '-')
        at++;
    at = at < end && *at == '0' ? at + 1 : skip_digits(at, end);
    if (at && at < end && *at == '.')
        at = skip_digits(at + 1, end);
    if (at && at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        at = skip_digits(at, end);
    }
    return at;
}

static const char *skip_word(const char *at, const char *end, const char *word, size_t n_word) {
    return (size_t)(end - at) >= n_word && memcmp(at, word, n_word) == 0 ? at + n_word : NULL;
}

static const char *skip_scalar(const char *at, const char *end) {
    switch (*at) {
    case '"':
        return skip_string(at + 1, end);
    case 't':
        return skip_word(at, end, "true", 4);
    case 'f':
        return skip_word(at, end, "false", 5);
    case 'n':
        return skip_word(at, end, "null", 4);
    default:
        return skip_number(at, end);
    }
}

typedef struct Scan {
    const char *at;
    const char *end;
    unsigned depth;
    uint64_t is_object[JSON_DEPTH_MAX / 64]; /* a bit for each open container; else it is an array */
} Scan;

typedef enum ScanStep { SCAN_BAD, SCAN_OPENED, SCAN_COMPLETE, SCAN_MORE, SCAN_DONE } ScanStep;

static bool in_object(const Scan *scan) {
    unsigned top = scan->depth - 1;
    return scan->is_object[top / 64] >> top % 64 & 1;
}

static bool scan_key(Scan *scan) { /* with its colon and the white space around */
    if (scan->at == scan->end || *scan->at != '"')
        return false;
    const char *at = skip_string(scan->at + 1, scan->end);
    at = at ? skip_space(at, scan->end) : NULL;
    if (!at || at == scan->end || *at != ':')
        return false;
    scan->at = skip_space(at + 1, scan->end);
    return true;
}

/* A whole scalar or empty container, or the opening of a container up to its first value. */
static ScanStep scan_value(Scan *scan) {
    if (scan->at == scan->end)
        return SCAN_BAD;
    char opening = *scan->at;
    if (opening != '{' && opening != '[') {
        const char *at = skip_scalar(scan->at, scan->end);
        if (!at)
            return SCAN_BAD;
        scan->at = at;
        return SCAN_COMPLETE;
    }
    if (scan->depth == JSON_DEPTH_MAX)
        return SCAN_BAD;
    scan->at = skip_space(scan->at + 1, scan->end);
    if (scan->at < scan->end && *scan->at == (opening == '{' ? '}' : ']')) {
        scan->at++;
        return SCAN_COMPLETE;
    }
    uint64_t bit = (uint64_t)1 << scan->depth % 64;
    uint64_t *bits = &scan->is_object[scan->depth / 64];
    *bits = opening == '{' ? *bits | bit : *bits & ~bit;
    scan->depth++;
    return opening == '{' && !scan_key(scan) ? SCAN_BAD : SCAN_OPENED;
}

/* Behind a whole value: closes what ends here, up to the next value or the end of the text. */
static ScanStep scan_behind(Scan *scan) {
    for (;;) {
        scan->at = skip_space(scan->at, scan->end);
        if (scan->depth == 0)
            return scan->at == scan->end ? SCAN_DONE : SCAN_BAD;
        if (scan->at == scan->end)
            return SCAN_BAD;
        char c = *scan->at++;
        if (c == ',') {
            scan->at = skip_space(scan->at, scan->end);
            return in_object(scan) && !scan_key(scan) ? SCAN_BAD : SCAN_MORE;
        }
        if (c != (in_object(scan) ? '}' : ']'))
            return SCAN_BAD;
        scan->depth--;
    }
}

bool json_text_is_valid(const char *text, size_t n_text) {
    const char *end = text + n_text;
    Scan scan = {.at = skip_space(text, end), .end = end};
    for (;;) {
        ScanStep step = scan_value(&scan);
        if (step == SCAN_COMPLETE)
            step = scan_behind(&scan);
        if (step == SCAN_BAD || step == SCAN_DONE)
            return step == SCAN_DONE;
    }
}

/* Behind a value of a valid text, whose brackets need only be counted; NULL when it has no end. */
static const char *skip_value(const char *at, const char *end) {
    size_t depth = 0;
    while (at && at < end) {
        if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            if (depth-- == 0)
                return NULL;
            at++;
        } else if (*at == ',' || *at == ':' || is_space(*at)) {
            at++;
        } else {
            at = skip_scalar(at, end);
        }
        if (depth == 0)
            return at;
    }
    return NULL;
}

bool json_text_find(const char *text, size_t n_text, const char *key, const char **value, size_t *n_value) {
    const char *end = text + n_text;
    size_t n_key = strlen(key);
    Scan scan = {.at = skip_space(text, end), .end = end};
    if (scan.at == end || *scan.at != '{')
        return false;
    do {
        scan.at = skip_space(scan.at + 1, end);
        const char *name = scan.at + 1;
        if (!scan_key(&scan))
            return false;
        const char *start = scan.at;
        const char *behind = skip_value(start, end);
        if (!behind)
            return false;
        if ((size_t)(end - name) > n_key && memcmp(name, key, n_key) == 0 && name[n_key] == '"') {
            *value = start;
            *n_value = (size_t)(behind - start);
            return true;
        }
        scan.at = skip_space(behind, end);
    } while (scan.at < end && *scan.at == ',');
    return false;
}

bool json_text_next(const char **at, const char *end, const char **value, size_t *n_value) {
    if (*at == end)
        return false;
    const char *start = skip_space(*at + 1, end); /* behind the bracket or the comma */
    const char *behind = start < end && *start != ']' ? skip_value(start, end) : NULL;
    if (!behind)
        return false;
    *value = start;
    *n_value = (size_t)(behind - start);
    *at = skip_space(behind, end);
    return true;
}

static char short_escape(char c) { /* 0: it has none */
    switch (c) {
    case '"':
    case '\\':
        return c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

size_t json_text_quoted_size(const char *text, size_t n_text) {
    const char *end = text + n_text;
    size_t size = n_text + 2;
    for (const char *at = skip_plain(text, end); at < end; at = skip_plain(at + 1, end))
        size += short_escape(*at) ? 1 : 5;
    return size;
}

char *json_text_quote(char *out, const char *text, size_t n_text) {
    static const char digits[] = "0123456789abcdef";
    const char *end = text + n_text;
    *out++ = '"';
    for (;;) {
        const char *special = skip_plain(text, end);
        size_t n_plain = (size_t)(special - text);
        memcpy(out, text, n_plain);
        out += n_plain;
        if (special == end)
            break;
        char escape = short_escape(*special);
        *out++ = '\\';
        *out++ = escape ? escape : 'u';
        if (!escape) {
            *out++ = '0';
            *out++ = '0';
            *out++ = digits[*special >> 4];
            *out++ = digits[*special & 15];
        }
        text = special + 1;
    }
    *out++ = '"';
    return out;
}
