/* Spans: pieces of a text that are compared and split where they stand. Any thread; allocates nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

typedef struct Span {
    const char *at;
    size_t n;
} Span;

static inline Span span_of(const char *text) {
    return (Span){text, strlen(text)};
}

/* The case of ASCII letters counts nothing. */
static inline bool span_equals(Span a, Span b) {
    return a.n == b.n && strncasecmp(a.at, b.at, a.n) == 0;
}

static inline bool span_is(Span span, const char *text) {
    return span_equals(span, span_of(text));
}

/* The next run of bytes that are no separators; false at the end of the text. */
static inline bool span_next(const char **at, const char *separators, Span *out) {
    const char *start = *at + strspn(*at, separators);
    *out = (Span){start, strcspn(start, separators)};
    *at = start + out->n;
    return out->n > 0;
}
