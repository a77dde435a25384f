/* Listener: accepts connections from one listening socket. Owner: its worker. */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>
#include <uv.h>

typedef struct Listener Listener;

/* Takes the descriptor: non-blocking, close-on-exec, connected. */
typedef void ListenerAccept(void *context, int fd);

/* Binds and listens. With is_shared each worker opens its own socket on the same address (SO_REUSEPORT) and the kernel
   spreads the connections; unix sockets cannot, so their workers share one descriptor, duplicated by the caller.
   A stale unix socket file is replaced, one that somebody serves is not (-EADDRINUSE). 0 or -errno. */
int listener_open(int *fd, const struct sockaddr *address, socklen_t n_address, bool is_dual_stack, bool is_shared);

/* Owns the descriptor from now on, also on error. 0 or -errno. */
int listener_new(Listener **out, uv_loop_t *loop, int fd, ListenerAccept *accepted, void *context);
Listener *listener_free(Listener *listener); /* stops at once; its memory goes with the loop's next turn; NULL */
