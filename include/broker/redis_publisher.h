/* RedisPublisher: the link that speaks. Owner: the bus thread.
   Publishes are pipelined and each is answered once: by Redis, or with BROKER_UNAVAILABLE when the link is lost. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/redis_link.h"

/* A command under way; Redis answers in order. */
typedef struct RedisCall {
    void *cookie; /* NULL: nobody waits for the answer */
    uint64_t sent_ms;
    size_t n_bytes;
} RedisCall;

typedef struct RedisPublisherEvents {
    void (*ready)(void *context);
    void (*lost)(void *context, const char *reason); /* the publishes under way have been answered */
    void (*published)(void *context, void *cookie, BrokerResult result);
} RedisPublisherEvents;

typedef struct RedisPublisher {
    RedisLink link;
    RedisCall *calls;   /* a ring */
    size_t n_allocated; /* a power of two, or 0 */
    size_t first;
    size_t n_calls;
    size_t n_unanswered_bytes;
    const RedisPublisherEvents *events;
    void *context;
} RedisPublisher;

void redis_publisher_init(RedisPublisher *publisher, uv_loop_t *loop, Turn *turn, const RedisOptions *options,
                          const RedisPublisherEvents *events, void *context);
void redis_publisher_close(RedisPublisher *publisher); /* answers what is under way with BROKER_UNAVAILABLE */
void redis_publisher_tick(RedisPublisher *publisher, uint64_t now_ms);
bool redis_publisher_is_ready(const RedisPublisher *publisher);

typedef struct RedisPublish {
    const char *prefix;
    size_t n_prefix;
    const char *channel;
    size_t n_channel;
    const void *payload;
    size_t n_payload;
    void *cookie; /* NULL: no answer wanted */
} RedisPublish;

/* Copies everything. BROKER_OK: the answer follows if there is a cookie; else nothing was sent: BROKER_UNAVAILABLE unless the
   link is ready, BROKER_OVERLOADED past the limit or without memory. */
BrokerResult redis_publisher_publish(RedisPublisher *publisher, const RedisPublish *publish);
