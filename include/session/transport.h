/* Transport: what a session needs of a socket; net implements it, tests fake it. Owner: the connection's worker. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Transport Transport;

enum {
    TRANSPORT_WRITTEN,
    TRANSPORT_BLOCKED, /* all was taken, some still waits below; session_writeable is called when it has gone */
    TRANSPORT_FAILED,  /* nothing was taken, or the rest is lost: the socket is dead */
};

/* The states of a TCP socket that matter here, with Linux's numbers. All that an accepted one may have but these first two are
   on its way to the end (RFC 9293 section 3.3.2). */
enum { TRANSPORT_TCP_ESTABLISHED = 1, TRANSPORT_TCP_SYN_RECV = 3, TRANSPORT_TCP_CLOSE = 7, TRANSPORT_TCP_CLOSE_WAIT = 8 };

/* What the library and the kernel say of a connection, whatever we believe. */
typedef struct TransportFacts {
    bool is_alive; /* the library still has the connection; when it has not, the rest is zero */
    bool is_tcp;
    bool is_holding; /* the library holds bytes of ours */
    uint8_t tcp_state;
    uint32_t n_unsent_bytes; /* in the kernel, not acknowledged */
} TransportFacts;

typedef struct TransportOps {
    int (*write)(Transport *transport, const uint8_t *bytes, size_t n_bytes); /* one system call */
    /* Destroys the socket at once, whatever waits; also when the library has lost it without a word. Only the reaper calls it,
       never inside the transport's own callback. The transport does not call the session again, and frees itself. */
    void (*terminate)(Transport *transport);
    /* Milliseconds since the kernel last received a byte from the peer; -1 when it cannot say. */
    int64_t (*silent_ms)(Transport *transport);
    /* Bytes of ours that the peer's kernel has acknowledged since the connection began; never less than before. It moves while
       the peer reads, although the library holds the rest. */
    uint64_t (*acknowledged_bytes)(Transport *transport);
    void (*inspect)(Transport *transport, TransportFacts *facts); /* fills all of it */
} TransportOps;

struct Transport {
    const TransportOps *ops;
};
