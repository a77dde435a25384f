/* Dialects: which one a request's path asks for, and what it asks for. Any thread; no state. */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "hub/message.h"
#include "session/dialect_ops.h"

/* As net hands it over: percent-encoding undone, and `+` a space. */
typedef struct DialectRequest {
    const char *path; /* without the query */
    size_t n_path;
    const char *parameters; /* of the query, each "name=value" with a NUL behind it; n_parameters bytes in all */
    size_t n_parameters;
} DialectRequest;

enum {
    DIALECT_OK,
    DIALECT_NOT_FOUND,   /* no dialect lives at that path: HTTP 404 */
    DIALECT_BAD_REQUEST, /* HTTP 400, reason says why */
};

enum {
    DIALECT_CHANNELS_MAX = 64,                                              /* in one request */
    DIALECT_CHANNELS_BYTES = DIALECT_CHANNELS_MAX * (CHANNEL_NAME_MAX + 1), /* what a Buf needs for all of them */
};

const char *dialect_name(unsigned index); /* of the one whose encoder has this index; NULL: none */

/* `/raw/<channel>`, `/raw?channel=a&channel=b` or both together; `/ws`, which takes the same query. All behind `/raw/` is one
   name, slashes included. Other query parameters are ignored.
   channels: filled with the names asked for, valid and distinct, each NUL-terminated (limit it first). *reason is a
   constant text, set unless the answer is DIALECT_OK. -ENOMEM. */
int dialect_find(const DialectOps **out, const DialectRequest *request, Buf *channels, const char **reason);

enum { DIALECT_INFO_MAX = 1024, DIALECT_MEMBER_MAX = 2 * PRESENCE_USER_MAX + DIALECT_INFO_MAX + 32 }; /* bytes */

/* Who a client says it is. */
typedef struct DialectIdentity {
    const char *user; /* within the request's parameters; NULL: it says nothing */
    size_t n_user;
    size_t n_member;
    char member[DIALECT_MEMBER_MAX]; /* {"user":…,"info":…} for presence, without info when there is none */
} DialectIdentity;

/* `user` (UTF-8, 1 to PRESENCE_USER_MAX bytes, no control characters) and with it `info` (JSON, at most DIALECT_INFO_MAX bytes) of the
   query, the same in every dialect. DIALECT_OK or DIALECT_BAD_REQUEST. */
int dialect_identity(DialectIdentity *out, const DialectRequest *request, const char **reason);

extern const DialectOps dialect_raw;
extern const DialectOps dialect_barker_v1;
