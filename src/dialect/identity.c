#include <string.h>

#include "base/utf8.h"
#include "dialect/dialect.h"
#include "dialect/json_text.h"
#include "hub/channel.h"

typedef struct Parameter {
    const char *value; /* NULL: there is none */
    size_t n_value;
    bool is_repeated;
} Parameter;

static Parameter find_parameter(const DialectRequest *request, const char *name) {
    Parameter found = {.value = NULL};
    size_t n_name = strlen(name);
    const char *end = request->parameters + request->n_parameters;
    for (const char *at = request->parameters; at < end;) {
        size_t n = strnlen(at, (size_t)(end - at));
        if (n > n_name && memcmp(at, name, n_name) == 0 && at[n_name] == '=') {
            found.is_repeated = found.value != NULL;
            found.value = at + n_name + 1;
            found.n_value = n - n_name - 1;
            if (found.is_repeated)
                break;
        }
        at += n + 1;
    }
    return found;
}

static const char *judge(const Parameter *user, const Parameter *info) {
    if (user->is_repeated || info->is_repeated)
        return "user and info may stand there once";
    if (!user->value)
        return info->value ? "info needs a user" : NULL;
    /* What holds for a channel's name holds for a user's. */
    if (user->n_value > PRESENCE_USER_MAX || !channel_name_is_valid(user->value, user->n_value))
        return "a user must be UTF-8, 1 to 255 bytes, without control characters";
    if (info->n_value > DIALECT_INFO_MAX)
        return "info must be at most 1024 bytes";
    if (info->value && (!utf8_is_valid(info->value, info->n_value) || !json_text_is_valid(info->value, info->n_value)))
        return "info must be JSON";
    return NULL;
}

static char *append(char *out, const char *bytes, size_t n_bytes) {
    memcpy(out, bytes, n_bytes);
    return out + n_bytes;
}

static size_t write_member(char *out, const Parameter *user, const Parameter *info) {
    char *at = append(out, "{\"user\":", strlen("{\"user\":"));
    at = json_text_quote(at, user->value, user->n_value);
    if (info->value) {
        at = append(at, ",\"info\":", strlen(",\"info\":"));
        at = append(at, info->value, info->n_value);
    }
    return (size_t)(append(at, "}", 1) - out);
}

int dialect_identity(DialectIdentity *out, const DialectRequest *request, const char **reason) {
    Parameter user = find_parameter(request, "user");
    Parameter info = find_parameter(request, "info");
    *reason = judge(&user, &info);
    if (*reason)
        return DIALECT_BAD_REQUEST;
    out->user = user.value;
    out->n_user = user.n_value;
    out->n_member = user.value ? write_member(out->member, &user, &info) : 0;
    if (out->n_member > 0 && !json_text_is_valid(out->member, out->n_member)) {
        *reason = "info is nested too deep";
        return DIALECT_BAD_REQUEST;
    }
    return DIALECT_OK;
}
