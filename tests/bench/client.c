#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "now.h"

/* The key and its answer of RFC 6455 1.3: the same for every connection, so nothing has to be computed. */
#define HANDSHAKE_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define HANDSHAKE_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum { OPCODE_TEXT = 1, OPCODE_BINARY = 2, OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10 };
enum { SEND_LIMIT_BYTES = 4096 };

typedef struct ServerFrame {
    uint8_t opcode;
    const uint8_t *payload;
    size_t n_payload;
} ServerFrame;

int client_connect(Client *client, const Address *server, uint8_t source_host) {
    int fd = address_connect(server, false, source_host);
    if (fd < 0)
        return fd;
    client->fd = fd;
    client->state = CLIENT_CONNECTING;
    return 0;
}

/* What a client sends is small and rare: a socket that does not take it at once is broken. */
static int send_all(const Client *client, const void *bytes, size_t n_bytes) {
    ssize_t n = send(client->fd, bytes, n_bytes, MSG_NOSIGNAL);
    if (n < 0)
        return -errno;
    return (size_t)n == n_bytes ? 0 : -EPIPE;
}

int client_connected(Client *client, const Address *server, const char *path) {
    int error = 0;
    socklen_t n_error = sizeof(error);
    char request[1024];
    if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &n_error) != 0 || error != 0)
        return error != 0 ? -error : -errno;
    int n_request = snprintf(request, sizeof(request),
                             "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Key: " HANDSHAKE_KEY "\r\nSec-WebSocket-Version: 13\r\n\r\n",
                             path, server->text);
    if (n_request >= (int)sizeof(request))
        return -ENAMETOOLONG;
    client->state = CLIENT_HANDSHAKE;
    return send_all(client, request, (size_t)n_request);
}

static int send_frame(const Client *client, uint8_t opcode, const void *payload, size_t n_payload) {
    static const uint8_t mask[4] = {0x5a, 0x17, 0xc3, 0x88};
    uint8_t frame[SEND_LIMIT_BYTES + 8];
    size_t n_head = n_payload < 126 ? 2 : 4;
    if (n_payload > SEND_LIMIT_BYTES)
        return -EMSGSIZE;
    frame[0] = 0x80 | opcode;
    frame[1] = 0x80 | (n_payload < 126 ? (uint8_t)n_payload : 126);
    frame[2] = (uint8_t)(n_payload >> 8); /* overwritten by the mask when the length is short */
    frame[3] = (uint8_t)n_payload;
    memcpy(frame + n_head, mask, sizeof(mask));
    for (size_t i = 0; i < n_payload; i++)
        frame[n_head + 4 + i] = ((const uint8_t *)payload)[i] ^ mask[i % 4];
    return send_all(client, frame, n_head + 4 + n_payload);
}

int client_send_text(Client *client, const char *text) {
    return send_frame(client, OPCODE_TEXT, text, strlen(text));
}

static int lose(ClientShared *shared, const Client *client, int error, const char *what, const char *detail, size_t n_detail) {
    if (shared->reason[0] == '\0')
        snprintf(shared->reason, sizeof(shared->reason), "connection %u: %s%s%.*s", client->number, what,
                 n_detail > 0 ? " " : "", (int)n_detail, detail);
    return error;
}

/* The frame's size, 0 when it is not whole yet, -EPROTO for what no server may send us or what the bench cannot use:
   nothing was negotiated that needs reserved bits, and no server measured here cuts its messages in fragments. */
static ptrdiff_t frame_parse(ServerFrame *frame, const uint8_t *bytes, size_t n_bytes) {
    if (n_bytes < 2)
        return 0;
    size_t n_payload = bytes[1];
    size_t n_head = n_payload == 126 ? 4 : n_payload == 127 ? 10 : 2;
    if ((bytes[0] & 0xf0) != 0x80 || n_payload > 127)
        return -EPROTO;
    if (n_bytes < n_head)
        return 0;
    if (n_head > 2) {
        n_payload = 0;
        for (size_t i = 2; i < n_head; i++)
            n_payload = n_payload << 8 | bytes[i];
    }
    if (n_payload > CLIENT_SCRATCH_BYTES - 10)
        return -EPROTO;
    if (n_bytes - n_head < n_payload)
        return 0;
    *frame = (ServerFrame){.opcode = bytes[0] & 0x0f, .payload = bytes + n_head, .n_payload = n_payload};
    return (ptrdiff_t)(n_head + n_payload);
}

