/* HttpServer: HTTP/1.1 without WebSockets, for operators and backends: requests with bodies, answers that may come later, connections
   that are kept. Owner: one thread with its loop; created in the main thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/metrics.h"
#include "net/http.h"
#include "net/listener.h"

typedef struct HttpServer HttpServer;

typedef struct HttpServerCounters {
    Counter connections; /* gauge */
    Counter accepted;
    Counter refused;  /* over the limit of connections: closed at once, or for another before they asked */
    Counter requests; /* whole ones */
    Counter overdue;  /* connections that were hung up on: the request did not come, or the answer was not read, in time */
} HttpServerCounters;

typedef struct HttpServerOptions {
    /* A whole request. exchange is its number, never 0 and never used again; it is answered exactly once by http_server_respond, perhaps
       before the return. */
    void (*request)(void *context, uint64_t exchange, const HttpRequest *request);
    /* Of a request whose head alone has come: whether its body is worth waiting for. Where it is not, the request is handed on without
       it, and its answer ends the connection. NULL: each is. */
    bool (*wants_body)(void *context, const HttpRequest *head);
    void *context;
    size_t body_limit_bytes; /* over it: 413 */
    uint32_t timeout_ms;     /* for a request to come whole, and for its answer to be read */
    uint32_t idle_ms;        /* between two requests of one connection */
    /* One more takes the place of one that rests between two requests, or else of one that has not asked; where all are being served it
       is closed at once. */
    unsigned n_connections_limit;
    HttpServerCounters *counters; /* borrowed, outlive the server */
} HttpServerOptions;

int http_server_new(HttpServer **out, uv_loop_t *loop, const HttpServerOptions *options); /* 0 or -errno */
/* Closes every connection, answered or not. The caller runs the loop dry, then frees. */
void http_server_close(HttpServer *server);
HttpServer *http_server_free(HttpServer *server); /* NULL */

/* Copies the response and sends it. Ignored when the client has gone meanwhile. HEAD gets no body. */
void http_server_respond(HttpServer *server, uint64_t exchange, const HttpResponse *response);

extern const ListenerOps http_server_listener_ops;          /* the context is the HttpServer */
void http_server_tick(HttpServer *server, uint64_t now_ms); /* every 100 ms: the deadlines */
