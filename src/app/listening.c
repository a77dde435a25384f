#include "app/listening.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "net/listener.h"

int listening_init(Listening *listening) {
    listening->n_bound = 0;
    int r = activation_init(&listening->inherited, ACTIVATION_FIRST);
    if (r < 0)
        log_event(LOG_LEVEL_ERROR, "cannot_inherit",
                  log_text("reason", r == -ENOTSOCK ? "a descriptor is not a listening socket" : strerror(-r)));
    return r < 0 ? error_trace(r) : 0;
}

static const char *listening_kind(bool is_tls) {
    return is_tls ? "wss" : "clients";
}

static void listening_log(const ListenAddress *address, bool is_tls, bool is_inherited) {
    char text[LISTEN_ADDRESS_TEXT_SIZE];
    listen_address_format(text, sizeof(text), address);
    log_event(LOG_LEVEL_INFO, "listening", log_text("kind", listening_kind(is_tls)), log_text("address", text),
              log_text("socket", is_inherited ? "inherited" : "own"));
}

/* SO_REUSEPORT would let two nodes share an address without a word: so make sure that nobody serves it. */
static int listening_probe(const ListenAddress *address) {
    int fd;
    int r = listener_open(&fd, &address->socket.any, address->n_bytes, address->is_dual_stack, false);
    if (r < 0)
        return error_trace(r);
    close(fd);
    return 0;
}

/* One descriptor, duplicated: unix sockets cannot be shared otherwise, and an inherited one is to be that very one. */
static int listening_share(int first, bool is_tls, Worker *workers, uint32_t n_workers) {
    int r = 0;
    for (uint32_t i = 1; r == 0 && i < n_workers; i++) {
        int fd = dup(first);
        r = fd < 0 ? error_origin(-errno) : worker_listen(&workers[i], fd, is_tls);
    }
    int s = worker_listen(&workers[0], first, is_tls); /* last, as it owns the descriptor even where it fails */
    return r < 0 ? error_trace(r) : s;
}

/* The first worker's socket settles the port when it was 0. */
static int listening_bind(ListenAddress *address, bool is_tls, Worker *workers, uint32_t n_workers) {
    bool is_local = address->socket.any.sa_family == AF_UNIX;
    int r = is_local ? 0 : listening_probe(address);
    for (uint32_t i = 0; r == 0 && i < n_workers; i++) {
        int fd = -1;
        r = listener_open(&fd, &address->socket.any, address->n_bytes, address->is_dual_stack, !is_local);
        if (r == 0 && is_local)
            return listening_share(fd, is_tls, workers, n_workers);
        if (r == 0)
            r = worker_listen(&workers[i], fd, is_tls);
        if (r == 0 && i == 0)
            getsockname(fd, &address->socket.any, &address->n_bytes);
    }
    return r < 0 ? error_trace(r) : 0;
}

static ListeningBound listening_bound(const ListenAddress *address) {
    struct stat facts;
    ListeningBound bound = {.address = *address};
    if (address->socket.any.sa_family == AF_UNIX &&
        stat(((const struct sockaddr_un *)&address->socket)->sun_path, &facts) == 0) {
        bound.inode = facts.st_ino;
        bound.made_at_ns = (uint64_t)facts.st_mtim.tv_sec * UINT64_C(1000000000) + (uint64_t)facts.st_mtim.tv_nsec;
    }
    return bound;
}

/* The next node may have opened its own there. */
static void listening_remove(const ListeningBound *bound) {
    const ListeningBound there = listening_bound(&bound->address);
    if (bound->inode != 0 && there.inode == bound->inode && there.made_at_ns == bound->made_at_ns)
        unlink(((const struct sockaddr_un *)&bound->address.socket)->sun_path);
}

static int listening_open_one(Listening *listening, const ListenAddress *asked, bool is_tls, Worker *workers,
                              uint32_t n_workers) {
    ListenAddress address = *asked;
    int fd = activation_take_at(&listening->inherited, &address);
    int r = fd >= 0 ? listening_share(fd, is_tls, workers, n_workers) : listening_bind(&address, is_tls, workers, n_workers);
    if (r < 0) {
        char text[LISTEN_ADDRESS_TEXT_SIZE];
        listen_address_format(text, sizeof(text), &address);
        log_event(LOG_LEVEL_ERROR, "cannot_listen", log_text("kind", listening_kind(is_tls)), log_text("address", text),
                  log_text("reason", strerror(-r)));
        return error_trace(r);
    }
    if (fd < 0)
        listening->bound[listening->n_bound++] = listening_bound(&address);
    listening_log(&address, is_tls, fd >= 0);
    return 0;
}

int listening_open(Listening *listening, const ListenAddress *addresses, uint32_t n_addresses, bool is_tls, Worker *workers,
                   uint32_t n_workers) {
    bool is_named = false;
    ListenAddress address;
    int fd, r = 0;
    while (r == 0 && n_addresses > 0 &&
           (fd = activation_take_named(&listening->inherited, listening_kind(is_tls), &address)) >= 0) {
        is_named = true;
        r = listening_share(fd, is_tls, workers, n_workers);
        if (r == 0)
            listening_log(&address, is_tls, true);
    }
    for (uint32_t i = 0; r == 0 && !is_named && i < n_addresses; i++)
        r = listening_open_one(listening, &addresses[i], is_tls, workers, n_workers);
    return r < 0 ? error_trace(r) : 0;
}

int listening_settle(const Listening *listening) {
    char text[LISTEN_ADDRESS_TEXT_SIZE];
    const ActivationSocket *left = activation_left(&listening->inherited);
    if (!left)
        return 0;
    log_event(
        LOG_LEVEL_ERROR, "socket_without_use", log_text("name", left->name),
        log_text("address", listen_address_format(text, sizeof(text), &left->address)),
        log_text("reason",
                 "an inherited socket is at none of listen.address, listen.tls_address and admin.address, and its name is none "
                 "of clients, wss and admin that are in use"));
    return error_origin(-EADDRNOTAVAIL);
}

void listening_finish(Listening *listening) {
    activation_finish(&listening->inherited);
    for (uint32_t i = 0; i < listening->n_bound; i++)
        listening_remove(&listening->bound[i]);
    listening->n_bound = 0;
}
