#include "broker/redis_connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum {
    READ_BYTES = 64 << 10,
    /* hiredis moves the rest of its buffer after each reply past 1 KiB: what it holds is kept small. */
    FEED_BYTES = 8 << 10,
};

struct RedisConnection {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;
    uv_getaddrinfo_t resolve;
    uv_connect_t connect;
    uv_loop_t *loop;
    const RedisUrl *url;
    struct addrinfo *addresses;
    struct addrinfo *next_address;
    Writer writer;
    redisReader *reader;
    bool is_resolving;
    bool is_open; /* the handle is the loop's */
    bool is_terminated;
    const RedisConnectionEvents *events;
    void *context;
    char input[READ_BYTES];
};

static void connection_connect(RedisConnection *connection);

static void connection_free(RedisConnection *connection) {
    if (connection->is_open || connection->is_resolving)
        return;
    writer_finish(&connection->writer);
    redisReaderFree(connection->reader);
    uv_freeaddrinfo(connection->addresses);
    free(connection);
}

static void connection_end(RedisConnection *connection, const char *reason) {
    if (!connection->is_terminated)
        connection->events->ended(connection->context, reason);
}

static void connection_end_error(RedisConnection *connection, int error) {
    connection_end(connection, error == BUF_FULL ? "too much waits to be sent" : uv_strerror(error));
}

static void connection_on_failed(Writer *writer, int error) {
    connection_end_error(container_of(writer, RedisConnection, writer), error);
}

static const WriterEvents connection_writer_events = {.failed = connection_on_failed};

static void connection_on_closed(uv_handle_t *handle) {
    RedisConnection *connection = handle->data;
    connection->is_open = false;
    if (connection->is_terminated)
        connection_free(connection);
    else
        connection_connect(connection); /* the next address */
}

static void connection_on_allocate(uv_handle_t *handle, size_t n_suggested, uv_buf_t *out) {
    RedisConnection *connection = handle->data;
    *out = uv_buf_init(connection->input, sizeof connection->input);
}

/* Hands on every reply that is complete. False when the connection has ended. */
static bool connection_parse(RedisConnection *connection) {
    redisReader *reader = connection->reader;
    for (;;) {
        void *reply = NULL;
        if (redisReaderGetReply(reader, &reply) != REDIS_OK) {
            connection_end(connection, reader->errstr);
            return false;
        }
        if (!reply)
            break;
        connection->events->reply(connection->context, reply);
        if (reader->fn && reader->fn->freeObject)
            reader->fn->freeObject(reply);
        if (connection->is_terminated)
            return false;
    }
    if (reader->len - reader->pos > REDIS_REPLY_LIMIT_BYTES) {
        connection_end(connection, "a reply over 64 MiB");
        return false;
    }
    return true;
}

static void connection_on_read(uv_stream_t *stream, ssize_t n_read, const uv_buf_t *input) {
    RedisConnection *connection = stream->data;
    if (n_read < 0) {
        connection_end(connection, n_read == UV_EOF ? "closed by Redis" : uv_strerror((int)n_read));
        return;
    }
    for (size_t n_fed = 0; n_fed < (size_t)n_read;) {
        size_t n = (size_t)n_read - n_fed;
        if (n > FEED_BYTES)
            n = FEED_BYTES;
        if (redisReaderFeed(connection->reader, input->base + n_fed, n) != REDIS_OK) {
            connection_end(connection, "out of memory");
            return;
        }
        if (!connection_parse(connection))
            return;
        n_fed += n;
    }
}

static void connection_on_connected(uv_connect_t *request, int status) {
    RedisConnection *connection = request->data;
    if (connection->is_terminated)
        return;
    if (status < 0 && connection->next_address) {
        uv_close(&connection->socket.handle, connection_on_closed);
        return;
    }
    if (status == 0)
        status = uv_read_start(&connection->socket.stream, connection_on_allocate, connection_on_read);
    if (status < 0)
        connection_end_error(connection, status);
    else
        connection->events->connected(connection->context);
}

static int connection_connect_unix(RedisConnection *connection) {
    int r = uv_pipe_init(connection->loop, &connection->socket.pipe, 0);
    if (r < 0)
        return error_origin(r);
    connection->is_open = true;
    connection->socket.handle.data = connection;
    uv_pipe_connect(&connection->connect, &connection->socket.pipe, connection->url->path, connection_on_connected);
    return 0;
}

static int connection_connect_next(RedisConnection *connection) {
    int r = uv_tcp_init(connection->loop, &connection->socket.tcp);
    if (r < 0)
        return error_origin(r);
    connection->is_open = true;
    connection->socket.handle.data = connection;
    struct addrinfo *address = connection->next_address;
    connection->next_address = address->ai_next;
    uv_tcp_nodelay(&connection->socket.tcp, 1);
    r = uv_tcp_connect(&connection->connect, &connection->socket.tcp, address->ai_addr, connection_on_connected);
    return r < 0 ? error_origin(r) : 0;
}

static void connection_connect(RedisConnection *connection) {
    int r = connection_connect_next(connection);
    if (r < 0)
        connection_end_error(connection, r);
}

static void connection_on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses) {
    RedisConnection *connection = request->data;
    connection->is_resolving = false;
    connection->addresses = connection->next_address = addresses;
    if (connection->is_terminated)
        connection_free(connection);
    else if (status < 0)
        connection_end_error(connection, status);
    else
        connection_connect(connection);
}

static int connection_resolve(RedisConnection *connection) {
    char port[16];
    snprintf(port, sizeof port, "%u", connection->url->port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    int r = uv_getaddrinfo(connection->loop, &connection->resolve, connection_on_resolved, connection->url->host, port, &hints);
    if (r < 0)
        return error_origin(r);
    connection->is_resolving = true;
    return 0;
}

int redis_connection_open(RedisConnection **out, uv_loop_t *loop, Turn *turn, const RedisUrl *url, redisReader *reader,
                          const RedisConnectionEvents *events, void *context) {
    RedisConnection *connection = reader ? calloc(1, sizeof *connection) : NULL;
    if (!connection) {
        redisReaderFree(reader);
        return error_origin(-ENOMEM);
    }
    connection->loop = loop;
    connection->url = url;
    connection->reader = reader;
    connection->events = events;
    connection->context = context;
    connection->resolve.data = connection->connect.data = connection;
    writer_init(&connection->writer, turn, &connection->socket.stream, REDIS_OUTPUT_LIMIT_BYTES, &connection_writer_events);
    int r = url->path ? connection_connect_unix(connection) : connection_resolve(connection);
    if (r < 0) {
        redis_connection_terminate(connection);
        return error_trace(r);
    }
    *out = connection;
    return 0;
}

Writer *redis_connection_writer(RedisConnection *connection) {
    return &connection->writer;
}

RedisConnection *redis_connection_terminate(RedisConnection *connection) {
    if (!connection || connection->is_terminated)
        return NULL;
    connection->is_terminated = true;
    writer_stop(&connection->writer);
    if (connection->is_resolving)
        uv_cancel((uv_req_t *)&connection->resolve);
    if (connection->is_open && !uv_is_closing(&connection->socket.handle))
        uv_close(&connection->socket.handle, connection_on_closed);
    else
        connection_free(connection);
    return NULL;
}
