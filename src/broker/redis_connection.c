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
    SEAL_BYTES = 16 << 10, /* a record of TLS */
};

struct RedisConnection {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;
    RedisLookup lookup;
    unsigned n_tried; /* of the addresses found */
    uv_connect_t connect;
    uv_loop_t *loop;
    RedisEndpoint endpoint;
    const RedisUrl *security;
    Writer writer;
    RedisTls *tls; /* NULL: in the clear */
    Writer wire;   /* with TLS: what the writer says, sealed, and the handshake */
    redisReader *reader;
    bool is_open; /* the handle is the loop's */
    bool is_terminated;
    bool has_heard; /* anything in the clear */
    const RedisConnectionEvents *events;
    void *context;
    char input[READ_BYTES];
};

static void connection_connect(RedisConnection *connection);

static void connection_free(RedisConnection *connection) {
    if (connection->is_open)
        return;
    writer_finish(&connection->writer);
    writer_finish(&connection->wire);
    redis_tls_free(connection->tls);
    redisReaderFree(connection->reader);
    free(connection);
}

static void connection_end(RedisConnection *connection, RedisCause cause, const char *reason) {
    if (!connection->is_terminated)
        connection->events->ended(connection->context, cause, reason);
}

/* A server that does not like our certificate just ends the connection, behind the handshake as we see it. */
static void connection_end_socket(RedisConnection *connection, RedisCause cause, const char *reason) {
    bool is_tls = connection->tls && !connection->has_heard;
    connection_end(connection, is_tls ? REDIS_CAUSE_TLS : cause,
                   is_tls ? "TLS: closed before the first answer: is it the TLS port, does Redis ask for a certificate of ours?"
                          : reason);
}

static void connection_fail(RedisConnection *connection, int error) {
    if (error == -EPROTO && connection->tls)
        connection_end(connection, REDIS_CAUSE_TLS, redis_tls_error(connection->tls));
    else if (error == BUF_FULL)
        connection_end(connection, REDIS_CAUSE_OVERFLOW, "too much waits to be sent");
    else if (error == -ENOMEM)
        connection_end(connection, REDIS_CAUSE_MEMORY, uv_strerror(error));
    else
        connection_end_socket(connection, REDIS_CAUSE_SOCKET, uv_strerror(error));
}

static void connection_on_failed(Writer *writer, int error) {
    connection_fail(container_of(writer, RedisConnection, writer), error);
}

static void connection_on_wire_failed(Writer *wire, int error) {
    connection_fail(container_of(wire, RedisConnection, wire), error);
}

/* Whatever TLS has to send. */
static void connection_send_sealed(RedisConnection *connection) {
    char sealed[SEAL_BYTES];
    size_t n_bytes;
    while ((n_bytes = redis_tls_take(connection->tls, sealed, sizeof sealed)) > 0)
        writer_append(&connection->wire, sealed, n_bytes);
}

/* Record by record, so that what is sealed is not held twice. */
static int connection_on_sink(Writer *writer, const void *bytes, size_t n_bytes) {
    RedisConnection *connection = container_of(writer, RedisConnection, writer);
    for (size_t n_sealed = 0; n_sealed < n_bytes;) {
        size_t n = n_bytes - n_sealed;
        if (n > SEAL_BYTES)
            n = SEAL_BYTES;
        if (redis_tls_write(connection->tls, (const char *)bytes + n_sealed, n) != REDIS_TLS_OK)
            return error_origin(-EPROTO);
        connection_send_sealed(connection);
        n_sealed += n;
    }
    return 0;
}

static const WriterEvents connection_writer_events = {.failed = connection_on_failed};
static const WriterEvents connection_sealed_events = {.failed = connection_on_failed, .sink = connection_on_sink};
static const WriterEvents connection_wire_events = {.failed = connection_on_wire_failed};

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
            bool is_memory = reader->err == REDIS_ERR_OOM;
            connection_end(connection, is_memory ? REDIS_CAUSE_MEMORY : REDIS_CAUSE_PROTOCOL, reader->errstr);
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
        connection_end(connection, REDIS_CAUSE_OVERFLOW, "a reply over 64 MiB");
        return false;
    }
    return true;
}

