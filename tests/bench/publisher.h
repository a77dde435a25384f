/* Publisher: pipelined PUBLISH over one Redis connection, without a library. Owner: the load generator's thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "address.h"

enum { PUBLISHER_LIMIT_BYTES = 64 * 1024 * 1024 };

typedef struct Publisher {
    int fd;
    char *out;
    size_t n_out;
    size_t n_sent;
    size_t n_allocated;
    char line[256]; /* a reply not yet whole; after -EPROTO, what Redis said */
    size_t n_line;
    uint64_t n_published;
    uint64_t n_answered;
    uint64_t n_unheard; /* answered with no receiver at all */
} Publisher;

int publisher_connect(Publisher *publisher, const Address *redis); /* blocking; 0 or -errno; then fd is non-blocking */
void publisher_close(Publisher *publisher);

/* Queues one command. 0; -ENOBUFS when Redis has taken too little for PUBLISHER_LIMIT_BYTES; -ENOMEM. */
int publisher_add(Publisher *publisher, const char *channel, const void *payload, size_t n_payload);
int publisher_flush(Publisher *publisher); /* sends what the socket takes; 0 or -errno; call again when writable */
int publisher_read(Publisher *publisher);  /* takes replies; 0; -EPROTO for an error reply; -ECONNRESET */
