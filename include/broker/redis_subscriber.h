/* RedisSubscriber: the link that hears. Owner: the bus thread.
   What one turn wants is sent in batches, in the order in which it was asked: one SUBSCRIBE for many channels, or, sharded, one
   SSUBSCRIBE each, since the channels of one must share a slot. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "broker/redis_link.h"
#include "broker/redis_pubsub.h"
#include "broker/turn.h"

enum { REDIS_BATCH_CHANNELS = 512, REDIS_CANARY_SIZE = 128 };

/* Channels are with their prefix. */
typedef struct RedisSubscriberEvents {
    void (*ready)(void *context); /* greeted, and subscribed to the canary */
    void (*lost)(void *context, const char *reason);
    void (*subscribed)(void *context, const char *channel, size_t n_channel);
    void (*refused)(void *context, const char *channel, size_t n_channel, const char *error);
    /* Sharded: this subscription, the canary's too, is gone, or never came to be, since its slot is elsewhere; and each one before
       the link is reported lost, for by then its slot may have another server. */
    void (*gone)(void *context, const char *channel, size_t n_channel);
    RedisPubsubMessage *message;
} RedisSubscriberEvents;

typedef struct RedisSubscriber {
    RedisLink link;
    RedisPubsub pubsub;
    bool is_sharded;
    const char *canary;
    ListNode batches; /* sent and not wholly answered; the last may be open */
    ListNode moved;   /* of one channel each, to be reported gone at the next tick: not in a circle with whoever asks anew */
    Map names;        /* sharded: what Redis has acknowledged */
    bool is_open;     /* the last batch still gathers */
    bool is_broken;   /* out of memory while gathering: the link is replaced at the end of the turn */
    uint64_t progress_ms; /* of the last answer */
    TurnTask send;
    const RedisSubscriberEvents *events;
    void *context;
} RedisSubscriber;

/* canary: the name of a channel, borrowed, heard as soon as the link is ready. */
void redis_subscriber_init(RedisSubscriber *subscriber, const RedisLinkSetting *setting, bool is_sharded, const char *canary,
                           const RedisSubscriberEvents *events, void *context);
void redis_subscriber_close(RedisSubscriber *subscriber);
void redis_subscriber_tick(RedisSubscriber *subscriber, uint64_t now_ms);
bool redis_subscriber_is_ready(const RedisSubscriber *subscriber);
/* Nothing happens unless the link is ready. channel: 1 to REDIS_PUBSUB_CHANNEL_MAX bytes. */
void redis_subscriber_want(RedisSubscriber *subscriber, bool is_subscribe, const char *channel, size_t n_channel);
