#include <libwebsockets.h>

#include "auth/bearer.h"
#include "auth/origin.h"
#include "base/log.h"
#include "net/ws_connection.h"
#include "session/authenticate.h"

enum {
    WS_VALUE_MAX = WS_HEADERS_MAX,
    WS_ORIGIN_MAX = 512,
    WS_REASON_MAX = 96
}; /* bytes; all headers together have no more than the first */

/* "" when it is not there; false when it is longer than the text. */
static bool ws_copy_header(struct lws *wsi, enum lws_token_indexes token, char *text, size_t n_text) {
    text[0] = '\0';
    return lws_hdr_total_length(wsi, token) <= 0 || lws_hdr_copy(wsi, text, (int)n_text, token) >= 0;
}

/* Browsers always say where a page comes from; who says nothing is none. */
static bool ws_origin_is_allowed(const WsConnection *connection, bool *has_origin) {
    char origin[WS_ORIGIN_MAX], host[WS_ORIGIN_MAX];
    if (!ws_copy_header(connection->wsi, WSI_TOKEN_ORIGIN, origin, sizeof(origin)) ||
        !ws_copy_header(connection->wsi, WSI_TOKEN_HOST, host, sizeof(host)))
        return false;
    *has_origin = origin[0] != '\0';
    if (!*has_origin || origin_is_allowed(connection->server->options.settings.origins, origin, host))
        return true;
    /* A browser tells its page nothing of the reason. */
    log_event(LOG_LEVEL_INFO, "origin_refused", log_text("origin", origin), log_text("host", host));
    return false;
}

/* What a client has put there on purpose comes before the cookie that a browser adds by itself. */
static Span ws_find_token(const WsConnection *connection, const DialectRequest *request, char text[static WS_VALUE_MAX],
                          bool *is_cookie) {
    const char *cookie = connection->server->options.settings.cookie;
    Span token = {"", 0};
    *is_cookie = false;
    if (ws_copy_header(connection->wsi, WSI_TOKEN_HTTP_AUTHORIZATION, text, WS_VALUE_MAX))
        token = bearer_of_authorization(text);
    if (token.n == 0 && ws_copy_header(connection->wsi, WSI_TOKEN_PROTOCOL, text, WS_VALUE_MAX))
        token = bearer_of_subprotocols(text);
    if (token.n == 0)
        token = bearer_of_parameters(request->parameters, request->n_parameters);
    if (token.n == 0 && cookie[0] && ws_copy_header(connection->wsi, WSI_TOKEN_HTTP_COOKIE, text, WS_VALUE_MAX)) {
        token = bearer_of_cookies(text, cookie);
        *is_cookie = token.n > 0;
    }
    return token;
}

int ws_connection_refuse_user(WsConnection *connection) {
    return ws_http_refuse(connection, 429, NULL, "This user has as many connections as it may.\n");
}

static int ws_refuse_token(WsConnection *connection, int result) {
    char reason[WS_REASON_MAX];
    if (result < 0)
        return ws_http_refuse(connection, 503, NULL, "Out of memory.\n");
    if (result == AUTHENTICATE_USER_LIMIT)
        return ws_connection_refuse_user(connection);
    counter_add(&connection->server->options.counters->unauthorized, 1);
    snprintf(reason, sizeof(reason), "The token is not accepted: %s.\n", authenticate_result_name(result));
    return ws_http_refuse(connection, 401, "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n", reason);
}

static int ws_check_token(WsConnection *connection, const DialectRequest *request, bool has_origin) {
    char text[WS_VALUE_MAX];
    bool is_cookie;
    Span token = ws_find_token(connection, request, text, &is_cookie);
    if (token.n == 0) {
        if (!connection->server->options.table->options.is_auth_required || connection->dialect->takes_tokens)
            return 0;
        counter_add(&connection->server->options.counters->unauthorized, 1);
        return ws_http_refuse(connection, 401, "WWW-Authenticate: Bearer\r\n", "This needs a token.\n");
    }
    if (is_cookie && !has_origin) {
        counter_add(&connection->server->options.counters->forbidden, 1);
        return ws_http_refuse(connection, 403, NULL, "A token in a cookie needs an Origin.\n");
    }
    int r = session_authenticate(connection->session, token.at, token.n);
    return r == TOKEN_OK ? 0 : ws_refuse_token(connection, r);
}

int ws_connection_check_credentials(WsConnection *connection, const DialectRequest *request) {
    bool has_origin = false;
    if (!ws_origin_is_allowed(connection, &has_origin)) {
        counter_add(&connection->server->options.counters->forbidden, 1);
        return ws_http_refuse(connection, 403, NULL, "Pages of that origin may not connect here.\n");
    }
    return ws_check_token(connection, request, has_origin);
}
