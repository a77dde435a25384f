#include <errno.h>
#include <libwebsockets.h>

#include "base/error.h"
#include "net/ws_connection.h"

static void ws_on_handshake(const SSL *ssl, int where, int result) {
    struct lws *wsi = SSL_get_app_data(ssl);
    WsConnection *connection = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    if (connection && (where & SSL_CB_HANDSHAKE_DONE))
        connection->is_shaken = true;
}

int ws_tls_attach(struct lws *wsi, void *context) {
    WsServer *server = lws_context_user(lws_get_context(wsi));
    server->tls_context = context;
    tls_attach(server->tls_context, &server->tls);
    return 0;
}

bool ws_tls_watch(struct lws *wsi) {
    SSL *ssl = lws_get_ssl(wsi);
    SSL_set_app_data(ssl, wsi);
    SSL_set_info_callback(ssl, ws_on_handshake); /* the context's own would go with the switch to another */
    return SSL_is_init_finished(ssl) == 1;
}

int ws_tls_create_vhost(WsServer *server, const struct lws_context_creation_info *base) {
    struct lws_context_creation_info info = *base;
    info.options |= WS_TLS_OPTIONS | LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX;
    info.vhost_name = "barker-tls";
    server->client_context = SSL_CTX_new(TLS_client_method());
    if (!server->client_context)
        return error_origin(-ENOMEM);
    info.provided_client_ssl_ctx = server->client_context;
    server->tls_vhost = lws_create_vhost(server->context, &info);
    if (!server->tls_vhost || !server->tls_context)
        return error_origin(-ENOMEM);
    return 0;
}

void ws_tls_finish(WsServer *server) {
    SSL_CTX_free(server->client_context);
    server->tls = tls_unref(server->tls);
}

void ws_server_renew(WsServer *server, Tls *tls) {
    if (!server->tls)
        return;
    tls_ref(tls);
    tls_unref(server->tls);
    server->tls = tls;
    tls_renew_tickets(server->tls_context, tls);
}
