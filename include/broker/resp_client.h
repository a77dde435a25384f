/* RespClient: one connection of a Redis client to the embedded broker. Owner: the bus thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/list.h"
#include "broker/resp_server.h"
#include "broker/resp_topics.h"
#include "broker/writer.h"

enum { RESP_CLIENT_NAME_MAX = 64 };

typedef struct RespClient {
    uv_tcp_t tcp;
    ListNode link; /* in one of the server's lists */
    RespServer *server;
    RespSubscriber subscriber;
    Writer writer;
    Buf input; /* of a request that is not complete */
    uint64_t id;
    uint64_t quit_ms;
    char name[RESP_CLIENT_NAME_MAX + 1];
    bool is_quitting; /* it reads nothing more, and is closed once all is written */
} RespClient;

/* Accepts the connection that waits at the listener. 0 or -errno. */
int resp_client_accept(RespServer *server);
void resp_client_quit(RespClient *client);
void resp_client_close(RespClient *client); /* at once; the memory goes when the loop has let go of it */
