#include "net/ws_connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "dialect/dialect.h"

enum {
    WS_PARAMETERS_LIMIT = 16 * 1024, /* bytes; all of a request's headers have less */
    WS_SUBPROTOCOLS_MAX = 127,       /* the library takes no longer list */
    WS_UPGRADE_MAX = 32,             /* longer values of Upgrade and Sec-WebSocket-Version are none that we serve */
};

static int ws_write(Transport *transport, const uint8_t *bytes, size_t n_bytes) {
    WsConnection *connection = container_of(transport, WsConnection, transport);
    /* The library does not change what it sends raw; its parameter is older than const. */
    int n = lws_write(connection->wsi, (unsigned char *)(uintptr_t)bytes, n_bytes, LWS_WRITE_RAW);
    if (n < 0)
        return TRANSPORT_FAILED;
    return lws_partial_buffered(connection->wsi) ? TRANSPORT_BLOCKED : TRANSPORT_WRITTEN;
}

/* The library waits up to five seconds for bytes that it still holds, unless a write has failed: so make one fail. Without
   lingering the kernel drops what it holds, too. */
static void ws_discard(struct lws *wsi) {
    int fd = lws_get_socket_fd(wsi);
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    if (!lws_partial_buffered(wsi))
        return;
    uint8_t nothing[LWS_PRE + 1] = {0};
    shutdown(fd, SHUT_RDWR);
    lws_write(wsi, nothing + LWS_PRE, 1, LWS_WRITE_RAW);
}

static void ws_connection_free(WsConnection *connection) {
    buf_finish(&connection->channels);
    connection->server->n_connections--;
    free(connection);
}

static void ws_terminate(Transport *transport) {
    WsConnection *connection = container_of(transport, WsConnection, transport);
    struct lws *wsi = connection->wsi;
    lws_set_opaque_user_data(wsi, NULL);
    ws_connection_free(connection);
    ws_discard(wsi);
    lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
}

static int64_t ws_silent_ms(Transport *transport) {
    WsConnection *connection = container_of(transport, WsConnection, transport);
    struct tcp_info info;
    socklen_t n_info = sizeof(info);
    if (getsockopt(lws_get_socket_fd(connection->wsi), IPPROTO_TCP, TCP_INFO, &info, &n_info) < 0)
        return -1;
    return info.tcpi_last_data_recv;
}

static const TransportOps ws_transport_ops = {.write = ws_write, .terminate = ws_terminate, .silent_ms = ws_silent_ms};

static void ws_connection_refuse(WsConnection *connection, int fd) {
    counter_add(&connection->server->counters.refused, 1);
    if (connection->session)
        session_gone(connection->session);
    ws_connection_free(connection);
    if (fd >= 0)
        close(fd);
}

static void ws_prepare_socket(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* fails on unix sockets, which need it not */
}

void ws_connection_new(WsServer *server, int fd) {
    WsConnection *connection = calloc(1, sizeof(*connection));
    if (!connection) {
        counter_add(&server->counters.refused, 1);
        close(fd);
        return;
    }
    server->n_connections++;
    connection->transport.ops = &ws_transport_ops;
    connection->server = server;
    buf_init(&connection->channels, DIALECT_CHANNELS_BYTES);
    server->options.table->now_ms = clock_now_ms();
    if (session_new(&connection->session, server->options.table, &connection->transport) < 0) {
        ws_connection_refuse(connection, fd);
        return;
    }
    ws_prepare_socket(fd);
    lws_sock_file_fd_type socket = {.sockfd = fd};
    struct lws *wsi = lws_adopt_descriptor_vhost(server->vhost, LWS_ADOPT_HTTP | LWS_ADOPT_SOCKET, socket, NULL, NULL);
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
    if (connection->session) {
        if (connection->is_served)
            session_terminate(connection->session, CAUSE_HANDSHAKE_REFUSED);
        session_gone(connection->session);
    }
    ws_connection_free(connection);
}

static bool ws_header_is(struct lws *wsi, enum lws_token_indexes token, const char *expected) {
    char value[WS_UPGRADE_MAX];
    return lws_hdr_copy(wsi, value, sizeof(value), token) > 0 && strcasecmp(value, expected) == 0;
}

/* The library hangs up without a word on a list that has no protocol of ours. */
static bool ws_subprotocol_is_ours(struct lws *wsi) {
    char list[WS_SUBPROTOCOLS_MAX];
    if (lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) <= 0)
        return true;
    if (lws_hdr_copy(wsi, list, sizeof(list), WSI_TOKEN_PROTOCOL) < 0)
        return false;
    char *rest = NULL;
    for (char *name = strtok_r(list, ", \t", &rest); name; name = strtok_r(NULL, ", \t", &rest))
        if (strcmp(name, WS_SUBPROTOCOL) == 0)
            return true;
    return false;
}

/* The library has undone the percent-encoding and keeps each parameter apart. */
static int ws_collect_parameters(struct lws *wsi, DialectRequest *request, char *text, size_t n_text) {
    request->parameters = text;
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS) <= 0)
        return 0;
    for (int i = 0;; i++) {
        size_t used = request->n_parameters;
        int n = lws_hdr_copy_fragment(wsi, text + used, (int)(n_text - used), WSI_TOKEN_HTTP_URI_ARGS, i);
        if (n == -1 && lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i) == 0)
            return 0;
        if (n < 0)
            return -1;
        request->n_parameters += (size_t)n + 1;
    }
}

int ws_connection_judge_upgrade(WsConnection *connection) {
    struct lws *wsi = connection->wsi;
    if (!ws_header_is(wsi, WSI_TOKEN_UPGRADE, "websocket"))
        return -1;
    char *uri;
    int n_uri = 0;
    if (lws_http_get_uri_and_method(wsi, &uri, &n_uri) != LWSHUMETH_GET)
        return ws_http_refuse(connection, 405, "Allow: GET\r\n", "A WebSocket begins with GET.\n");
    if (!ws_header_is(wsi, WSI_TOKEN_VERSION, "13"))
        return ws_http_refuse(connection, 426, "Sec-WebSocket-Version: 13\r\n", "WebSocket version 13, please.\n");
    if (!ws_subprotocol_is_ours(wsi))
        return ws_http_refuse(connection, 400, NULL, "Of subprotocols there is barker.v1 alone; none may be named.\n");
    char parameters[WS_PARAMETERS_LIMIT];
    DialectRequest request = {.path = uri, .n_path = (size_t)n_uri};
    if (ws_collect_parameters(wsi, &request, parameters, sizeof(parameters)) < 0)
        return ws_http_refuse(connection, 414, NULL, "The query is too long.\n");
    const char *reason = "";
    int r = dialect_find(&connection->dialect, &request, &connection->channels, &reason);
    if (r == DIALECT_NOT_FOUND)
        return ws_http_refuse(connection, 404, NULL, "No WebSocket is served at this path: try /ws or /raw/<channel>.\n");
    if (r == DIALECT_BAD_REQUEST)
        return ws_http_refuse(connection, 400, NULL, reason);
    return r < 0 ? ws_http_refuse(connection, 503, NULL, "Out of memory.\n") : 0;
}

void ws_connection_established(WsConnection *connection) {
    const DialectOps *dialect = connection->dialect;
    Buf channels = connection->channels;
    buf_init(&connection->channels, DIALECT_CHANNELS_BYTES);
    session_open(connection->session, dialect, (const char *)channels.bytes, channels.n_bytes);
    buf_finish(&channels);
}
