#include "net/ws_server.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "net/ws_connection.h"

enum {
    WS_RX_BUFFER = 1024,       /* allocated for each connection: longer messages are gathered by the session */
    WS_HEADER_POOL = 4096,     /* handshakes in flight; a small pool lets a few slow ones block everybody */
    WS_LIBRARY_TIMEOUT = 3600, /* seconds; our own deadlines are the ones that count */
};

/* No timers of the library's own: an idle connection would otherwise stand in its sorted list. */
static const lws_retry_bo_t ws_no_validity = {.secs_since_valid_ping = 0, .secs_since_valid_hangup = 0};

/* The first is bound when a client names no subprotocol. The user data must exist, or the library does not tell of a
   protocol error. */
static const struct lws_protocols ws_protocols[] = {
    {WS_SUBPROTOCOL, ws_callback, sizeof(void *), WS_RX_BUFFER, 0, NULL, SESSION_TABLE_SCRATCH},
    {NULL, NULL, 0, 0, 0, NULL, 0},
};

static void ws_log(int level, const char *line) {
    size_t n = 0;
    while (line[n] && line[n] != '\n')
        n++;
    log_event(level == LLL_ERR ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "library", log_bytes("text", line, n));
}

static void ws_server_set_log(WsServer *server, struct lws_context_creation_info *info) {
    int levels = LLL_ERR | (log_is_enabled(LOG_LEVEL_DEBUG) ? LLL_WARN : 0);
    lws_set_log_level(levels, ws_log);
#ifdef WS_HAS_LOG_CONTEXT
    server->log = (lws_log_cx_t){.u.emit = ws_log, .lll_flags = (uint32_t)levels};
    info->log_cx = &server->log;
#endif
}

static int ws_server_create_context(WsServer *server, uv_loop_t *loop) {
    void *loops[] = {loop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_UV_NO_SIGSEGV_SIGFPE_SPIN |
                   (server->tls ? WS_TLS_OPTIONS : 0),
        .foreign_loops = loops,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
        .max_http_header_pool2 = WS_HEADER_POOL,
        .max_http_header_data2 = server->options.header_limit_bytes,
        .timeout_secs = WS_LIBRARY_TIMEOUT,
        .retry_and_idle_policy = &ws_no_validity,
        .protocols = ws_protocols,
        .alpn = "http/1.1",
        .vhost_name = "barker",
        .user = server,
        .pcontext = &server->context, /* the library sets it to NULL when the context is really gone */
    };
    ws_server_set_log(server, &info);
    server->context = lws_create_context(&info);
    if (!server->context)
        return error_origin(-ENOMEM);
    info.options &= ~(uint64_t)WS_TLS_OPTIONS;
    server->vhost = lws_create_vhost(server->context, &info);
    if (!server->vhost)
        return error_origin(-ENOMEM);
    return server->tls ? ws_tls_create_vhost(server, &info) : 0;
}

int ws_server_new(WsServer **out, uv_loop_t *loop, const WsServerOptions *options) {
    WsServer *server = calloc(1, sizeof(*server));
    if (!server)
        return error_origin(-ENOMEM);
    server->options = *options;
    server->loop = loop;
    list_init(&server->waiting);
    server->tls = tls_ref(options->tls);
    int r = ws_server_create_context(server, loop);
    if (r < 0) {
        ws_server_close(server);
        ws_server_free(server);
        return error_trace(r);
    }
    *out = server;
    return 0;
}

void ws_server_configure(WsServer *server, const WsServerSettings *settings) {
    server->options.settings = *settings;
}

void ws_server_close(WsServer *server) {
    if (server->context)
        lws_context_destroy(server->context);
}

WsServer *ws_server_free(WsServer *server) {
    /* On a loop that is not its own the library needs a second call, once its handles have closed. */
    if (server && server->context)
        lws_context_destroy(server->context);
    if (server)
        ws_tls_finish(server);
    free(server);
    return NULL;
}
