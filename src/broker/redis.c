#include "broker/redis.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "broker/redis_backend.h"
#include "broker/redis_complaint.h"
#include "broker/redis_pubsub.h"

static void redis_report_down(RedisBackend *redis, const char *reason) {
    redis->is_up = false;
    redis->base.events->link(redis->base.context, false, reason);
}

/* Up only when all is well; down is told by whoever knows why. */
static void redis_judge(RedisBackend *redis) {
    bool is_up = redis->topology && redis->topology->ops->is_up(redis->topology);
    if (is_up == redis->is_up)
        return;
    redis->is_up = is_up;
    redis->trouble[0] = 0;
    redis->base.events->link(redis->base.context, is_up, is_up ? NULL : "not every server is known and up");
}

static void redis_on_server_up(void *context, RedisServer *server) {
    RedisBackend *redis = context;
    redis_ops_retry(&redis->ops);
    redis->base.events->changed(redis->base.context);
    redis_judge(redis);
}

static void redis_on_server_down(void *context, RedisServer *server, const char *reason) {
    RedisBackend *redis = context;
    redis_report_down(redis, reason);
    redis->base.events->changed(redis->base.context);
    redis->topology->ops->server_down(redis->topology, server);
}

/* The client's name of a channel, or NULL when it is not one of ours. */
static const char *redis_strip(const RedisBackend *redis, const char *name, size_t *n_name) {
    const char *channel;
    return channel_of_key(&redis->keys, name, *n_name, &channel, n_name) ? channel : NULL;
}

static void redis_on_subscribed(void *context, RedisServer *server, const char *name, size_t n_name) {
    RedisBackend *redis = context;
    const char *channel = redis_strip(redis, name, &n_name);
    if (channel)
        redis->base.events->subscribed(redis->base.context, channel, n_name);
}

static void redis_complain(RedisBackend *redis, const char *command, const char *error) {
    const BrokerComplaint complaint = redis_complaint(command, error);
    redis->base.events->complained(redis->base.context, &complaint);
}

static void redis_on_complained(const RedisOp *op, const redisReply *error) {
    redis_complain(op->context, op->function ? op->function : op->words[0].bytes, error->str);
}

static void redis_on_refused(void *context, RedisServer *server, const char *name, size_t n_name, const char *error) {
    RedisBackend *redis = context;
    const char *channel = redis_strip(redis, name, &n_name);
    if (!channel)
        return;
    if (!channel_is_control(channel, n_name)) /* asked for again and again; the desk says once that it is not heard */
        redis_complain(redis, redis->is_sharded ? "SSUBSCRIBE" : "SUBSCRIBE", error);
    redis->base.events->refused(redis->base.context, channel, n_name);
}

static void redis_on_lost(void *context, RedisServer *server, const char *name, size_t n_name) {
    RedisBackend *redis = context;
    const char *channel = redis_strip(redis, name, &n_name);
    redis->topology->ops->moved(redis->topology);
    if (channel)
        redis->base.events->lost(redis->base.context, channel, n_name);
}

static void redis_on_message(void *context, RedisServer *server, const char *name, size_t n_name, const void *payload,
                             size_t n_payload) {
    RedisBackend *redis = context;
    const char *channel = redis_strip(redis, name, &n_name);
    if (channel)
        redis->base.events->message(redis->base.context, channel, n_name, payload, n_payload);
}

static void redis_on_changed(void *context) {
    RedisBackend *redis = context;
    redis_ops_retry(&redis->ops);
    redis->base.events->changed(redis->base.context);
    redis_judge(redis);
}

/* As long as all servers are up nothing is lost by it. The topology asks twice a second, and says each time what it heard. */
static void redis_on_troubled(void *context, const char *reason) {
    RedisBackend *redis = context;
    if ((redis->topology && redis->topology->ops->is_up(redis->topology)) || strcmp(redis->trouble, reason) == 0)
        return;
    snprintf(redis->trouble, sizeof redis->trouble, "%s", reason);
    redis_report_down(redis, reason);
}

static const RedisServerEvents redis_server_events = {
    .up = redis_on_server_up,
    .down = redis_on_server_down,
    .subscribed = redis_on_subscribed,
    .refused = redis_on_refused,
    .lost = redis_on_lost,
    .message = redis_on_message,
};

static const RedisTopologyEvents redis_topology_events = {
    .changed = redis_on_changed,
    .troubled = redis_on_troubled,
};