static int take_frame(Client *client, ClientShared *shared, const ServerFrame *frame) {
    switch (frame->opcode) {
    case OPCODE_TEXT:
    case OPCODE_BINARY:
        shared->message(shared->context, client, frame->payload, frame->n_payload);
        return 0;
    case OPCODE_PING:
        shared->n_pings++;
        return send_frame(client, OPCODE_PONG, frame->payload, frame->n_payload);
    case OPCODE_PONG:
        return 0;
    case OPCODE_CLOSE: {
        char code[32] = "without a code";
        if (frame->n_payload >= 2)
            snprintf(code, sizeof(code), "%d", frame->payload[0] << 8 | frame->payload[1]);
        return lose(shared, client, -ECONNRESET, "closed by the server:", code, strlen(code));
    }
    default:
        return lose(shared, client, -EPROTO, "unknown opcode", "", 0);
    }
}

/* Bytes used of the server's answer to the handshake: 0 when it is not whole yet, -EPROTO when it is not the right one. */
static ptrdiff_t take_answer(Client *client, ClientShared *shared, const uint8_t *bytes, size_t n_bytes) {
    const uint8_t *end = memmem(bytes, n_bytes, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    size_t n_answer = (size_t)(end - bytes) + 4;
    const uint8_t *line_end = memchr(bytes, '\r', n_answer);
    if (n_answer < 12 || memcmp(bytes, "HTTP/1.1 101", 12) != 0)
        return lose(shared, client, -EPROTO, "refused:", (const char *)bytes, (size_t)(line_end - bytes));
    if (memmem(bytes, n_answer, HANDSHAKE_ACCEPT, strlen(HANDSHAKE_ACCEPT)) == NULL)
        return lose(shared, client, -EPROTO, "wrong Sec-WebSocket-Accept", "", 0);
    client->state = CLIENT_OPEN;
    shared->opened(shared->context, client);
    return (ptrdiff_t)n_answer;
}

/* Bytes used, or -errno. */
static ptrdiff_t consume(Client *client, ClientShared *shared, const uint8_t *bytes, size_t n_bytes) {
    size_t n_used = 0;
    if (client->state == CLIENT_HANDSHAKE) {
        ptrdiff_t n_answer = take_answer(client, shared, bytes, n_bytes);
        if (n_answer <= 0)
            return n_answer;
        n_used = (size_t)n_answer;
    }
    while (n_used < n_bytes) {
        ServerFrame frame;
        ptrdiff_t n_frame = frame_parse(&frame, bytes + n_used, n_bytes - n_used);
        if (n_frame == 0)
            break;
        if (n_frame < 0)
            return lose(shared, client, (int)n_frame, "not a frame that a server may send", "", 0);
        int error = take_frame(client, shared, &frame);
        if (error != 0)
            return lose(shared, client, error, strerror(-error), "", 0);
        n_used += (size_t)n_frame;
    }
    return (ptrdiff_t)n_used;
}

static int keep(Client *client, const uint8_t *bytes, size_t n_bytes) {
    free(client->partial);
    client->partial = NULL;
    client->n_partial = n_bytes;
    if (n_bytes == 0)
        return 0;
    client->partial = malloc(n_bytes);
    if (client->partial == NULL)
        return -ENOMEM;
    memcpy(client->partial, bytes, n_bytes);
    return 0;
}

int client_read(Client *client, ClientShared *shared) {
    size_t n_bytes = client->n_partial;
    if (n_bytes > 0)
        memcpy(shared->scratch, client->partial, n_bytes);
    ssize_t n = recv(client->fd, shared->scratch + n_bytes, CLIENT_SCRATCH_BYTES - n_bytes, 0);
    if (n < 0 && errno == EAGAIN)
        return 0;
    if (n <= 0)
        return lose(shared, client, n == 0 ? -ECONNRESET : -errno, n == 0 ? "ended by the server" : strerror(errno), "", 0);
    shared->read_ns = now_ns();
    shared->n_reads++;
    n_bytes += (size_t)n;
    ptrdiff_t n_used = consume(client, shared, shared->scratch, n_bytes);
    if (n_used < 0)
        return (int)n_used;
    if ((size_t)n_used == n_bytes && client->n_partial == 0)
        return 0;
    return keep(client, shared->scratch + n_used, n_bytes - (size_t)n_used);
}

void client_close(Client *client) {
    static const uint8_t normal[2] = {1000 >> 8, 1000 & 0xff};
    if (client->state == CLIENT_CLOSED)
        return;
    if (client->state == CLIENT_OPEN)
        send_frame(client, OPCODE_CLOSE, normal, sizeof(normal));
    close(client->fd);
    free(client->partial);
    client->partial = NULL;
    client->n_partial = 0;
    client->state = CLIENT_CLOSED;
}
