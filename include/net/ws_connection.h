/* WsConnection: one socket in libwebsockets' hands, the transport of one session. Owner: its worker.
   Only src/net knows this header. */
#pragma once

#include <libwebsockets.h>
#include <stdbool.h>

#include "base/buf.h"
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
    bool is_served;            /* an HTTP response has been written: end when it has left */
    bool is_close_lost;        /* a fault of the tests: the session is never told of the end, the audit has to find it */
} WsConnection;

struct WsServer {
    struct lws_context *context;
    struct lws_vhost *vhost;
#ifdef WS_HAS_LOG_CONTEXT
    lws_log_cx_t log; /* the library counts all that it makes in here, without a lock: so each thread has its own */
#endif
    WsServerOptions options;
    unsigned n_connections;
};

/* Adopts the descriptor; it is closed on error. */
void ws_connection_new(WsServer *server, int fd);
/* The library has closed or destroyed the wsi: tells the session and frees the connection. */
void ws_connection_end(WsConnection *connection);
void ws_connection_free(WsConnection *connection);

extern const TransportOps ws_transport_ops; /* of every WsConnection's transport */

/* Judges a request to upgrade. 0: let it go on; -1: an answer has been written, hang up. */
int ws_connection_judge_upgrade(WsConnection *connection);
void ws_connection_established(WsConnection *connection);

/* Answers a plain request. 0, or -1 to hang up. */
int ws_http_request(WsConnection *connection, const char *path);
/* Writes a whole response and marks the connection served. 0, or -1 when it could not be written. */
int ws_http_respond(WsConnection *connection, const HttpResponse *response, bool is_head);
/* A short text as the response, for refusals. Always -1: hang up. */
int ws_http_refuse(WsConnection *connection, unsigned status, const char *headers, const char *text);

int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n_in);
