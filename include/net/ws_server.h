/* WsServer: the libwebsockets context of one worker, without a listener. Owner: its worker; created in the main thread. */
#pragma once

#include <uv.h>

#include "base/metrics.h"
#include "net/http.h"
#include "net/socket.h"
#include "session/table.h"

typedef struct WsServer WsServer;

typedef struct WsServerCounters {
    Counter refused; /* accepted and closed at once: over the limit, or no memory */
    Counter requests;
} WsServerCounters;

typedef struct WsServerOptions {
    SessionTable *table;
    HttpHandler *http;
    void *http_context;
    unsigned n_connections_limit; /* of this worker; 0: none */
    SocketOptions socket;
    WsServerCounters *counters; /* borrowed, outlive the server */
} WsServerOptions;

/* Contexts are created one after another, before the threads start. 0, -ENOMEM or another -errno. */
int ws_server_new(WsServer **out, uv_loop_t *loop, const WsServerOptions *options);
/* Every session has been reaped. The caller runs the loop dry, then frees. */
void ws_server_close(WsServer *server);
WsServer *ws_server_free(WsServer *server); /* NULL */

void ws_server_accept(void *server, int fd); /* of the type ListenerAccept; always takes the descriptor */
