/* RespRequest: one command of a Redis client, as an array of bulk strings or as a line of words. Owner: the bus thread.
   Our own parser, since redisReader knows replies only: no lines, and no bound on what an array may claim. */
#pragma once

#include <stddef.h>

enum {
    RESP_ARGS_MAX = 4096,
    RESP_ARG_MAX_BYTES = 16 << 20,
    RESP_LINE_MAX_BYTES = 64 << 10,
    RESP_REQUEST_MAX_BYTES = RESP_ARG_MAX_BYTES + RESP_LINE_MAX_BYTES,
};

enum { RESP_REQUEST_OK, RESP_REQUEST_PARTIAL, RESP_REQUEST_INVALID };

typedef struct RespText {
    const char *bytes;
    size_t n_bytes;
} RespText;

typedef struct RespRequest {
    RespText args[RESP_ARGS_MAX]; /* in the bytes that were parsed */
    size_t n_args;                /* may be 0: an empty command, to be ignored */
    size_t n_used;                /* the bytes that it took */
    const char *error;            /* invalid: what is wrong, in Redis' words */
} RespRequest;

/* RESP_REQUEST_OK; RESP_REQUEST_PARTIAL when more bytes are needed; RESP_REQUEST_INVALID. */
int resp_request_parse(RespRequest *request, const char *bytes, size_t n_bytes);
