#include "broker/redis.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "broker/redis_publisher.h"
#include "broker/redis_subscriber.h"

enum { CANARY_BYTES = 48, CANARY_PAYLOAD_MAX = 20 };

typedef struct RedisBackend {
    Backend base;
    RedisOptions options;
    size_t n_prefix;
    Turn turn;
    TurnTask start;
    RedisPublisher publisher;
    RedisSubscriber subscriber;
    bool is_up;
    uint64_t now_ms;
    char canary[CANARY_BYTES];
    size_t n_canary;
    uint64_t canary_sent_ms;
    uint64_t canary_heard_ms;                  /* when the latest one that came back was sent */
    char publisher_reason[REDIS_REASON_BYTES]; /* reported last */
    char subscriber_reason[REDIS_REASON_BYTES];
} RedisBackend;

static RedisBackend *redis_backend(Backend *backend) {
    return container_of(backend, RedisBackend, base);
}

/* last: what the same link said before. */
static void redis_down(RedisBackend *redis, char *last, const char *reason) {
    bool is_news = redis->is_up || strcmp(reason, last) != 0;
    redis->is_up = false;
    snprintf(last, REDIS_REASON_BYTES, "%s", reason);
    if (is_news)
        redis->base.events->down(redis->base.context, last);
}

static void redis_on_ready(void *context) {
    RedisBackend *redis = context;
    if (redis->is_up || !redis_publisher_is_ready(&redis->publisher) || !redis_subscriber_is_ready(&redis->subscriber))
        return;
    redis->is_up = true;
    redis->publisher_reason[0] = redis->subscriber_reason[0] = '\0';
    redis->canary_sent_ms = 0;
    redis->canary_heard_ms = redis->now_ms;
    redis->base.events->up(redis->base.context);
}

static void redis_on_subscriber_lost(void *context, const char *reason) {
    RedisBackend *redis = context;
    redis_down(redis, redis->subscriber_reason, reason);
}

/* A node that hears is not down for want of a publisher; if it does not come back, the canary falls silent. */
static void redis_on_publisher_lost(void *context, const char *reason) {
    RedisBackend *redis = context;
    if (!redis->is_up)
        redis_down(redis, redis->publisher_reason, reason);
}

static void redis_on_published(void *context, void *cookie, BrokerResult result) {
    RedisBackend *redis = context;
    redis->base.events->published(redis->base.context, cookie, result);
}

/* The client's name of a channel, or NULL when it is not one of ours. */
static const char *redis_strip(const RedisBackend *redis, const char *channel, size_t *n_channel) {
    if (*n_channel <= redis->n_prefix || memcmp(channel, redis->options.prefix, redis->n_prefix) != 0)
        return NULL;
    *n_channel -= redis->n_prefix;
    return channel + redis->n_prefix;
}

static void redis_on_subscribed(void *context, const char *channel, size_t n_channel) {
    RedisBackend *redis = context;
    const char *name = redis_strip(redis, channel, &n_channel);
    if (name && redis->is_up)
        redis->base.events->subscribed(redis->base.context, name, n_channel);
}

static void redis_on_refused(void *context, const char *channel, size_t n_channel) {
    RedisBackend *redis = context;
    const char *name = redis_strip(redis, channel, &n_channel);
    if (name && redis->is_up)
        redis->base.events->refused(redis->base.context, name, n_channel);
}

/* The payload is the time at which it was sent. */
static void redis_hear_canary(RedisBackend *redis, const char *payload, size_t n_payload) {
    char text[CANARY_PAYLOAD_MAX + 1];
    if (n_payload > CANARY_PAYLOAD_MAX)
        return;
    memcpy(text, payload, n_payload);
    text[n_payload] = '\0';
    uint64_t sent_ms = strtoull(text, NULL, 10);
    if (sent_ms > redis->canary_heard_ms && sent_ms <= redis->now_ms)
        redis->canary_heard_ms = sent_ms;
}

static void redis_on_message(void *context, const char *channel, size_t n_channel, const void *payload, size_t n_payload) {
    RedisBackend *redis = context;
    if (n_channel == redis->n_canary && memcmp(channel, redis->canary, n_channel) == 0) {
        redis_hear_canary(redis, payload, n_payload);
        return;
    }
    const char *name = redis_strip(redis, channel, &n_channel);
    if (name)
        redis->base.events->message(redis->base.context, name, n_channel, payload, n_payload);
}

static const RedisPublisherEvents redis_publisher_events = {
    .ready = redis_on_ready,
    .lost = redis_on_publisher_lost,
    .published = redis_on_published,
};

