/* WsServer: the libwebsockets context of one worker, without a listener. Owner: its worker; created in the main thread. */
#pragma once

#include <uv.h>

#include "base/metrics.h"
#include "net/admission.h"
#include "net/http.h"
#include "net/listener.h"
#include "net/socket.h"
#include "net/tls.h"
#include "session/table.h"

typedef struct WsServer WsServer;

enum { WS_HEADERS_MAX = 32 * 1024 }; /* bytes of one request */

typedef struct WsServerCounters {
    Counter refused;           /* accepted and closed at once: over a limit, no memory, or no TLS at all */
    Counter refused_addresses; /* because of limits.connections_per_address; also those answered with 429 */
    Counter refused_proxies;   /* without a proxy's header, or with a bad one, or from where none is believed */
    Counter paced;             /* times that new connections were left in the kernel's backlog */
    Counter requests;
    Counter tls_failed;   /* connections by TLS that ended before their TLS handshake was over */
    Counter unauthorized; /* upgrades answered with 401: a token is missing or none that is good */
    Counter forbidden;    /* and with 403: the page's origin */
} WsServerCounters;

/* What may change while it runs. */
typedef struct WsServerSettings {
    unsigned n_connections_limit; /* of this worker; 0: none */
    SocketOptions socket;         /* of connections to come */
    const char *origins;          /* auth/origin.h; borrowed, until others are given or the server has ended */
    const char *cookie;           /* the name of the cookie that may bear a token, ""; none. Borrowed likewise */
} WsServerSettings;

typedef struct WsServerOptions {
    SessionTable *table;
    HttpHandler *http;
    void *http_context;
    WsServerSettings settings;
    Admission *admission;        /* borrowed, outlives the server; shared by all */
    bool has_proxy_header;       /* ahead of each connection */
    uint32_t header_limit_bytes; /* of one request, up to WS_HEADERS_MAX */
    Tls *tls;                    /* NULL: no connections by TLS; the server takes its own reference */
    WsServerCounters *counters;  /* borrowed, outlive the server */
} WsServerOptions;

/* Contexts are created one after another, before the threads start. 0, -ENOMEM or another -errno. */
int ws_server_new(WsServer **out, uv_loop_t *loop, const WsServerOptions *options);
/* Every session has been reaped. The caller runs the loop dry, then frees. */
void ws_server_close(WsServer *server);
WsServer *ws_server_free(WsServer *server); /* NULL */

extern const ListenerOps ws_server_listener_ops;     /* the context is the WsServer */
extern const ListenerOps ws_server_tls_listener_ops; /* the same for clients that speak TLS; only with options.tls */
/* Closes what has been accepted and is not yet a session; the listeners have stopped. Idempotent. */
void ws_server_stop_accepting(WsServer *server);
/* Owner thread: handshakes from now on show tls, of which the server takes its own reference; what is connected stays.
   Nothing happens without options.tls. */
void ws_server_renew(WsServer *server, Tls *tls);
/* Owner thread: from now on it goes by these. */
void ws_server_configure(WsServer *server, const WsServerSettings *settings);
