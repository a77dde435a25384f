/* Listener: accepts connections from one listening socket. Owner: its worker. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/peer.h"

typedef struct Listener Listener;

typedef struct ListenerOps {
    /* How long to leave new connections in the kernel's backlog; 0: one may be accepted. Asked before each. */
    uint32_t (*wait_ms)(void *context);
    /* Takes the descriptor: non-blocking, close-on-exec, connected. */
    void (*accepted)(void *context, int fd, const Peer *peer);
} ListenerOps;

/* Binds and listens. With is_shared each worker opens its own socket on the same address (SO_REUSEPORT) and the kernel
   spreads the connections; unix sockets cannot, so their workers share one descriptor, duplicated by the caller.
   A stale unix socket file is replaced, one that somebody serves is not (-EADDRINUSE). 0 or -errno. */
int listener_open(int *fd, const struct sockaddr *address, socklen_t n_address, bool is_dual_stack, bool is_shared);

/* Owns the descriptor from now on, also on error. 0 or -errno. */
int listener_new(Listener **out, uv_loop_t *loop, int fd, const ListenerOps *ops, void *context);
Listener *listener_free(Listener *listener); /* stops at once; its memory goes with the loop's next turn; NULL */