static const RedisSubscriberEvents redis_subscriber_events = {
    .ready = redis_on_ready,
    .lost = redis_on_subscriber_lost,
    .subscribed = redis_on_subscribed,
    .refused = redis_on_refused,
    .message = redis_on_message,
};

static void redis_subscribe(Backend *backend, const char *channel, size_t n_channel) {
    RedisBackend *redis = redis_backend(backend);
    redis_subscriber_want(&redis->subscriber, true, redis->options.prefix, redis->n_prefix, channel, n_channel);
}

static void redis_unsubscribe(Backend *backend, const char *channel, size_t n_channel) {
    RedisBackend *redis = redis_backend(backend);
    redis_subscriber_want(&redis->subscriber, false, redis->options.prefix, redis->n_prefix, channel, n_channel);
}

static void redis_publish(Backend *backend, Message *message, void *cookie) {
    RedisBackend *redis = redis_backend(backend);
    const RedisPublish publish = {
        .prefix = redis->options.prefix,
        .n_prefix = redis->n_prefix,
        .channel = message_channel(message),
        .n_channel = message->n_channel,
        .payload = message_payload(message),
        .n_payload = message->n_payload,
        .cookie = cookie,
    };
    BrokerResult result = redis_publisher_publish(&redis->publisher, &publish);
    if (result != BROKER_OK)
        backend->events->published(backend->context, cookie, result);
}

static void redis_send_canary(RedisBackend *redis) {
    char payload[CANARY_PAYLOAD_MAX + 1];
    int n = snprintf(payload, sizeof payload, "%" PRIu64, redis->now_ms);
    const RedisPublish publish = {
        .channel = redis->canary, .n_channel = redis->n_canary, .payload = payload, .n_payload = (size_t)n};
    if (redis_publisher_publish(&redis->publisher, &publish) == BROKER_OK)
        redis->canary_sent_ms = redis->now_ms;
}

/* What Redis no longer lets us hear is found out here, whichever link is to blame. */
static void redis_check_canary(RedisBackend *redis) {
    const RedisOptions *options = &redis->options;
    if (redis->now_ms - redis->canary_sent_ms >= options->canary_ms)
        redis_send_canary(redis);
    if (redis->now_ms - redis->canary_heard_ms < (uint64_t)options->canary_ms + options->canary_deadline_ms)
        return;
    redis_link_fail(&redis->subscriber.link, "the canary was not heard in time");
    redis_link_fail(&redis->publisher.link, "the canary was not heard in time");
}

static void redis_tick(Backend *backend, uint64_t now_ms) {
    RedisBackend *redis = redis_backend(backend);
    redis->now_ms = now_ms;
    redis_publisher_tick(&redis->publisher, now_ms);
    redis_subscriber_tick(&redis->subscriber, now_ms);
    if (redis->is_up)
        redis_check_canary(redis);
}

static void redis_on_start(TurnTask *task) {
    RedisBackend *redis = container_of(task, RedisBackend, start);
    redis_tick(&redis->base, clock_now_ms());
}

static void redis_close(Backend *backend) {
    RedisBackend *redis = redis_backend(backend);
    redis->is_up = false;
    redis_subscriber_close(&redis->subscriber);
    redis_publisher_close(&redis->publisher);
    turn_close(&redis->turn);
}

static const BackendOps redis_ops = {
    .subscribe = redis_subscribe,
    .unsubscribe = redis_unsubscribe,
    .publish = redis_publish,
    .tick = redis_tick,
    .close = redis_close,
};

int redis_backend_new(Backend **out, uv_loop_t *loop, const RedisOptions *options, const BackendEvents *events, void *context) {
    RedisBackend *redis = calloc(1, sizeof *redis);
    if (!redis)
        return error_origin(-ENOMEM);
    redis->base = (Backend){.ops = &redis_ops, .events = events, .context = context};
    redis->options = *options;
    redis->n_prefix = strlen(options->prefix);
    redis->n_canary = (size_t)snprintf(redis->canary, sizeof redis->canary, "barker/canary/%016" PRIx64, random_u64());
    turn_init(&redis->turn, loop);
    redis_subscriber_init(&redis->subscriber, loop, &redis->turn, &redis->options, redis->canary, &redis_subscriber_events,
                          redis);
    redis_publisher_init(&redis->publisher, loop, &redis->turn, &redis->options, &redis_publisher_events, redis);
    turn_task_init(&redis->start, redis_on_start);
    turn_add(&redis->turn, &redis->start);
    *out = &redis->base;
    return 0;
}

Backend *redis_backend_free(Backend *backend) {
    if (backend)
        free(redis_backend(backend));
    return NULL;
}
