#include "broker/redis_subscriber.h"

#include <stdlib.h>
#include <string.h>

/* One command: its channels, and how many of them Redis has still to answer. */
typedef struct RedisBatch {
    ListNode link;
    bool is_subscribe;
    unsigned n_channels;
    unsigned n_unanswered;
    uint64_t sent_ms;
    Buf names; /* each a uint16_t, its size, and the bytes, for when the batch is refused as a whole */
} RedisBatch;

static RedisBatch *batch_first(RedisSubscriber *subscriber) {
    return list_is_empty(&subscriber->batches) ? NULL : container_of(subscriber->batches.next, RedisBatch, link);
}

static RedisBatch *batch_last(RedisSubscriber *subscriber) {
    return container_of(subscriber->batches.prev, RedisBatch, link);
}

static RedisBatch *batch_free(RedisBatch *batch) {
    list_unlink(&batch->link);
    buf_finish(&batch->names);
    free(batch);
    return NULL;
}

static void subscriber_forget(RedisSubscriber *subscriber) {
    RedisBatch *batch;
    while ((batch = batch_first(subscriber)))
        batch_free(batch);
    subscriber->is_open = subscriber->is_broken = false;
    turn_cancel(&subscriber->send);
}

typedef void BatchVisit(RedisSubscriber *subscriber, const RedisBatch *batch, const char *name, size_t n_name);

static void batch_each(RedisSubscriber *subscriber, const RedisBatch *batch, BatchVisit *visit) {
    for (size_t at = 0; at < batch->names.n_bytes;) {
        uint16_t n_name;
        memcpy(&n_name, batch->names.bytes + at, sizeof n_name);
        visit(subscriber, batch, (const char *)batch->names.bytes + at + sizeof n_name, n_name);
        at += sizeof n_name + n_name;
    }
}

static void subscriber_write_name(RedisSubscriber *subscriber, const RedisBatch *batch, const char *name, size_t n_name) {
    writer_bulk(redis_link_writer(&subscriber->link), name, n_name);
}

/* The open batch becomes a command on its way. */
static void subscriber_send(RedisSubscriber *subscriber) {
    if (!subscriber->is_open || subscriber->is_broken)
        return;
    RedisBatch *batch = batch_last(subscriber);
    Writer *writer = redis_link_writer(&subscriber->link);
    subscriber->is_open = false;
    batch->n_unanswered = batch->n_channels;
    batch->sent_ms = subscriber->link.now_ms;
    writer_header(writer, '*', (int64_t)batch->n_channels + 1);
    writer_bulk_text(writer, batch->is_subscribe ? "SUBSCRIBE" : "UNSUBSCRIBE");
    batch_each(subscriber, batch, subscriber_write_name);
}

static void subscriber_on_turn(TurnTask *task) {
    RedisSubscriber *subscriber = container_of(task, RedisSubscriber, send);
    if (subscriber->is_broken)
        redis_link_fail(&subscriber->link, "out of memory");
    else if (redis_subscriber_is_ready(subscriber))
        subscriber_send(subscriber);
}

/* An open batch of that kind, with room; NULL without memory. */
static RedisBatch *subscriber_gather(RedisSubscriber *subscriber, bool is_subscribe) {
    if (subscriber->is_open) {
        RedisBatch *open = batch_last(subscriber);
        if (open->is_subscribe == is_subscribe && open->n_channels < REDIS_BATCH_CHANNELS)
            return open;
        subscriber_send(subscriber);
    }
    RedisBatch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    batch->is_subscribe = is_subscribe;
    buf_init(&batch->names, (size_t)REDIS_BATCH_CHANNELS * (REDIS_PUBSUB_CHANNEL_MAX + sizeof(uint16_t)));
    list_append(&subscriber->batches, &batch->link);
    subscriber->is_open = true;
    return batch;
}

void redis_subscriber_want(RedisSubscriber *subscriber, bool is_subscribe, const char *prefix, size_t n_prefix,
                           const char *channel, size_t n_channel) {
    if (!redis_subscriber_is_ready(subscriber) || subscriber->is_broken)
        return;
    turn_add(subscriber->link.turn, &subscriber->send);
    RedisBatch *batch = subscriber_gather(subscriber, is_subscribe);
    uint16_t n_name = (uint16_t)(n_prefix + n_channel);
    subscriber->is_broken = !batch || buf_append(&batch->names, &n_name, sizeof n_name) != BUF_OK ||
                            buf_append(&batch->names, prefix, n_prefix) != BUF_OK ||
                            buf_append(&batch->names, channel, n_channel) != BUF_OK;
    if (batch)
        batch->n_channels++;
}

/* Redis judges a command as a whole: one channel that the ACL forbids fails all of its batch. */
static void subscriber_send_alone(RedisSubscriber *subscriber, const RedisBatch *batch, const char *name, size_t n_name) {
    redis_subscriber_want(subscriber, batch->is_subscribe, "", 0, name, n_name);
    subscriber_send(subscriber);
}

