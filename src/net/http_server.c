#include "net/http_server.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "net/http_connection.h"

int http_server_new(HttpServer **out, uv_loop_t *loop, const HttpServerOptions *options) {
    HttpServer *server = calloc(1, sizeof(*server));
    if (!server)
        return error_origin(-ENOMEM);
    *server = (HttpServer){.options = *options, .loop = loop};
    server->slots = calloc(options->n_connections_limit, sizeof(*server->slots));
    if (!server->slots) {
        free(server);
        return error_origin(-ENOMEM);
    }
    *out = server;
    return 0;
}

void http_server_close(HttpServer *server) {
    server->is_closed = true;
    for (unsigned i = 0; i < server->options.n_connections_limit; i++)
        if (server->slots[i])
            http_connection_close(server->slots[i]);
}

HttpServer *http_server_free(HttpServer *server) {
    if (server)
        free(server->slots);
    free(server);
    return NULL;
}

void http_server_respond(HttpServer *server, uint64_t exchange, const HttpResponse *response) {
    HttpConnection *connection = server->slots[exchange % server->options.n_connections_limit];
    if (connection && connection->exchange == exchange && connection->state == HTTP_CONNECTION_ANSWERING)
        http_connection_respond(connection, response);
}

static uint32_t http_server_wait_ms(void *context) {
    return 0;
}

typedef enum Claim { CLAIM_RESTS, CLAIM_UNFINISHED, CLAIM_SERVED } Claim;

/* What a connection has to say for keeping its place, least first. */
static Claim http_server_claim(const HttpConnection *connection) {
    if (connection->state == HTTP_CONNECTION_LINGERING)
        return CLAIM_RESTS;
    if (connection->state != HTTP_CONNECTION_READING)
        return CLAIM_SERVED;
    return connection->exchange != 0 && connection->in.n_bytes == 0 ? CLAIM_RESTS : CLAIM_UNFINISHED;
}

/* Hangs up on the one with the least claim that has waited longest, so that whoever opens connections and asks nothing keeps nobody
   out: a health check least of all. n_connections_limit: all are being served. */
static unsigned http_server_take_slot(HttpServer *server) {
    HttpConnection *least = server->slots[0];
    for (unsigned i = 1; i < server->options.n_connections_limit; i++) {
        HttpConnection *connection = server->slots[i];
        Claim claim = http_server_claim(connection), least_claim = http_server_claim(least);
        if (claim < least_claim || (claim == least_claim && connection->deadline_ms < least->deadline_ms))
            least = connection;
    }
    if (http_server_claim(least) == CLAIM_SERVED)
        return server->options.n_connections_limit;
    if (http_server_claim(least) == CLAIM_UNFINISHED)
        counter_add(&server->options.counters->refused, 1);
    unsigned slot = least->slot;
    http_connection_close(least);
    return slot;
}

static unsigned http_server_find_slot(HttpServer *server) {
    unsigned slot = 0;
    while (slot < server->options.n_connections_limit && server->slots[slot])
        slot++;
    return slot < server->options.n_connections_limit ? slot : http_server_take_slot(server);
}

static void http_server_accepted(void *context, int fd, const Peer *peer) {
    HttpServer *server = context;
    HttpServerCounters *counters = server->options.counters;
    counter_add(&counters->accepted, 1);
    unsigned slot = server->is_closed ? server->options.n_connections_limit : http_server_find_slot(server);
    if (slot == server->options.n_connections_limit) {
        counter_add(&counters->refused, 1);
        close(fd);
    } else if (http_connection_new(server, fd, slot) < 0) {
        counter_add(&counters->refused, 1);
    }
}

const ListenerOps http_server_listener_ops = {.wait_ms = http_server_wait_ms, .accepted = http_server_accepted};

void http_server_tick(HttpServer *server, uint64_t now_ms) {
    for (unsigned i = 0; i < server->options.n_connections_limit; i++) {
        HttpConnection *connection = server->slots[i];
        if (!connection || connection->deadline_ms == 0 || now_ms < connection->deadline_ms)
            continue;
        if (connection->state != HTTP_CONNECTION_LINGERING && (connection->in.n_bytes > 0 || connection->exchange == 0))
            counter_add(&server->options.counters->overdue, 1);
        http_connection_close(connection);
    }
}