/* The server of a channel, whose name in Redis is written. */
static RedisServer *redis_route(RedisBackend *redis, const char *channel, size_t *n_channel,
                                char name[static REDIS_PUBSUB_CHANNEL_MAX]) {
    const ChannelKey key = channel_key(&redis->keys, channel, *n_channel);
    if (key.n_root + key.n_name > REDIS_PUBSUB_CHANNEL_MAX)
        return NULL;
    memcpy(name, key.root, key.n_root);
    memcpy(name + key.n_root, key.name, key.n_name);
    *n_channel = key.n_root + key.n_name;
    return redis->topology->ops->route(redis->topology, name, *n_channel);
}

static bool redis_is_reachable(Backend *backend, const char *channel, size_t n_channel) {
    char name[REDIS_PUBSUB_CHANNEL_MAX];
    const RedisServer *server = redis_route(redis_backend_of(backend), channel, &n_channel, name);
    return server && redis_server_is_up(server);
}

static void redis_subscribe(Backend *backend, const char *channel, size_t n_channel) {
    char name[REDIS_PUBSUB_CHANNEL_MAX];
    if (channel_key_is_taken(&redis_backend_of(backend)->keys, channel, n_channel)) {
        backend->events->refused(backend->context, channel, n_channel);
        return;
    }
    RedisServer *server = redis_route(redis_backend_of(backend), channel, &n_channel, name);
    if (server)
        redis_server_subscribe(server, name, n_channel);
}

static void redis_unsubscribe(Backend *backend, const char *channel, size_t n_channel) {
    char name[REDIS_PUBSUB_CHANNEL_MAX];
    RedisServer *server = redis_route(redis_backend_of(backend), channel, &n_channel, name);
    if (server)
        redis_server_unsubscribe(server, name, n_channel);
}

bool redis_reply_number(const redisReply *reply, uint64_t *out) {
    if (reply->type == REDIS_REPLY_INTEGER && reply->integer >= 0) {
        *out = (uint64_t)reply->integer;
        return true;
    }
    if (reply->type != REDIS_REPLY_STRING || reply->len == 0 || reply->len > 19 ||
        strspn(reply->str, "0123456789") != (size_t)reply->len)
        return false;
    *out = strtoull(reply->str, NULL, 10);
    return true;
}

static void redis_on_published(RedisOp *op, BrokerResult result, redisReply *reply) {
    RedisBackend *redis = op->context;
    Position position = {0};
    bool is_durable = op->function != NULL;
    if (result == BROKER_OK && is_durable &&
        (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2 || !redis_reply_number(reply->element[0], &position.epoch) ||
         !redis_reply_number(reply->element[1], &position.seq)))
        result = BROKER_REFUSED;
    redis->base.events->published(redis->base.context, op->cookie, result, position);
}

static void redis_add_id(RedisOp *op, const Message *message) {
    if (!message->n_id)
        return;
    redis_op_add_text(op, "ID");
    redis_op_add(op, message_id(message), message->n_id);
    redis_op_add_text(op, "IDAGE");
    redis_op_add_number(op, HISTORY_ID_AGE_MS / 1000);
}

static void redis_publish(Backend *backend, Message *message, const HistoryLimits *limits, void *cookie) {
    RedisBackend *redis = redis_backend_of(backend);
    const ChannelKey key = channel_key(&redis->keys, message_channel(message), message->n_channel);
    bool is_taken = channel_key_is_taken(&redis->keys, message_channel(message), message->n_channel);
    size_t n_text = key.n_root + key.n_name + (limits ? 3 * REDIS_OP_NUMBER_BYTES : 0);
    RedisOp *op = is_taken ? NULL : redis_op_new(&redis->ops, n_text, redis_on_published, redis, cookie);
    if (!op) {
        BrokerResult result = is_taken ? BROKER_REFUSED : BROKER_OVERLOADED;
        backend->events->published(backend->context, cookie, result, (Position){0});
        return;
    }
    op->message = message_ref(message);
    op->is_ordered = limits || redis->is_sharded; /* one server carries plain publishes out as they come */
    if (!limits)
        redis_op_add_text(op, redis->is_sharded ? "SPUBLISH" : "PUBLISH");
    redis_op_add_name(op, key.root, key.n_root, key.name, key.n_name);
    redis_op_add(op, message_payload(message), message->n_payload);
    if (limits) {
        op->function = "barker_publish";
        redis_op_add_text(op, "SIZE");
        redis_op_add_number(op, limits->n_messages);
        redis_op_add_text(op, "AGE");
        redis_op_add_number(op, limits->age_ms / 1000 + (limits->age_ms % 1000 != 0));
        redis_add_id(op, message);
    }
    redis_op_send(op);
}

