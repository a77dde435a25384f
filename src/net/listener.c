#include "net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"

enum {
    LISTENER_BACKLOG = 4096, /* the kernel lowers it to net.core.somaxconn */
    LISTENER_ACCEPTS = 64,   /* of one turn, so that a storm of connections does not starve those that are open */
    LISTENER_PAUSE_MS = 100, /* after running out of descriptors */
};

struct Listener {
    uv_poll_t poll;
    uv_timer_t pause;
    int fd;
    unsigned n_open_handles;
    const ListenerOps *ops;
    void *context;
};

static int listener_set(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? error_origin(-errno) : 0;
}

/* A socket file without a server behind it refuses the connection. */
static void listener_remove_stale(const struct sockaddr *address, socklen_t n_address) {
    const struct sockaddr_un *local = (const struct sockaddr_un *)address;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, address, n_address) < 0 && errno == ECONNREFUSED)
        unlink(local->sun_path);
    close(fd);
}

static int listener_prepare(int fd, int family, bool is_dual_stack, bool is_shared) {
    if (family == AF_UNIX)
        return 0;
    int r = listener_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (r == 0 && is_shared)
        r = listener_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (r == 0 && family == AF_INET6)
        r = listener_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !is_dual_stack);
    return r;
}

int listener_open(int *out, const struct sockaddr *address, socklen_t n_address, bool is_dual_stack, bool is_shared) {
    if (address->sa_family == AF_UNIX)
        listener_remove_stale(address, n_address);
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_origin(-errno);
    int r = listener_prepare(fd, address->sa_family, is_dual_stack, is_shared);
    if (r == 0 && (bind(fd, address, n_address) < 0 || listen(fd, LISTENER_BACKLOG) < 0))
        r = error_origin(-errno);
    if (r < 0) {
        close(fd);
        return error_trace(r);
    }
    *out = fd;
    return 0;
}

static void listener_on_readable(uv_poll_t *poll, int status, int events);

static void listener_on_pause_over(uv_timer_t *timer) {
    Listener *listener = timer->data;
    uv_poll_start(&listener->poll, UV_READABLE, listener_on_readable);
}

/* What connects meanwhile stays in the backlog. */
static void listener_pause(Listener *listener, uint32_t pause_ms) {
    uv_poll_stop(&listener->poll);
    uv_timer_start(&listener->pause, listener_on_pause_over, pause_ms, 0);
}

static bool listener_is_exhausted(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void listener_on_readable(uv_poll_t *poll, int status, int events) {
    Listener *listener = poll->data;
    for (unsigned i = 0; i < LISTENER_ACCEPTS; i++) {
        uint32_t wait_ms = listener->ops->wait_ms(listener->context);
        if (wait_ms > 0) {
            listener_pause(listener, wait_ms);
            return;
        }
        struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
        socklen_t n_address = sizeof(address);
        int fd = accept4(listener->fd, (struct sockaddr *)&address, &n_address, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            Peer peer = peer_of_address((struct sockaddr *)&address);
            listener->ops->accepted(listener->context, fd, &peer);
            continue;
        }
        if (listener_is_exhausted(errno)) /* looking again at once would only burn the CPU */
            listener_pause(listener, LISTENER_PAUSE_MS);
        if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

static void listener_on_closed(uv_handle_t *handle) {
    Listener *listener = handle->data;
    if (--listener->n_open_handles == 0)
        free(listener);
}

int listener_new(Listener **out, uv_loop_t *loop, int fd, const ListenerOps *ops, void *context) {
    Listener *listener = calloc(1, sizeof(*listener));
    if (!listener) {
        close(fd);
        return error_origin(-ENOMEM);
    }
    *listener = (Listener){.fd = fd, .ops = ops, .context = context, .n_open_handles = 2};
    int r = uv_poll_init(loop, &listener->poll, fd);
    if (r < 0) {
        close(fd);
        free(listener);
        return error_origin(r);
    }
    uv_timer_init(loop, &listener->pause);
    listener->poll.data = listener->pause.data = listener;
    uv_poll_start(&listener->poll, UV_READABLE, listener_on_readable);
    *out = listener;
    return 0;
}

Listener *listener_free(Listener *listener) {
    if (!listener)
        return NULL;
    uv_close((uv_handle_t *)&listener->poll, listener_on_closed);
    uv_close((uv_handle_t *)&listener->pause, listener_on_closed);
    close(listener->fd);
    return NULL;
}
