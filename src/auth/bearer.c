#include "auth/bearer.h"

static const Span nothing = {"", 0};

static bool has_prefix(Span span, const char *prefix) {
    size_t n = strlen(prefix);
    return span.n >= n && memcmp(span.at, prefix, n) == 0;
}

static Span behind(Span span, const char *prefix) {
    size_t n = strlen(prefix);
    return (Span){span.at + n, span.n - n};
}

Span bearer_of_authorization(const char *value) {
    Span scheme, token;
    if (!span_next(&value, " ", &scheme) || !span_is(scheme, "Bearer") || !span_next(&value, " ", &token))
        return nothing;
    return token;
}

/* RFC 6265 4.1.1 allows the value quotes. */
static Span without_quotes(Span value) {
    if (value.n >= 2 && value.at[0] == '"' && value.at[value.n - 1] == '"')
        return (Span){value.at + 1, value.n - 2};
    return value;
}

Span bearer_of_cookies(const char *value, const char *name) {
    size_t n_name = strlen(name);
    Span cookie;
    while (span_next(&value, "; \t", &cookie))
        if (cookie.n > n_name && memcmp(cookie.at, name, n_name) == 0 && cookie.at[n_name] == '=')
            return without_quotes((Span){cookie.at + n_name + 1, cookie.n - n_name - 1});
    return nothing;
}

Span bearer_of_subprotocols(const char *list) {
    Span name;
    while (span_next(&list, ", \t", &name))
        if (has_prefix(name, "bearer."))
            return behind(name, "bearer.");
    return nothing;
}

Span bearer_of_parameters(const char *parameters, size_t n_parameters) {
    const char *end = parameters + n_parameters;
    for (const char *at = parameters; at < end;) {
        Span parameter = {at, strnlen(at, (size_t)(end - at))};
        if (has_prefix(parameter, "token="))
            return behind(parameter, "token=");
        at += parameter.n + 1;
    }
    return nothing;
}
