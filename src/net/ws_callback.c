#include <libwebsockets.h>

#include "base/clock.h"
#include "net/ws_connection.h"

static int ws_on_receive(WsConnection *connection, struct lws *wsi, void *in, size_t n_in) {
    session_receive(connection->session, in, n_in, lws_is_first_fragment(wsi), lws_is_final_fragment(wsi),
                    lws_frame_is_binary(wsi));
    return 0;
}

/* RFC 6455 section 5.5.1: no body is code 1005, "no status received". */
static int ws_on_peer_close(WsConnection *connection, const uint8_t *body, size_t n_body) {
    uint16_t code = n_body >= 2 ? (uint16_t)(body[0] << 8 | body[1]) : 1005;
    session_peer_closed(connection->session, code);
    return -1; /* our answer is on its way; without this the library would send a second one */
}

/* Called whenever a connection ends, but with a close frame prepared only when the peer broke the protocol. */
static int ws_on_drop_protocol(WsConnection *connection, struct lws *wsi) {
    if (lws_get_close_length(wsi) > 0)
        session_broken(connection->session);
    return 0;
}

static int ws_on_writeable(WsConnection *connection) {
    session_writeable(connection->session);
    return 0;
}

static int ws_on_end(WsConnection *connection) {
    ws_connection_end(connection);
    return 0;
}

int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n_in) {
    if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS)
        return ws_tls_attach(wsi, user);
    WsConnection *connection = lws_get_opaque_user_data(wsi);
    if (!connection) /* terminated, or not yet ours */
        return reason == LWS_CALLBACK_RAW_ADOPT || reason == LWS_CALLBACK_RAW_RX ? -1 : 0;
    connection->server->options.table->now_ms = clock_now_ms();
    switch (reason) {
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return ws_connection_judge_upgrade(connection);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return connection->dialect ? 0 : -1;
    case LWS_CALLBACK_ESTABLISHED:
        ws_connection_established(connection);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return ws_on_receive(connection, wsi, in, n_in);
    case LWS_CALLBACK_RECEIVE_PONG:
        session_heard(connection->session);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return ws_on_writeable(connection);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return ws_on_peer_close(connection, in, n_in);
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
        return ws_on_drop_protocol(connection, wsi);
    case LWS_CALLBACK_HTTP:
        return ws_http_request(connection, in);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return connection->served != CAUSE_NONE && !lws_partial_buffered(wsi) ? -1 : 0;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_WSI_DESTROY:
        return ws_on_end(connection);
    case LWS_CALLBACK_RAW_ADOPT: /* CONNECT turns a connection raw */
    case LWS_CALLBACK_RAW_RX:
        return -1;
    default:
        return 0;
    }
}
