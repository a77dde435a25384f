#include <libwebsockets.h>
#include <string.h>

#include "dialect/dialect.h"
#include "net/ws_connection.h"
#include "session/identity.h"

enum {
    WS_PARAMETERS_LIMIT = 2 * WS_HEADERS_MAX, /* each parameter with a NUL behind it */
    WS_SUBPROTOCOLS_MAX = 127,                /* the library takes no longer list: only short tokens fit */
    WS_SUBPROTOCOL_MAX = 62,                  /* nor a longer name before the one that it chooses */
    WS_UPGRADE_MAX = 32,                      /* longer values of Upgrade and Sec-WebSocket-Version are none that we serve */
};

static bool ws_header_is(struct lws *wsi, enum lws_token_indexes token, const char *expected) {
    char value[WS_UPGRADE_MAX];
    return lws_hdr_copy(wsi, value, sizeof(value), token) > 0 && strcasecmp(value, expected) == 0;
}

static const char ws_subprotocols_wanted[] =
    "Of subprotocols there is barker.v1 alone, and behind it a short bearer.<token>, in a list of at most 126 bytes. "
    "None may be named; a token may also stand in Authorization, in token= or in the first message.\n";

/* The library hangs up without a word on a list that has no protocol of ours, or a long name before it. */
static bool ws_subprotocol_is_ours(struct lws *wsi) {
    char list[WS_SUBPROTOCOLS_MAX];
    if (lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) <= 0)
        return true;
    if (lws_hdr_copy(wsi, list, sizeof(list), WSI_TOKEN_PROTOCOL) < 0)
        return false;
    char *rest = NULL;
    for (char *name = strtok_r(list, ", \t", &rest); name; name = strtok_r(NULL, ", \t", &rest)) {
        if (strcmp(name, WS_SUBPROTOCOL) == 0)
            return true;
        if (strlen(name) > WS_SUBPROTOCOL_MAX)
            return false;
    }
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

/* -1: refused. Who has shown a token with a user in it is that user. */
static int ws_identify(WsConnection *connection, const DialectRequest *request) {
    DialectIdentity identity;
    const char *reason = "";
    if (!connection->server->options.table->options.clients_may_name_themselves || connection->session->identity)
        return 0;
    if (dialect_identity(&identity, request, &reason) != DIALECT_OK)
        return ws_http_refuse(connection, 400, NULL, reason);
    if (!identity.user)
        return 0;
    int r = session_identify(connection->session, identity.user, identity.n_user, identity.member, identity.n_member);
    if (r < 0)
        return ws_http_refuse(connection, 503, NULL, "Out of memory.\n");
    return r == IDENTIFY_LIMIT ? ws_connection_refuse_user(connection) : 0;
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
        return ws_http_refuse(connection, 400, NULL, ws_subprotocols_wanted);
    if (ws_connection_judge_forwarded(connection) < 0)
        return -1;
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
    if (r < 0)
        return ws_http_refuse(connection, 503, NULL, "Out of memory.\n");
    if (ws_connection_check_credentials(connection, &request) < 0)
        return -1;
    return ws_identify(connection, &request);
}