static void redis_tick(Backend *backend, uint64_t now_ms) {
    RedisBackend *redis = redis_backend_of(backend);
    redis->now_ms = now_ms;
    redis_resolver_tick(redis->options.resolver, now_ms);
    redis->topology->ops->tick(redis->topology, now_ms);
    redis_ops_tick(&redis->ops, now_ms);
    redis_judge(redis);
}

static void redis_on_start(TurnTask *task) {
    redis_tick(&container_of(task, RedisBackend, start)->base, clock_now_ms());
}

static void redis_close(Backend *backend) {
    RedisBackend *redis = redis_backend_of(backend);
    redis->is_up = false;
    redis->ops.is_closed = true;
    redis->topology->ops->close(redis->topology);
    redis_ops_close(&redis->ops);
    redis_resolver_close(redis->options.resolver);
    turn_close(&redis->turn);
}

static const BackendOps redis_ops = {
    .is_reachable = redis_is_reachable,
    .subscribe = redis_subscribe,
    .unsubscribe = redis_unsubscribe,
    .publish = redis_publish,
    .read = redis_history_read,
    .present = redis_presence_set,
    .members = redis_presence_members,
    .lease = redis_presence_lease,
    .bury = redis_presence_bury,
    .tick = redis_tick,
    .close = redis_close,
};

static int redis_new_topology(RedisBackend *redis, uv_loop_t *loop) {
    const RedisTopologyInput input = {
        .loop = loop,
        .turn = &redis->turn,
        .options = &redis->options,
        .server_events = &redis_server_events,
        .events = &redis_topology_events,
        .context = redis,
    };
    switch (redis->options.urls[0].scheme) {
    case REDIS_SENTINEL:
        return redis_sentinel_new(&redis->topology, &input);
    case REDIS_CLUSTER:
        return redis_cluster_new(&redis->topology, &input);
    case REDIS_STANDALONE:
        break;
    }
    return redis_fixed_new(&redis->topology, &input);
}

static int redis_new_failures(RedisBackend *redis) {
    for (int i = 0; i <= BROKER_REFUSED; i++) {
        redis->failures[i] = history_reply_new(0);
        if (!redis->failures[i])
            return error_origin(-ENOMEM);
        redis->failures[i]->result = (BrokerResult)i;
    }
    return 0;
}

int redis_backend_new(Backend **out, uv_loop_t *loop, const RedisOptions *options, const BackendEvents *events, void *context) {
    RedisBackend *redis = calloc(1, sizeof *redis);
    if (!redis)
        return error_origin(-ENOMEM);
    redis->base = (Backend){.ops = &redis_ops, .events = events, .context = context};
    redis->options = *options;
    redis->options.counters = &redis->counters;
    redis->options.resolver = NULL;
    channel_keys_init(&redis->keys, options->prefix);
    redis->is_sharded = options->urls[0].scheme == REDIS_CLUSTER;
    int r = redis_new_failures(redis);
    if (r == 0)
        r = redis_resolver_new(&redis->options.resolver, loop);
    if (r == 0)
        r = redis_new_topology(redis, loop);
    if (r < 0) {
        redis_backend_free(&redis->base);
        return error_trace(r);
    }
    turn_init(&redis->turn, loop);
    redis_ops_init(&redis->ops, redis->topology, &redis->options, &redis->turn);
    redis->ops.complained = redis_on_complained;
    turn_task_init(&redis->start, redis_on_start);
    turn_add(&redis->turn, &redis->start);
    *out = &redis->base;
    return 0;
}

Backend *redis_backend_free(Backend *backend) {
    if (!backend)
        return NULL;
    RedisBackend *redis = redis_backend_of(backend);
    if (redis->topology)
        redis->topology->ops->free(redis->topology);
    redis_resolver_free(redis->options.resolver);
    for (int i = 0; i <= BROKER_REFUSED; i++)
        history_reply_unref(redis->failures[i]);
    free(redis);
    return NULL;
}

const RedisCounters *redis_backend_counters(const Backend *backend) {
    return &container_of(backend, RedisBackend, base)->counters;
}