static void subscriber_refuse(RedisSubscriber *subscriber, const RedisBatch *batch, const char *name, size_t n_name) {
    if (batch->is_subscribe)
        subscriber->events->refused(subscriber->context, name, n_name);
}

static void subscriber_on_error(RedisSubscriber *subscriber, const char *error) {
    RedisBatch *batch = batch_first(subscriber);
    if (!batch || batch->n_unanswered != batch->n_channels) {
        redis_link_fail(&subscriber->link, error);
        return;
    }
    list_unlink(&batch->link);
    subscriber_send(subscriber); /* what is being gathered goes first */
    batch_each(subscriber, batch, batch->n_channels > 1 ? subscriber_send_alone : subscriber_refuse);
    batch_free(batch);
}

static void subscriber_on_answer(RedisSubscriber *subscriber) {
    RedisPubsub *pubsub = &subscriber->pubsub;
    RedisBatch *batch = batch_first(subscriber);
    if (!batch || !batch->n_unanswered || batch->is_subscribe != (pubsub->kind == REDIS_PUBSUB_SUBSCRIBE)) {
        redis_link_fail(&subscriber->link, "an answer to nothing that was asked");
        return;
    }
    if (--batch->n_unanswered == 0)
        batch_free(batch);
    if (pubsub->kind == REDIS_PUBSUB_SUBSCRIBE)
        subscriber->events->subscribed(subscriber->context, pubsub->channel, pubsub->n_channel);
}

static void subscriber_on_greeting_answer(RedisSubscriber *subscriber) {
    RedisPubsub *pubsub = &subscriber->pubsub;
    if (pubsub->kind == REDIS_PUBSUB_ERROR) {
        redis_link_fail(&subscriber->link, pubsub->error);
    } else if (pubsub->kind == REDIS_PUBSUB_SUBSCRIBE) {
        redis_link_ready(&subscriber->link);
        subscriber->events->ready(subscriber->context);
    }
}

static void subscriber_on_reply(void *context, redisReply *reply) {
    RedisSubscriber *subscriber = context;
    RedisPubsub *pubsub = &subscriber->pubsub;
    subscriber->progress_ms = subscriber->link.now_ms;
    if (subscriber->link.state == REDIS_LINK_GREETING)
        subscriber_on_greeting_answer(subscriber);
    else if (pubsub->kind == REDIS_PUBSUB_ERROR)
        subscriber_on_error(subscriber, pubsub->error);
    else if (pubsub->kind == REDIS_PUBSUB_SUBSCRIBE || pubsub->kind == REDIS_PUBSUB_UNSUBSCRIBE)
        subscriber_on_answer(subscriber);
}

static redisReader *subscriber_reader(void *context) {
    RedisSubscriber *subscriber = context;
    return redis_pubsub_reader(&subscriber->pubsub);
}

static void subscriber_greet(void *context) {
    RedisSubscriber *subscriber = context;
    redis_link_authenticate(&subscriber->link);
    Writer *writer = redis_link_writer(&subscriber->link);
    writer_header(writer, '*', 2);
    writer_bulk_text(writer, "SUBSCRIBE");
    writer_bulk_text(writer, subscriber->canary);
}

static void subscriber_on_lost(void *context, const char *reason) {
    RedisSubscriber *subscriber = context;
    subscriber_forget(subscriber);
    subscriber->events->lost(subscriber->context, reason);
}

static const RedisLinkEvents subscriber_link_events = {
    .reader = subscriber_reader,
    .greet = subscriber_greet,
    .reply = subscriber_on_reply,
    .lost = subscriber_on_lost,
};

void redis_subscriber_init(RedisSubscriber *subscriber, uv_loop_t *loop, Turn *turn, const RedisOptions *options,
                           const char *canary, const RedisSubscriberEvents *events, void *context) {
    *subscriber = (RedisSubscriber){.canary = canary, .events = events, .context = context};
    list_init(&subscriber->batches);
    turn_task_init(&subscriber->send, subscriber_on_turn);
    redis_pubsub_init(&subscriber->pubsub, events->message, context);
    redis_link_init(&subscriber->link, "subscriber", loop, turn, options, &subscriber_link_events, subscriber);
}

void redis_subscriber_close(RedisSubscriber *subscriber) {
    subscriber_forget(subscriber);
    redis_link_close(&subscriber->link);
}

void redis_subscriber_tick(RedisSubscriber *subscriber, uint64_t now_ms) {
    redis_link_tick(&subscriber->link, now_ms);
    RedisBatch *batch = batch_first(subscriber);
    if (!batch || !batch->n_unanswered)
        return;
    uint64_t since_ms = batch->sent_ms > subscriber->progress_ms ? batch->sent_ms : subscriber->progress_ms;
    if (now_ms - since_ms >= subscriber->link.options->reply_ms)
        redis_link_fail(&subscriber->link, "no answer in time");
}

bool redis_subscriber_is_ready(const RedisSubscriber *subscriber) {
    return subscriber->link.state == REDIS_LINK_READY;
}
