/* RedisPubsub: a reader of what comes on a subscribing connection (RESP2) that builds no reply objects: a message goes up from
   hiredis's read buffer, without an allocation. Owner: the bus thread. */
#pragma once

#include <hiredis/hiredis.h>
#include <stddef.h>

enum { REDIS_PUBSUB_CHANNEL_MAX = 1024, REDIS_PUBSUB_ERROR_MAX = 256 };

typedef enum RedisPubsubKind {
    REDIS_PUBSUB_OTHER,
    REDIS_PUBSUB_STATUS, /* +OK */
    REDIS_PUBSUB_ERROR,
    REDIS_PUBSUB_MESSAGE,     /* gone up already */
    REDIS_PUBSUB_SUBSCRIBE,   /* or ssubscribe: a link does one or the other */
    REDIS_PUBSUB_UNSUBSCRIBE, /* or sunsubscribe */
} RedisPubsubKind;

/* Called in the midst of the reader's work; the bytes are the reader's. */
typedef void RedisPubsubMessage(void *context, const char *channel, size_t n_channel, const void *payload, size_t n_payload);

/* The reply that redisReaderGetReply has just given. */
typedef struct RedisPubsub {
    RedisPubsubKind kind;
    char channel[REDIS_PUBSUB_CHANNEL_MAX]; /* as in Redis, prefix and all */
    size_t n_channel;
    char error[REDIS_PUBSUB_ERROR_MAX];
    RedisPubsubMessage *message;
    void *context;
} RedisPubsub;

void redis_pubsub_init(RedisPubsub *pubsub, RedisPubsubMessage *message, void *context);
/* A reader that fills pubsub, which outlives it; its replies are not redisReply and are not freed. NULL without memory. */
redisReader *redis_pubsub_reader(RedisPubsub *pubsub);
