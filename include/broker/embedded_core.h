/* EmbeddedCore: what the embedded broker holds, between its two doors: the bus's (embedded.c) and that of the Redis clients
   (embedded_functions.c). Owner: the bus thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "broker/backend.h"
#include "broker/channel_key.h"
#include "broker/embedded_history.h"
#include "broker/embedded_presence.h"
#include "broker/resp_server.h"

typedef struct EmbeddedCore {
    const BackendEvents *events;
    void *context;
    Map heard;          /* channels that the node has subscribed to */
    RespServer *server; /* NULL without a listener; its owner sets it */
    EmbeddedHistory history;
    EmbeddedPresence presence;
    ChannelKeys keys;
    char *prefix; /* and behind its NUL the room for a key */
    char *key;
    char *envelope; /* room for a head, then what it is put around */
    size_t n_envelope;
    bool has_ticked;
    uint64_t first_tick_ms;
} EmbeddedCore;

/* start_us: the time now, since 1970. -ENOMEM. */
int embedded_core_init(EmbeddedCore *core, const char *prefix, uint64_t start_us, size_t history_total_bytes,
                       const BackendEvents *events, void *context);
void embedded_core_finish(EmbeddedCore *core); /* also of one that is zeroed */
void embedded_core_tick(EmbeddedCore *core, uint64_t now_ms);

int embedded_core_hear(EmbeddedCore *core, const char *channel, size_t n_channel); /* 0, also when it is heard; -ENOMEM */
void embedded_core_unhear(EmbeddedCore *core, const char *channel, size_t n_channel);

/* The channel of what is called so in Redis. False: it is none's. */
bool embedded_core_channel(const EmbeddedCore *core, const char *key, size_t n_key, const char **channel, size_t *n_channel);

/* To the node, if it hears the channel. Returns 1 then, else 0. */
size_t embedded_core_deliver(EmbeddedCore *core, const char *channel, size_t n_channel, const void *payload, size_t n_payload);
/* To the node and to the listener's clients. */
void embedded_core_publish(EmbeddedCore *core, const char *channel, size_t n_channel, const void *payload, size_t n_payload);
/* The same in an envelope, with the next place in the channel's history. As embedded_history_append. */
int embedded_core_append(EmbeddedCore *core, const HistoryAppend *append, Position *out);
