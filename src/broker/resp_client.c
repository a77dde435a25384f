#include "broker/resp_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "broker/resp_commands.h"

enum { KEEPALIVE_SECONDS = 60 };

static void client_on_closed(uv_handle_t *handle) {
    RespClient *client = handle->data;
    writer_finish(&client->writer);
    buf_finish(&client->input);
    for (int kind = 0; kind < RESP_TOPIC_KINDS; kind++)
        map_finish(&client->subscriber.subscriptions[kind]);
    free(client);
}

void resp_client_close(RespClient *client) {
    if (uv_is_closing((uv_handle_t *)&client->tcp))
        return;
    for (int kind = 0; kind < RESP_TOPIC_KINDS; kind++)
        resp_topics_leave(&client->server->topics, &client->subscriber, (RespTopicKind)kind, NULL);
    list_unlink(&client->link);
    client->server->n_clients--;
    writer_stop(&client->writer);
    uv_close((uv_handle_t *)&client->tcp, client_on_closed);
}

void resp_client_quit(RespClient *client) {
    if (client->is_quitting)
        return;
    client->is_quitting = true;
    client->quit_ms = client->server->now_ms;
    uv_read_stop((uv_stream_t *)&client->tcp);
    list_unlink(&client->link);
    list_append(&client->server->quitting, &client->link);
}

static void client_on_failed(Writer *writer, int error) {
    resp_client_close(container_of(writer, RespClient, writer));
}

static void client_on_drained(Writer *writer) {
    RespClient *client = container_of(writer, RespClient, writer);
    if (client->is_quitting)
        resp_client_close(client);
}

static const WriterEvents client_writer_events = {.failed = client_on_failed, .drained = client_on_drained};

static void client_refuse(RespClient *client, const char *error) {
    writer_text(&client->writer, "-ERR Protocol error: ");
    writer_text(&client->writer, error);
    writer_text(&client->writer, "\r\n");
    resp_client_quit(client);
}

/* Runs every request that is complete; returns how many bytes they took. */
static size_t client_run(RespClient *client, const char *bytes, size_t n_bytes) {
    RespRequest *request = &client->server->request;
    size_t n_used = 0;
    while (!client->is_quitting) {
        int r = resp_request_parse(request, bytes + n_used, n_bytes - n_used);
        if (r == RESP_REQUEST_INVALID)
            client_refuse(client, request->error);
        if (r != RESP_REQUEST_OK)
            break;
        n_used += request->n_used;
        if (request->n_args)
            resp_commands_run(client, request);
    }
    return n_used;
}

static void client_take(RespClient *client, const char *bytes, size_t n_bytes) {
    Buf *input = &client->input;
    if (!input->n_bytes) { /* the usual case: whole requests, run where they were read */
        size_t n_used = client_run(client, bytes, n_bytes);
        bytes += n_used;
        n_bytes -= n_used;
    }
    if (client->is_quitting || !n_bytes)
        return;
    int r = buf_append(input, bytes, n_bytes);
    if (r != BUF_OK) {
        client_refuse(client, r == BUF_FULL ? "too big request" : "out of memory");
        return;
    }
    size_t n_used = client_run(client, (const char *)input->bytes, input->n_bytes);
    if (n_used == input->n_bytes) {
        buf_finish(input);
    } else if (n_used) {
        memmove(input->bytes, input->bytes + n_used, input->n_bytes - n_used);
        input->n_bytes -= n_used;
    }
}

static void client_on_allocate(uv_handle_t *handle, size_t n_suggested, uv_buf_t *out) {
    RespClient *client = handle->data;
    *out = uv_buf_init(client->server->input, sizeof client->server->input);
}

static void client_on_read(uv_stream_t *stream, ssize_t n_read, const uv_buf_t *input) {
    RespClient *client = stream->data;
    if (n_read > 0)
        client_take(client, input->base, (size_t)n_read);
    else if (n_read == UV_EOF && !writer_is_idle(&client->writer))
        resp_client_quit(client); /* it may have shut down only its own side, and waits for the answers */
    else if (n_read < 0)
        resp_client_close(client);
}

int resp_client_accept(RespServer *server) {
    RespClient *client = calloc(1, sizeof *client);
    if (!client)
        return error_origin(-ENOMEM);
    uv_tcp_init(server->listener.loop, &client->tcp);
    client->tcp.data = client;
    client->server = server;
    client->id = server->next_id++;
    server->n_clients++;
    list_append(&server->clients, &client->link);
    buf_init(&client->input, RESP_REQUEST_MAX_BYTES);
    writer_init(&client->writer, server->turn, (uv_stream_t *)&client->tcp, server->client_limit_bytes, &client_writer_events);
    resp_subscriber_init(&client->subscriber, &client->writer);
    int r = uv_accept((uv_stream_t *)&server->listener, (uv_stream_t *)&client->tcp);
    if (r == 0)
        r = uv_read_start((uv_stream_t *)&client->tcp, client_on_allocate, client_on_read);
    if (r < 0) {
        resp_client_close(client);
        return error_origin(r);
    }
    uv_tcp_nodelay(&client->tcp, 1);
    uv_tcp_keepalive(&client->tcp, 1, KEEPALIVE_SECONDS);
    if (server->n_clients > server->n_clients_limit) {
        writer_text(&client->writer, "-ERR max number of clients reached\r\n");
        resp_client_quit(client);
    }
    return 0;
}
