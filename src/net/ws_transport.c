#include <libwebsockets.h>
#include <sys/socket.h>

#include "base/list.h"
#include "net/ws_connection.h"

enum { WS_TLS_RECORD = 16 * 1024 }; /* bytes; RFC 8446 section 5.1 */

static WsConnection *ws_of(Transport *transport) {
    return container_of(transport, WsConnection, transport);
}

/* One call of the TLS library takes one record, and what it leaves the library of WebSockets would copy; once that holds
   something, it gets all the rest at once. */
static size_t ws_part(const WsConnection *connection, size_t n_bytes) {
    if (!connection->is_tls || n_bytes <= WS_TLS_RECORD || lws_partial_buffered(connection->wsi))
        return n_bytes;
    return WS_TLS_RECORD;
}

static int ws_write(Transport *transport, const uint8_t *bytes, size_t n_bytes) {
    WsConnection *connection = ws_of(transport);
    if (!connection->wsi)
        return TRANSPORT_FAILED;
    for (size_t n_done = 0, n_part; n_done < n_bytes; n_done += n_part) {
        n_part = ws_part(connection, n_bytes - n_done);
        /* The library does not change what it sends raw; its parameter is older than const. */
        if (lws_write(connection->wsi, (unsigned char *)(uintptr_t)(bytes + n_done), n_part, LWS_WRITE_RAW) < 0)
            return TRANSPORT_FAILED;
    }
    connection->n_written_bytes += n_bytes;
    return lws_partial_buffered(connection->wsi) ? TRANSPORT_BLOCKED : TRANSPORT_WRITTEN;
}

/* The library waits up to five seconds for bytes that it still holds, unless a write has failed: so make one fail. */
static void ws_discard(struct lws *wsi) {
    int fd = lws_get_socket_fd(wsi);
    socket_drop(fd);
    if (!lws_partial_buffered(wsi))
        return;
    uint8_t nothing[LWS_PRE + 1] = {0};
    shutdown(fd, SHUT_RDWR);
    lws_write(wsi, nothing + LWS_PRE, 1, LWS_WRITE_RAW);
}

static void ws_terminate(Transport *transport) {
    WsConnection *connection = ws_of(transport);
    struct lws *wsi = connection->wsi;
    ws_connection_free(connection);
    if (!wsi)
        return;
    lws_set_opaque_user_data(wsi, NULL);
    ws_discard(wsi);
    lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
}

static SocketFacts ws_look(const WsConnection *connection) {
    return connection->wsi ? socket_look(lws_get_socket_fd(connection->wsi)) : (SocketFacts){0};
}

static int64_t ws_silent_ms(Transport *transport) {
    SocketFacts facts = ws_look(ws_of(transport));
    return facts.is_tcp ? (int64_t)facts.silent_ms : -1;
}

static uint64_t ws_acknowledged_bytes(Transport *transport) {
    WsConnection *connection = ws_of(transport);
    SocketFacts facts = ws_look(connection);
    return facts.is_tcp ? facts.n_acknowledged_bytes : connection->n_written_bytes - facts.n_unsent_bytes;
}

static void ws_inspect(Transport *transport, TransportFacts *facts) {
    WsConnection *connection = ws_of(transport);
    SocketFacts kernel = ws_look(connection);
    *facts = (TransportFacts){
        .is_alive = connection->wsi != NULL,
        .is_tcp = kernel.is_tcp,
        .tcp_state = kernel.tcp_state,
        .n_unsent_bytes = kernel.n_unsent_bytes,
        .is_holding = connection->wsi && lws_partial_buffered(connection->wsi),
    };
}

const TransportOps ws_transport_ops = {
    .write = ws_write,
    .terminate = ws_terminate,
    .silent_ms = ws_silent_ms,
    .acknowledged_bytes = ws_acknowledged_bytes,
    .inspect = ws_inspect,
};
