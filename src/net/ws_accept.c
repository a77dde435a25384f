/* From the listener to the library: what is let in, and whom it comes from. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "net/proxy_header.h"
#include "net/ws_connection.h"

/* A connection of which the proxy's header has not come whole. */
typedef struct ProxyWait {
    ListNode link;
    WsServer *server;
    uv_poll_t poll;
    uv_timer_t deadline;
    unsigned n_open_handles;
    WsArrival arrival;
    size_t n_bytes;
    uint8_t bytes[PROXY_HEADER_MAX];
} ProxyWait;

static void ws_refuse(WsServer *server, WsArrival *arrival) {
    counter_add(&server->options.counters->refused, 1);
    admission_leave(server->options.admission, &arrival->ticket);
    close(arrival->fd);
}

static void ws_admit(WsServer *server, WsArrival *arrival, const Peer *peer) {
    Admission *admission = server->options.admission;
    unsigned limit = server->options.settings.n_connections_limit;
    if (limit && server->n_connections >= limit) {
        ws_refuse(server, arrival);
        return;
    }
    if (!admission_enter(admission, &arrival->ticket, peer)) {
        counter_add(&server->options.counters->refused_addresses, 1);
        ws_refuse(server, arrival);
        return;
    }
    arrival->is_proxied = admission_trusts(admission, peer);
    ws_connection_new(server, arrival);
}

static void proxy_on_closed(uv_handle_t *handle) {
    ProxyWait *wait = handle->data;
    if (--wait->n_open_handles == 0)
        free(wait);
}

static void proxy_end(ProxyWait *wait) {
    list_unlink(&wait->link);
    uv_close((uv_handle_t *)&wait->poll, proxy_on_closed);
    uv_close((uv_handle_t *)&wait->deadline, proxy_on_closed);
}

static void proxy_refuse(ProxyWait *wait) {
    proxy_end(wait);
    counter_add(&wait->server->options.counters->refused_proxies, 1);
    ws_refuse(wait->server, &wait->arrival);
}

/* Takes the header and not a byte more: the rest is the library's to read. */
static int proxy_read(ProxyWait *wait, ProxyHeader *header) {
    ssize_t n = recv(wait->arrival.fd, wait->bytes + wait->n_bytes, sizeof(wait->bytes) - wait->n_bytes, MSG_PEEK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return PROXY_HEADER_MORE;
    if (n <= 0)
        return PROXY_HEADER_BAD;
    size_t n_before = wait->n_bytes;
    int r = proxy_header_parse(header, wait->bytes, n_before + (size_t)n);
    if (r == PROXY_HEADER_BAD)
        return r;
    size_t n_taken = r == PROXY_HEADER_OK ? header->n_bytes - n_before : (size_t)n;
    if (recv(wait->arrival.fd, wait->bytes + n_before, n_taken, 0) != (ssize_t)n_taken)
        return PROXY_HEADER_BAD;
    wait->n_bytes += n_taken;
    return r;
}

static void proxy_on_readable(uv_poll_t *poll, int status, int events) {
    ProxyWait *wait = poll->data;
    ProxyHeader header;
    int r = status < 0 ? PROXY_HEADER_BAD : proxy_read(wait, &header);
    if (r == PROXY_HEADER_MORE)
        return;
    if (r != PROXY_HEADER_OK) {
        proxy_refuse(wait);
        return;
    }
    /* A proxy that speaks for itself, to see whether we live, counts as nobody. */
    proxy_end(wait);
    ws_admit(wait->server, &wait->arrival, &header.source);
}

static void proxy_on_deadline(uv_timer_t *timer) {
    proxy_refuse(timer->data);
}

static void proxy_accept(WsServer *server, WsArrival *arrival) {
    ProxyWait *wait = calloc(1, sizeof(*wait));
    if (!wait || uv_poll_init(server->loop, &wait->poll, arrival->fd) < 0) {
        free(wait);
        ws_refuse(server, arrival);
        return;
    }
    uv_timer_init(server->loop, &wait->deadline);
    wait->server = server;
    wait->arrival = *arrival;
    wait->n_open_handles = 2;
    wait->poll.data = wait->deadline.data = wait;
    list_init(&wait->link);
    list_append(&server->waiting, &wait->link);
    uv_timer_start(&wait->deadline, proxy_on_deadline, server->options.table->options.watchdog.handshake_ms, 0);
    uv_poll_start(&wait->poll, UV_READABLE, proxy_on_readable);
}

static uint32_t ws_wait_ms(void *context) {
    WsServer *server = context;
    uint32_t wait_ms = admission_wait_ms(server->options.admission, clock_now_ms());
    if (wait_ms > 0)
        counter_add(&server->options.counters->paced, 1);
    return wait_ms;
}

static void ws_take(WsServer *server, int fd, bool is_tls, const Peer *peer) {
    WsArrival arrival = {.fd = fd, .is_tls = is_tls};
    admission_accepted(server->options.admission, &arrival.ticket, clock_now_ms());
    if (!server->options.has_proxy_header) {
        ws_admit(server, &arrival, peer);
    } else if (admission_trusts(server->options.admission, peer)) {
        proxy_accept(server, &arrival);
    } else {
        counter_add(&server->options.counters->refused_proxies, 1);
        ws_refuse(server, &arrival);
    }
}

static void ws_accepted(void *context, int fd, const Peer *peer) {
    ws_take(context, fd, false, peer);
}

static void ws_accepted_tls(void *context, int fd, const Peer *peer) {
    ws_take(context, fd, true, peer);
}

const ListenerOps ws_server_listener_ops = {.wait_ms = ws_wait_ms, .accepted = ws_accepted};
const ListenerOps ws_server_tls_listener_ops = {.wait_ms = ws_wait_ms, .accepted = ws_accepted_tls};

void ws_server_stop_accepting(WsServer *server) {
    while (!list_is_empty(&server->waiting)) {
        ProxyWait *wait = container_of(server->waiting.next, ProxyWait, link);
        proxy_end(wait);
        ws_refuse(server, &wait->arrival);
    }
}
