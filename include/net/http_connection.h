/* HttpConnection: one client of an HttpServer: its requests one after another, each answered before the next is looked at.
   Owner: the server's thread. Only src/net knows this header. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "net/http_head.h"
#include "net/http_server.h"

typedef enum HttpConnectionState {
    HTTP_CONNECTION_READING,   /* a request, or waiting for one */
    HTTP_CONNECTION_ANSWERING, /* the request has been handed on, the answer has not come */
    HTTP_CONNECTION_WRITING,
    HTTP_CONNECTION_LINGERING, /* the last answer has left: what the client still sends is thrown away, so that it reads it */
    HTTP_CONNECTION_CLOSED,
} HttpConnectionState;

typedef struct HttpConnection {
    uv_poll_t poll;
    HttpServer *server;
    int fd;
    HttpConnectionState state;
    unsigned slot;
    uint64_t exchange;    /* of the request under way, or the last one's */
    uint64_t deadline_ms; /* 0: none */
    Buf in;               /* what has come and is not yet answered */
    size_t n_head;        /* of the request that is being read, once its head has come */
    HttpHead head;
    Buf out; /* the answer, and how much of it has left */
    size_t n_sent;
    bool is_advancing; /* it looks for requests already, further down the stack */
    bool is_last;      /* no request follows this one */
    bool is_weighed;   /* it is known that the request's body is worth reading */
} HttpConnection;

struct HttpServer {
    HttpServerOptions options;
    uv_loop_t *loop;
    HttpConnection **slots; /* n_connections_limit of them */
    unsigned n_connections; /* their memory, too */
    uint64_t n_exchanges;
    bool is_closed;
};

/* Takes the descriptor, also on error; the slot is free. 0 or -errno. */
int http_connection_new(HttpServer *server, int fd, unsigned slot);
/* Closes it; its memory goes with the loop's next turn. Idempotent. */
void http_connection_close(HttpConnection *connection);
/* Answers the request under way. */
void http_connection_respond(HttpConnection *connection, const HttpResponse *response);
