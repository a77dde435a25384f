/* RedisBackend: what the parts of the Redis backend share. Owner: the bus thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "broker/backend.h"
#include "broker/channel_key.h"
#include "broker/redis.h"
#include "broker/redis_op.h"
#include "broker/redis_topology.h"
#include "broker/turn.h"

typedef struct RedisBackend {
    Backend base;
    RedisOptions options;
    RedisCounters counters;
    ChannelKeys keys;
    Turn turn;
    TurnTask start;
    RedisTopology *topology;
    RedisOps ops;
    bool is_sharded;
    bool is_up;
    char trouble[REDIS_REASON_BYTES]; /* of finding the servers, as it was reported last; "" when all is well */
    uint64_t now_ms;
    HistoryReply *failures[BROKER_REFUSED + 1]; /* what a read is answered with, whatever memory there is; by BrokerResult */
} RedisBackend;

static inline RedisBackend *redis_backend_of(Backend *backend) {
    return container_of(backend, RedisBackend, base);
}

/* The ops of broker/backend.h that read and that keep presence. */
void redis_history_read(Backend *backend, const char *channel, size_t n_channel, const HistoryQuery *query, void *cookie);
void redis_presence_set(Backend *backend, const PresenceEntry *entry, void *cookie);
void redis_presence_members(Backend *backend, const char *channel, size_t n_channel, void *cookie);
void redis_presence_lease(Backend *backend, const LeaseRequest *request, void *cookie);
void redis_presence_bury(Backend *backend, const char *node, void *cookie);

/* Numbers in replies: an integer, or decimal digits as a string. False for anything else. */
bool redis_reply_number(const redisReply *reply, uint64_t *out);
