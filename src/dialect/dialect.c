#include "dialect/dialect.h"

#include <string.h>

#include "base/error.h"
#include "hub/channel.h"

typedef struct Place {
    const char *path;
    const DialectOps *dialect;
    bool has_channel_in_path; /* the path may go on with a slash and a channel's name */
    bool needs_channel;
} Place;

static const Place places[] = {
    {"/raw", &dialect_raw, true, true},
    {"/ws", &dialect_barker_v1, false, false},
};

const char *dialect_name(unsigned index) {
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (places[i].dialect->encoder.index == index)
            return places[i].dialect->name;
    return NULL;
}

static const char reason_not_found[] = "nothing lives at this path";
static const char reason_bad_name[] = "a channel name must be UTF-8, 1 to 255 bytes, without control characters";
static const char reason_no_channel[] = "name a channel: /raw/<channel> or /raw?channel=<channel>";
static const char reason_too_many[] = "too many channels in one request";

/* Whether the name is there already; *n_channels: how many are. */
static bool has_channel(const Buf *channels, const char *name, size_t *n_channels) {
    *n_channels = 0;
    for (size_t at = 0; at < channels->n_bytes; (*n_channels)++) {
        const char *other = (const char *)channels->bytes + at;
        if (strcmp(other, name) == 0)
            return true;
        at += strlen(other) + 1;
    }
    return false;
}

static int add_channel(Buf *channels, const char *name, size_t n_name, const char **reason) {
    if (!channel_name_is_valid(name, n_name)) {
        *reason = reason_bad_name;
        return DIALECT_BAD_REQUEST;
    }
    char text[CHANNEL_NAME_MAX + 1];
    memcpy(text, name, n_name);
    text[n_name] = '\0';
    size_t n_channels;
    if (has_channel(channels, text, &n_channels))
        return DIALECT_OK;
    int r = n_channels < DIALECT_CHANNELS_MAX ? buf_append(channels, text, n_name + 1) : BUF_FULL;
    if (r < 0)
        return error_trace(r);
    if (r == BUF_FULL) {
        *reason = reason_too_many;
        return DIALECT_BAD_REQUEST;
    }
    return DIALECT_OK;
}

static int add_query_channels(Buf *channels, const DialectRequest *request, const char **reason) {
    static const char name[] = "channel=";
    const size_t n_name = sizeof(name) - 1;
    const char *end = request->parameters + request->n_parameters;
    for (const char *at = request->parameters; at < end;) {
        size_t n = strnlen(at, (size_t)(end - at));
        if (n >= n_name && memcmp(at, name, n_name) == 0) {
            int r = add_channel(channels, at + n_name, n - n_name, reason);
            if (r != DIALECT_OK)
                return r < 0 ? error_trace(r) : r;
        }
        at += n + 1;
    }
    return DIALECT_OK;
}

static const Place *find_place(const DialectRequest *request) {
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        size_t n = strlen(places[i].path);
        if (request->n_path < n || memcmp(request->path, places[i].path, n) != 0)
            continue;
        if (request->n_path == n || (places[i].has_channel_in_path && request->path[n] == '/'))
            return &places[i];
    }
    return NULL;
}

int dialect_find(const DialectOps **out, const DialectRequest *request, Buf *channels, const char **reason) {
    buf_clear(channels);
    const Place *place = find_place(request);
    if (!place) {
        *reason = reason_not_found;
        return DIALECT_NOT_FOUND;
    }
    int r = DIALECT_OK;
    size_t n_before = strlen(place->path) + 1; /* the slash too */
    if (request->n_path > n_before)
        r = add_channel(channels, request->path + n_before, request->n_path - n_before, reason);
    if (r == DIALECT_OK)
        r = add_query_channels(channels, request, reason);
    if (r != DIALECT_OK)
        return r < 0 ? error_trace(r) : r;
    if (place->needs_channel && channels->n_bytes == 0) {
        *reason = reason_no_channel;
        return DIALECT_BAD_REQUEST;
    }
    *out = place->dialect;
    return DIALECT_OK;
}
