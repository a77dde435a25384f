#include "broker/resp_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "broker/resp_client.h"

enum { BACKLOG = 511, QUIT_LINGER_MS = 5000 };

static void server_on_connection(uv_stream_t *listener, int status) {
    if (status == 0)
        resp_client_accept(listener->data); /* what fails is closed; there is nobody to tell */
}

/* A plain socket first, so that an address that cannot be bound leaves nothing on the loop. The descriptor, or -errno. */
static int server_bind(const struct sockaddr *address) {
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_origin(-errno);
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    socklen_t n_address = address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (bind(fd, address, n_address) < 0 || listen(fd, BACKLOG) < 0) {
        int r = -errno;
        close(fd);
        return error_origin(r);
    }
    return fd;
}

static void server_on_closed(uv_handle_t *handle) {
    RespServer *server = handle->data;
    resp_topics_finish(&server->topics);
    free(server);
}

static RespServer *server_create(uv_loop_t *loop, Turn *turn, const RespServerOptions *options) {
    RespServer *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    server->turn = turn;
    server->n_clients_limit = options->n_clients_limit;
    server->client_limit_bytes = options->client_limit_bytes;
    server->publish = options->publish;
    server->call = options->call;
    server->context = options->context;
    server->next_id = 1;
    list_init(&server->clients);
    list_init(&server->quitting);
    resp_topics_init(&server->topics);
    uv_tcp_init(loop, &server->listener);
    server->listener.data = server;
    return server;
}

int resp_server_new(RespServer **out, uv_loop_t *loop, Turn *turn, const RespServerOptions *options) {
    int fd = server_bind(options->address);
    if (fd < 0)
        return error_trace(fd);
    RespServer *server = server_create(loop, turn, options);
    int r = server ? uv_tcp_open(&server->listener, fd) : -ENOMEM;
    if (r < 0) {
        close(fd);
        resp_server_close(server);
        return error_origin(r);
    }
    r = uv_listen((uv_stream_t *)&server->listener, BACKLOG, server_on_connection);
    if (r < 0) {
        resp_server_close(server);
        return error_origin(r);
    }
    *out = server;
    return 0;
}

static void server_close_list(ListNode *clients) {
    while (!list_is_empty(clients))
        resp_client_close(container_of(clients->next, RespClient, link));
}

RespServer *resp_server_close(RespServer *server) {
    if (!server)
        return NULL;
    server_close_list(&server->clients);
    server_close_list(&server->quitting);
    uv_close((uv_handle_t *)&server->listener, server_on_closed);
    return NULL;
}

int resp_server_address(const RespServer *server, struct sockaddr_storage *out) {
    int n_address = sizeof *out;
    return uv_tcp_getsockname(&server->listener, (struct sockaddr *)out, &n_address);
}

void resp_server_tick(RespServer *server, uint64_t now_ms) {
    server->now_ms = now_ms;
    while (!list_is_empty(&server->quitting)) {
        RespClient *client = container_of(server->quitting.next, RespClient, link);
        if (now_ms - client->quit_ms < QUIT_LINGER_MS)
            break;
        resp_client_close(client);
    }
}