/* Takes what Redis has said, in the clear. */
static void connection_take(RedisConnection *connection, const char *bytes, size_t n_bytes) {
    connection->has_heard = true;
    for (size_t n_fed = 0; n_fed < n_bytes;) {
        size_t n = n_bytes - n_fed;
        if (n > FEED_BYTES)
            n = FEED_BYTES;
        if (redisReaderFeed(connection->reader, bytes + n_fed, n) != REDIS_OK) {
            connection_end(connection, REDIS_CAUSE_MEMORY, "out of memory");
            return;
        }
        if (!connection_parse(connection))
            return;
        n_fed += n;
    }
}

/* Commands may be written. */
static void connection_established(RedisConnection *connection) {
    connection->events->connected(connection->context);
}

static void connection_take_opened(RedisConnection *connection) {
    char opened[SEAL_BYTES];
    while (!connection->is_terminated) {
        size_t n_bytes;
        int r = redis_tls_read(connection->tls, opened, sizeof opened, &n_bytes);
        if (r == REDIS_TLS_CLOSED)
            connection_end(connection, REDIS_CAUSE_CLOSED, "closed by Redis");
        else if (r == REDIS_TLS_FAILED)
            connection_end(connection, REDIS_CAUSE_TLS, redis_tls_error(connection->tls));
        else if (n_bytes)
            connection_take(connection, opened, n_bytes);
        if (r != REDIS_TLS_OK || !n_bytes)
            return;
    }
}

static void connection_take_sealed(RedisConnection *connection, const char *bytes, size_t n_bytes) {
    bool was_ready = redis_tls_is_ready(connection->tls);
    int r = redis_tls_feed(connection->tls, bytes, n_bytes);
    connection_send_sealed(connection);
    if (r != REDIS_TLS_OK) {
        connection_end(connection, REDIS_CAUSE_TLS, redis_tls_error(connection->tls));
        return;
    }
    if (!redis_tls_is_ready(connection->tls))
        return;
    if (!was_ready)
        connection_established(connection);
    connection_take_opened(connection);
    if (!connection->is_terminated)
        connection_send_sealed(connection); /* reading may have something to answer */
}

static void connection_on_read(uv_stream_t *stream, ssize_t n_read, const uv_buf_t *input) {
    RedisConnection *connection = stream->data;
    if (n_read == UV_EOF)
        connection_end_socket(connection, REDIS_CAUSE_CLOSED, "closed by Redis");
    else if (n_read < 0)
        connection_end_socket(connection, REDIS_CAUSE_SOCKET, uv_strerror((int)n_read));
    else if (connection->tls)
        connection_take_sealed(connection, input->base, (size_t)n_read);
    else
        connection_take(connection, input->base, (size_t)n_read);
}

/* With TLS the handshake begins, and the connection is there when it is over. */
static void connection_begin(RedisConnection *connection) {
    if (!connection->security->tls) {
        connection_established(connection);
        return;
    }
    int r = redis_tls_new(&connection->tls, connection->security->tls, connection->endpoint.host);
    if (r < 0)
        connection_end(connection, REDIS_CAUSE_TLS, uv_strerror(r));
    else
        connection_send_sealed(connection);
}

/* False: none is left. */
static bool connection_try_another(RedisConnection *connection) {
    if (!connection->is_open || connection->n_tried == connection->lookup.n_found)
        return false;
    uv_close(&connection->socket.handle, connection_on_closed);
    return true;
}

static void connection_on_connected(uv_connect_t *request, int status) {
    RedisConnection *connection = request->data;
    if (connection->is_terminated)
        return;
    if (status < 0 && connection_try_another(connection))
        return;
    if (status == 0)
        status = uv_read_start(&connection->socket.stream, connection_on_allocate, connection_on_read);
    if (status < 0)
        connection_end(connection, REDIS_CAUSE_CONNECT, uv_strerror(status));
    else
        connection_begin(connection);
}

