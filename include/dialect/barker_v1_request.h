/* barker.v1, from the client: what one JSON text asks for. Owner: the connection's worker.
   Functions give a BarkerV1Error to tell the client, with request->detail in words, or -ENOMEM. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "session/commands.h"

typedef struct BarkerV1Request {
    json_t *root;
    char *bytes; /* the text: borrowed, and scratch for what is decoded */
    size_t n_bytes;
    const char *type;   /* NUL-terminated; a type with a NUL inside is none */
    uint64_t id;        /* 0: none */
    const char *detail; /* NULL, or a constant text: what is wrong */
} BarkerV1Request;

/* The text is valid UTF-8. On an error the request holds what was understood before it; finish it all the same. */
int barker_v1_request_parse(BarkerV1Request *request, char *bytes, size_t n_bytes);
void barker_v1_request_finish(BarkerV1Request *request);

/* The span lives as long as the request. The name is not checked. */
int barker_v1_request_channel(BarkerV1Request *request, const char **channel, size_t *n_channel);
/* NULL when the request has no token. The span lives as long as the request. */
int barker_v1_request_token(BarkerV1Request *request, const char **token, size_t *n_token);
/* The place {"epoch","seq"} under that name; epoch 0 when the request has none. */
int barker_v1_request_position(BarkerV1Request *request, const char *name, Position *position);
/* since, limit and reverse of a `history`; without a limit UINT32_MAX. */
int barker_v1_request_query(BarkerV1Request *request, HistoryQuery *query);
/* What to publish: the value of `data` exactly as it was written, the string of `text`, or the bytes of `base64`. The span
   lives as long as the request's bytes; base64 is decoded over them, so ask for it once and last. */
int barker_v1_request_payload(BarkerV1Request *request, const char **payload, size_t *n_payload);
