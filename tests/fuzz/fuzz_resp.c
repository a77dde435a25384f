/* The embedded broker's listener, with everything behind it, and libuv's socket taken away: the input's first byte is the size of
   the pieces in which a client's bytes come, the rest is what it says. Another client hears all that is published. */
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

#include "broker/embedded_core.h"
#include "broker/embedded_functions.h"
#include "broker/resp_client.h"
#include "broker/resp_server.h"
#include "fuzz.h"

enum { CLIENT_LIMIT_BYTES = 1 << 20, CLIENTS_LIMIT = 4, HISTORY_BYTES = 1 << 16, START_MS = 1000 };

int __wrap_uv_accept(uv_stream_t *server, uv_stream_t *client);
int __wrap_uv_read_start(uv_stream_t *stream, uv_alloc_cb allocate, uv_read_cb read);
int __wrap_uv_try_write(uv_stream_t *stream, const uv_buf_t *buffers, unsigned n_buffers);

typedef struct Peer {
    uv_stream_t *stream; /* NULL once it was closed */
    redisReader *replies;
    bool speaks_resp3; /* which the reader does not know */
} Peer;

static uv_loop_t loop;
static Turn turn;
static EmbeddedCore core;
static uv_alloc_cb on_allocate;
static uv_read_cb on_read;
static Peer talker, listener;
static uv_stream_t *accepted;

int __wrap_uv_accept(uv_stream_t *server, uv_stream_t *client) {
    accepted = client;
    return 0;
}

int __wrap_uv_read_start(uv_stream_t *stream, uv_alloc_cb allocate, uv_read_cb read) {
    on_allocate = allocate;
    on_read = read;
    return 0;
}

/* What is sent must be the protocol, whole. */
int __wrap_uv_try_write(uv_stream_t *stream, const uv_buf_t *buffers, unsigned n_buffers) {
    Peer *peer = stream == listener.stream ? &listener : &talker;
    void *reply = NULL;
    if (peer->speaks_resp3)
        return (int)buffers->len;
    fuzz_must(redisReaderFeed(peer->replies, buffers->base, buffers->len) == REDIS_OK, "there is memory");
    do {
        fuzz_must(redisReaderGetReply(peer->replies, &reply) == REDIS_OK, "what is sent is the protocol");
        if (reply)
            freeReplyObject(reply);
    } while (reply);
    return (int)buffers->len;
}

static size_t on_publish(void *context, const char *channel, size_t n_channel, const void *payload, size_t n_payload) {
    const char *name;
    size_t n_name;
    if (!embedded_core_channel(context, channel, n_channel, &name, &n_name))
        return 0;
    return embedded_core_deliver(context, name, n_name, payload, n_payload);
}

static void on_call(void *context, const RespCall *call, Writer *writer) {
    embedded_functions_run(context, call, writer);
}

static void on_message(void *context, const char *channel, size_t n_channel, const void *payload, size_t n_payload) {
    Message *message;
    fuzz_must(message_new(&message, channel, n_channel, payload, n_payload) == 0, "what is delivered can be a message");
    message_unref(message);
}

static const BackendEvents events = {.message = on_message};

static RespServer *start(void) {
    struct sockaddr_in address;
    RespServer *server;
    uv_ip4_addr("127.0.0.1", 0, &address);
    const RespServerOptions options = {.address = (const struct sockaddr *)&address,
                                       .client_limit_bytes = CLIENT_LIMIT_BYTES,
                                       .n_clients_limit = CLIENTS_LIMIT,
                                       .publish = on_publish,
                                       .call = on_call,
                                       .context = &core};
    fuzz_must(uv_loop_init(&loop) == 0, "there is a loop");
    turn_init(&turn, &loop);
    fuzz_must(resp_server_new(&server, &loop, &turn, &options) == 0, "there is a listener");
    return server;
}

static void connect_peer(Peer *peer, RespServer *server) {
    fuzz_must(resp_client_accept(server) == 0, "a client is accepted");
    *peer = (Peer){.stream = accepted, .replies = redisReaderCreate()};
}

/* The end of a turn; a client that was closed is gone behind it. */
static void end_turn(void) {
    uv_run(&loop, UV_RUN_NOWAIT);
}

static bool is_open(const Peer *peer, const RespServer *server) {
    for (const ListNode *node = server->clients.next; node != &server->clients; node = node->next)
        if ((const uv_stream_t *)&container_of(node, const RespClient, link)->tcp == peer->stream)
            return true;
    return false;
}

static void say(Peer *peer, const RespServer *server, const char *bytes, size_t n_bytes) {
    uv_buf_t room;
    if (!is_open(peer, server))
        return;
    on_allocate((uv_handle_t *)peer->stream, n_bytes, &room);
    fuzz_must(n_bytes <= room.len, "a piece has room");
    memcpy(room.base, bytes, n_bytes);
    on_read(peer->stream, (ssize_t)n_bytes, &room);
    end_turn();
}

static bool says_hello(const FuzzInput *input) {
    for (size_t i = 0; i + 5 <= input->n_bytes; i++)
        if (strncasecmp(input->bytes + i, "hello", 5) == 0)
            return true;
    return false;
}

static void finish(RespServer *server) {
    while (!list_is_empty(&server->clients))
        resp_client_close(container_of(server->clients.next, RespClient, link));
    while (!list_is_empty(&server->quitting))
        resp_client_close(container_of(server->quitting.next, RespClient, link));
    end_turn();
    for (int kind = 0; kind < RESP_TOPIC_KINDS; kind++)
        fuzz_must(server->topics.topics[kind].n_nodes == 0, "no topic outlives its subscribers");
    fuzz_must(server->n_clients == 0, "no client is left");
    redisReaderFree(talker.replies);
    redisReaderFree(listener.replies);
    embedded_core_finish(&core);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    static const char hear_all[] = "PSUBSCRIBE *\r\n";
    static RespServer *server;
    FuzzInput input = {(const char *)bytes, n_bytes};
    size_t n_piece = fuzz_take_byte(&input) + 1;
    if (!server)
        server = start();
    memset(&core, 0, sizeof core);
    fuzz_must(embedded_core_init(&core, "barker:", 1700000000000000, HISTORY_BYTES, &events, NULL) == 0, "there is memory");
    fuzz_must(embedded_core_hear(&core, "a", 1) == 0, "there is memory");
    core.server = server;
    embedded_core_tick(&core, START_MS);
    resp_server_tick(server, START_MS);
    connect_peer(&listener, server);
    connect_peer(&talker, server);
    talker.speaks_resp3 = says_hello(&input);
    say(&listener, server, hear_all, sizeof hear_all - 1);
    while (input.n_bytes) {
        size_t n = n_piece < input.n_bytes ? n_piece : input.n_bytes;
        say(&talker, server, input.bytes, n);
        input.bytes += n;
        input.n_bytes -= n;
    }
    finish(server);
    return 0;
}
