#include "auth/origin.h"

#include "auth/spans.h"

typedef struct Origin {
    Span scheme;
    Span host;
    Span port; /* n 0: a colon without one */
} Origin;

static Span default_port(Span scheme) {
    return span_is(scheme, "https") || span_is(scheme, "wss") ? span_of("443") : span_of("80");
}

/* host[:port]; a colon within [IPv6] is none of a port's. */
static void split_port(Origin *origin, Span authority) {
    const char *end = authority.at + authority.n;
    const char *colon = memrchr(authority.at, ':', authority.n);
    if (colon && memchr(colon, ']', (size_t)(end - colon)))
        colon = NULL;
    origin->host = (Span){authority.at, colon ? (size_t)(colon - authority.at) : authority.n};
    origin->port = colon ? (Span){colon + 1, (size_t)(end - colon - 1)} : default_port(origin->scheme);
}

static bool parse(Origin *origin, Span text) {
    const char *colon = memmem(text.at, text.n, "://", 3);
    if (!colon || colon == text.at)
        return false;
    size_t n_scheme = (size_t)(colon - text.at);
    origin->scheme = (Span){text.at, n_scheme};
    split_port(origin, (Span){colon + 3, text.n - n_scheme - 3});
    return origin->host.n > 0 && origin->port.n > 0 && !memchr(origin->host.at, '/', origin->host.n) &&
           !memchr(origin->port.at, '/', origin->port.n);
}

static bool host_matches(Span pattern, Span host) {
    if (pattern.n < 2 || memcmp(pattern.at, "*.", 2) != 0)
        return span_equals(pattern, host);
    Span rest = {pattern.at + 1, pattern.n - 1}; /* the dot too, and something before it */
    return host.n > rest.n && span_equals(rest, (Span){host.at + host.n - rest.n, rest.n});
}

static bool item_matches(Span item, const Origin *origin) {
    Origin pattern;
    return parse(&pattern, item) && span_equals(pattern.scheme, origin->scheme) && span_equals(pattern.port, origin->port) &&
           host_matches(pattern.host, origin->host);
}

static bool is_same_host(const Origin *origin, const char *host) {
    Origin own = {.scheme = origin->scheme};
    split_port(&own, span_of(host));
    return own.host.n > 0 && span_equals(own.host, origin->host) && span_equals(own.port, origin->port);
}

bool origin_is_allowed(const char *allowed, const char *text, const char *host) {
    Origin origin;
    Span item;
    bool is_good = parse(&origin, span_of(text)); /* "null" is none */
    bool has_items = false;
    for (const char *at = allowed; span_next(&at, " ", &item);) {
        has_items = true;
        if (span_is(item, "*") || (is_good && item_matches(item, &origin)))
            return true;
    }
    return !has_items && is_good && is_same_host(&origin, host);
}

static bool item_is_valid(Span item) {
    Origin origin;
    if (span_is(item, "*"))
        return true;
    if (!parse(&origin, item))
        return false;
    const char *star = memrchr(item.at, '*', item.n);
    return !star || (star == origin.host.at && origin.host.n > 2 && star[1] == '.');
}

bool origin_list_is_valid(const char *allowed) {
    Span item;
    for (const char *at = allowed; span_next(&at, " ", &item);)
        if (!item_is_valid(item))
            return false;
    return true;
}
