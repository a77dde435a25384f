#include "net/ws_connection.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "dialect/dialect.h"
#include "net/fault.h"

void ws_connection_free(WsConnection *connection) {
    buf_finish(&connection->channels);
    admission_leave(connection->server->options.admission, &connection->ticket);
    connection->server->n_connections--;
    if (connection->is_tls && !connection->is_shaken)
        counter_add(&connection->server->options.counters->tls_failed, 1);
    free(connection);
}

static void ws_connection_refuse(WsConnection *connection, int fd) {
    counter_add(&connection->server->options.counters->refused, 1);
    if (connection->session)
        session_gone(connection->session);
    ws_connection_free(connection);
    if (fd >= 0)
        close(fd);
}

static struct lws *ws_connection_adopt(WsConnection *connection, int fd) {
    WsServer *server = connection->server;
    bool is_tls = connection->is_tls;
    lws_sock_file_fd_type socket = {.sockfd = fd};
    unsigned type = LWS_ADOPT_HTTP | LWS_ADOPT_SOCKET | (is_tls ? LWS_ADOPT_ALLOW_SSL : 0u);
    struct lws_vhost *vhost = is_tls ? server->tls_vhost : server->vhost;
    struct lws *wsi = lws_adopt_descriptor_vhost(vhost, (lws_adoption_type)type, socket, NULL, NULL);
    if (wsi && is_tls)
        connection->is_shaken = ws_tls_watch(wsi);
    return wsi;
}

void ws_connection_new(WsServer *server, WsArrival *arrival) {
    int fd = arrival->fd;
    WsConnection *connection = calloc(1, sizeof(*connection));
    if (!connection) {
        counter_add(&server->options.counters->refused, 1);
        admission_leave(server->options.admission, &arrival->ticket);
        close(fd);
        return;
    }
    connection->ticket = arrival->ticket;
    connection->is_proxied = arrival->is_proxied;
    server->n_connections++;
    connection->transport.ops = &ws_transport_ops;
    connection->server = server;
    connection->is_tls = arrival->is_tls;
    connection->is_close_lost = fault_loses_close();
    buf_init(&connection->channels, DIALECT_CHANNELS_BYTES);
    server->options.table->now_ms = clock_now_ms();
    if (session_new(&connection->session, server->options.table, &connection->transport) < 0) {
        ws_connection_refuse(connection, fd);
        return;
    }
    socket_prepare(fd, &server->options.settings.socket);
    struct lws *wsi = ws_connection_adopt(connection, fd);
    if (!wsi) { /* it has closed the descriptor */
        ws_connection_refuse(connection, -1);
        return;
    }
    connection->wsi = wsi;
    lws_set_opaque_user_data(wsi, connection);
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0); /* the session's own deadline runs */
}

void ws_connection_end(WsConnection *connection) {
    lws_set_opaque_user_data(connection->wsi, NULL);
    if (lws_partial_buffered(connection->wsi)) /* it gives up bytes of ours, so what the kernel holds is of no use either */
        socket_drop(lws_get_socket_fd(connection->wsi));
    if (connection->is_close_lost) {
        connection->wsi = NULL;
        return;
    }
    if (connection->served != CAUSE_NONE)
        session_terminate(connection->session, connection->served);
    session_gone(connection->session);
    ws_connection_free(connection);
}

void ws_connection_established(WsConnection *connection) {
    admission_shaken(connection->server->options.admission, &connection->ticket);
    const DialectOps *dialect = connection->dialect;
    Buf channels = connection->channels;
    buf_init(&connection->channels, DIALECT_CHANNELS_BYTES);
    session_open(connection->session, dialect, (const char *)channels.bytes, channels.n_bytes);
    buf_finish(&channels);
}
