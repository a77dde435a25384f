/* WsConnection: one socket in libwebsockets' hands, the transport of one session. Owner: its worker.
   Only src/net knows this header. */
#pragma once

#include <libwebsockets.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/list.h"
#include "dialect/dialect.h"
#include "net/ws_server.h"
#include "session/session.h"

#define WS_SUBPROTOCOL "barker.v1"
#if LWS_LIBRARY_VERSION_NUMBER >= 4003000
#define WS_HAS_LOG_CONTEXT
#endif

typedef struct WsConnection {
    Transport transport;
    WsServer *server;
    struct lws *wsi;           /* NULL once the library has closed it and the session was not told */
    uint64_t n_written_bytes;  /* taken by the library */
    Session *session;          /* lives until it has been told of our end */
    const DialectOps *dialect; /* what the request asked for, until the handshake ends */
    Buf channels;              /* the same */
    AdmissionTicket ticket;    /* what it counts as, until it is freed */
    Cause served;              /* an HTTP response has been written: what ends it when that has left; else CAUSE_NONE */
    bool is_proxied;           /* by somebody whose X-Forwarded-For is believed */
    bool is_tls;
    bool is_shaken;     /* by TLS: the TLS handshake is over */
    bool is_close_lost; /* a fault of the tests: the session is never told of the end, the audit has to find it */
} WsConnection;

struct WsServer {
    struct lws_context *context;
    struct lws_vhost *vhost;
#ifdef WS_HAS_LOG_CONTEXT
    lws_log_cx_t log; /* the library counts all that it makes in here, without a lock: so each thread has its own */
#endif
    struct lws_vhost *tls_vhost;       /* NULL: none */
    struct ssl_ctx_st *tls_context;    /* of tls_vhost, and the library's */
    struct ssl_ctx_st *client_context; /* never used: the library would make one itself, and lose it at its end */
    Tls *tls;                          /* what it shows */
    WsServerOptions options;
    uv_loop_t *loop;
    ListNode waiting; /* for the proxy's header: src/net/ws_accept.c */
    unsigned n_connections;
};

/* A descriptor on its way from the listener to its connection. */
typedef struct WsArrival {
    int fd;
    bool is_tls;
    bool is_proxied; /* by somebody whose X-Forwarded-For is believed */
    AdmissionTicket ticket;
} WsArrival;

/* Adopts the descriptor and what it counts as; on error it is closed, and that is taken back. */
void ws_connection_new(WsServer *server, WsArrival *arrival);
/* The library has closed or destroyed the wsi: tells the session and frees the connection. */
void ws_connection_end(WsConnection *connection);
void ws_connection_free(WsConnection *connection);

/* Without the second the library keeps a copy of the system's certificates in each context, for a client that we are not. */
#define WS_TLS_OPTIONS (LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS)
/* Adds the vhost of clients that speak TLS, with all else as in base. 0 or -ENOMEM. */
int ws_tls_create_vhost(WsServer *server, const struct lws_context_creation_info *base);
void ws_tls_finish(WsServer *server); /* the library's context is gone */
/* The library has made that vhost's SSL_CTX. 0. */
int ws_tls_attach(struct lws *wsi, void *context);
/* Lets the connection of a new wsi by TLS know when its TLS handshake is over. True: it is, with a quick client. */
bool ws_tls_watch(struct lws *wsi);

extern const TransportOps ws_transport_ops; /* of every WsConnection's transport */

/* Judges a request to upgrade. 0: let it go on; -1: an answer has been written, hang up. */
int ws_connection_judge_upgrade(WsConnection *connection);
/* Counts the client that a proxy speaks for. As above. */
int ws_connection_judge_forwarded(WsConnection *connection);
/* Of those of a request that a dialect is there for: its origin and its token, which becomes the session's. As above. */
int ws_connection_check_credentials(WsConnection *connection, const DialectRequest *request);
int ws_connection_refuse_user(WsConnection *connection); /* its user has too many connections. -1 */
void ws_connection_established(WsConnection *connection);

/* Answers a plain request. 0, or -1 to hang up. */
int ws_http_request(WsConnection *connection, const char *path);
/* A short text as the response, for refusals. Always -1: hang up. */
int ws_http_refuse(WsConnection *connection, unsigned status, const char *headers, const char *text);

int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n_in);