static int connection_connect_unix(RedisConnection *connection) {
    int r = uv_pipe_init(connection->loop, &connection->socket.pipe, 0);
    if (r < 0)
        return error_origin(r);
    connection->is_open = true;
    connection->socket.handle.data = connection;
    uv_pipe_connect(&connection->connect, &connection->socket.pipe, connection->endpoint.path, connection_on_connected);
    return 0;
}

static int connection_connect_next(RedisConnection *connection) {
    int r = uv_tcp_init(connection->loop, &connection->socket.tcp);
    if (r < 0)
        return error_origin(r);
    connection->is_open = true;
    connection->socket.handle.data = connection;
    const RedisAddress *address = &connection->lookup.found[connection->n_tried++];
    uv_tcp_nodelay(&connection->socket.tcp, 1);
    r = uv_tcp_connect(&connection->connect, &connection->socket.tcp, &address->any, connection_on_connected);
    return r < 0 ? error_origin(r) : 0;
}

static void connection_connect(RedisConnection *connection) {
    int r = connection_connect_next(connection);
    if (r < 0 && !connection_try_another(connection))
        connection_end(connection, REDIS_CAUSE_CONNECT, uv_strerror(r));
}

static void connection_on_resolved(RedisLookup *lookup, int status) {
    RedisConnection *connection = container_of(lookup, RedisConnection, lookup);
    if (status < 0)
        connection_end(connection, REDIS_CAUSE_RESOLVE, uv_strerror(status));
    else
        connection_connect(connection);
}

static int connection_resolve(RedisConnection *connection, RedisResolver *resolver) {
    int r = redis_lookup_start(&connection->lookup, resolver, connection->endpoint.host, connection->endpoint.port);
    if (r == REDIS_FOUND)
        r = connection_connect_next(connection);
    return r < 0 ? error_trace(r) : 0;
}

int redis_connection_open(RedisConnection **out, uv_loop_t *loop, Turn *turn, const RedisTarget *target, redisReader *reader,
                          const RedisConnectionEvents *events, void *context) {
    RedisConnection *connection = reader ? calloc(1, sizeof *connection) : NULL;
    if (!connection) {
        redisReaderFree(reader);
        return error_origin(-ENOMEM);
    }
    connection->loop = loop;
    connection->endpoint = *target->endpoint;
    connection->security = target->security;
    connection->reader = reader;
    connection->events = events;
    connection->context = context;
    connection->connect.data = connection;
    redis_lookup_init(&connection->lookup, connection_on_resolved);
    writer_init(&connection->writer, turn, &connection->socket.stream, REDIS_OUTPUT_LIMIT_BYTES,
                target->security->tls ? &connection_sealed_events : &connection_writer_events);
    writer_init(&connection->wire, turn, &connection->socket.stream, REDIS_OUTPUT_LIMIT_BYTES, &connection_wire_events);
    int r = target->endpoint->path[0] ? connection_connect_unix(connection) : connection_resolve(connection, target->resolver);
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

/* What the kernel still holds of it must not reach Redis later, when it is not true any more: a reset takes it away. */
static void connection_close_handle(RedisConnection *connection, bool is_reset) {
    if (is_reset && connection->socket.handle.type == UV_TCP &&
        uv_tcp_close_reset(&connection->socket.tcp, connection_on_closed) == 0)
        return;
    uv_close(&connection->socket.handle, connection_on_closed);
}

static void connection_give_up(RedisConnection *connection, bool is_reset) {
    if (!connection || connection->is_terminated)
        return;
    connection->is_terminated = true;
    writer_stop(&connection->writer);
    writer_stop(&connection->wire);
    redis_lookup_cancel(&connection->lookup);
    if (connection->is_open && !uv_is_closing(&connection->socket.handle))
        connection_close_handle(connection, is_reset);
    else
        connection_free(connection);
}

RedisConnection *redis_connection_terminate(RedisConnection *connection) {
    connection_give_up(connection, true);
    return NULL;
}

RedisConnection *redis_connection_close(RedisConnection *connection) {
    connection_give_up(connection, false);
    return NULL;
}
