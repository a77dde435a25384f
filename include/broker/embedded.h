/* Embedded backend: no Redis at all, the same semantics in memory for one node (history, presence), with a listener that speaks the Redis protocol
   so that redis-cli and every Redis client can publish and subscribe. Owner: the bus thread. */
#pragma once

#include <stddef.h>
#include <sys/socket.h>
#include <uv.h>

#include "broker/backend.h"

typedef struct EmbeddedOptions {
    const char *prefix;             /* borrowed; clients of the listener use prefixed names, as with Redis */
    const struct sockaddr *address; /* NULL: no listener */
    size_t client_limit_bytes;      /* a listener's client with more unread output than this is dropped */
    unsigned n_clients_limit;
    size_t history_total_bytes; /* of all channels' histories; over it those that were published to longest ago are forgotten */
} EmbeddedOptions;

/* 0, or -errno (-EADDRINUSE and so on). Up at the first turn of the loop. */
int embedded_backend_new(Backend **out, uv_loop_t *loop, const EmbeddedOptions *options, const BackendEvents *events,
                         void *context);
Backend *embedded_backend_free(Backend *backend); /* after ops->close and once the loop has run dry; NULL */
int embedded_backend_address(const Backend *backend, struct sockaddr_storage *out); /* as bound; -ENOENT without a listener */
