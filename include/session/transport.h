/* Transport: what a session needs of a socket; net implements it, tests fake it. Owner: the connection's worker. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct Transport Transport;

enum {
    TRANSPORT_WRITTEN,
    TRANSPORT_BLOCKED, /* all was taken, some still waits below; session_writeable is called when it has gone */
    TRANSPORT_FAILED,  /* nothing was taken, or the rest is lost: the socket is dead */
};

typedef struct TransportOps {
    int (*write)(Transport *transport, const uint8_t *bytes, size_t n_bytes); /* one system call */
    /* Destroys the socket at once, whatever waits. Only the reaper calls it, never inside the transport's own callback. The
       transport does not call the session again, and frees itself. */
    void (*terminate)(Transport *transport);
    /* Milliseconds since the kernel last received a byte from the peer; -1 when it cannot say. */
    int64_t (*silent_ms)(Transport *transport);
} TransportOps;

struct Transport {
    const TransportOps *ops;
};
