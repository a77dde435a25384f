/* RespServer: the embedded broker's listener, which speaks the Redis protocol. Owner: the bus thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/list.h"
#include "broker/resp_request.h"
#include "broker/resp_topics.h"
#include "broker/turn.h"

/* A client publishes: returns how many besides the listener's own subscribers got it. */
typedef size_t RespPublish(void *context, const char *channel, size_t n_channel, const void *payload, size_t n_payload);

/* FCALL name n_keys rest… */
typedef struct RespCall {
    const RespText *name;
    const RespText *n_keys_text;
    const RespText *rest; /* keys, then arguments */
    size_t n_rest;
    bool is_read_only;
} RespCall;

/* A client calls a function: exactly one reply is written. */
typedef void RespRun(void *context, const RespCall *call, Writer *writer);

typedef struct RespServer {
    uv_tcp_t listener;
    Turn *turn;
    RespTopics topics;
    ListNode clients;
    ListNode quitting; /* longest first */
    unsigned n_clients;
    unsigned n_clients_limit;
    size_t client_limit_bytes;
    uint64_t next_id;
    uint64_t now_ms;
    RespPublish *publish;
    RespRun *call;
    void *context;
    RespRequest request; /* the one being run */
    char input[64 << 10];
} RespServer;

typedef struct RespServerOptions {
    const struct sockaddr *address;
    size_t client_limit_bytes;
    unsigned n_clients_limit;
    RespPublish *publish;
    RespRun *call;
    void *context;
} RespServerOptions;

/* 0, or -errno. */
int resp_server_new(RespServer **out, uv_loop_t *loop, Turn *turn, const RespServerOptions *options);
/* Closes the listener and every client; the memory goes when the loop has let go of them. NULL, also for NULL. */
RespServer *resp_server_close(RespServer *server);
void resp_server_tick(RespServer *server, uint64_t now_ms);
int resp_server_address(const RespServer *server, struct sockaddr_storage *out); /* as bound; 0 or -errno */
