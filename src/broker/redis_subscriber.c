#include "broker/redis_subscriber.h"

#include <stdlib.h>
#include <string.h>

#include "broker/redis_batch.h"

/* Sharded: a channel that Redis lets us hear. */
typedef struct HeardName {
    MapNode node;
    char bytes[];
} HeardName;

static RedisBatch *batch_first(RedisSubscriber *subscriber) {
    return list_is_empty(&subscriber->batches) ? NULL : container_of(subscriber->batches.next, RedisBatch, link);
}

static RedisBatch *batch_last(RedisSubscriber *subscriber) {
    return container_of(subscriber->batches.prev, RedisBatch, link);
}

static void names_drop(MapNode *node, void *context) {
    free(container_of(node, HeardName, node));
}

static void subscriber_remember(RedisSubscriber *subscriber, const char *name, size_t n_name) {
    HeardName *heard = malloc(sizeof *heard + n_name);
    int r = -1;
    if (heard) {
        memcpy(heard->bytes, name, n_name);
        heard->node = (MapNode){.key = heard->bytes, .n_key = n_name};
        r = map_insert(&subscriber->names, &heard->node);
    }
    if (r != MAP_OK)
        free(heard);
    if (r < 0)
        redis_link_fail(&subscriber->link, REDIS_CAUSE_MEMORY, "out of memory");
}

/* False when it had not been acknowledged. */
static bool subscriber_forget_name(RedisSubscriber *subscriber, const char *name, size_t n_name) {
    MapNode *node = map_find(&subscriber->names, name, n_name);
    if (!node)
        return false;
    map_remove(&subscriber->names, node);
    free(container_of(node, HeardName, node));
    return true;
}

/* Everything that was heard or asked for. The lists are taken off first: whoever is told may ask anew. */
static void subscriber_forget(RedisSubscriber *subscriber, MapVisit *each_name,
                              void (*each_batch)(RedisSubscriber *subscriber, RedisBatch *batch)) {
    ListNode batches, *node;
    Map names = subscriber->names;
    list_init(&batches);
    list_take(&batches, &subscriber->batches);
    list_take(&batches, &subscriber->moved);
    map_init(&subscriber->names);
    subscriber->is_open = subscriber->is_broken = false;
    turn_cancel(&subscriber->send);
    if (each_name)
        map_each(&names, each_name, subscriber);
    map_each(&names, names_drop, NULL);
    map_finish(&names);
    while ((node = list_pop(&batches))) {
        RedisBatch *batch = container_of(node, RedisBatch, link);
        if (each_batch)
            each_batch(subscriber, batch);
        redis_batch_free(batch);
    }
}

/* The open batch becomes a command on its way, or sharded one for each name. */
static void subscriber_send(RedisSubscriber *subscriber) {
    if (!subscriber->is_open || subscriber->is_broken)
        return;
    RedisBatch *batch = batch_last(subscriber);
    Writer *writer = redis_link_writer(&subscriber->link);
    const char *words[2][2] = {{"UNSUBSCRIBE", "SUBSCRIBE"}, {"SUNSUBSCRIBE", "SSUBSCRIBE"}};
    const char *word = words[subscriber->is_sharded][batch->is_subscribe];
    subscriber->is_open = false;
    batch->is_sent = true;
    batch->sent_ms = subscriber->link.now_ms;
    if (!subscriber->is_sharded) {
        writer_header(writer, '*', (int64_t)batch->n_unanswered + 1);
        writer_bulk_text(writer, word);
    }
    RedisName name;
    for (RedisBatch cursor = *batch; redis_batch_peek(&cursor, &name); redis_batch_take(&cursor)) {
        if (subscriber->is_sharded) {
            writer_header(writer, '*', 2);
            writer_bulk_text(writer, word);
        }
        writer_bulk(writer, name.bytes, name.n_bytes);
    }
}

static void subscriber_on_turn(TurnTask *task) {
    RedisSubscriber *subscriber = container_of(task, RedisSubscriber, send);
    if (subscriber->is_broken)
        redis_link_fail(&subscriber->link, REDIS_CAUSE_MEMORY, "out of memory");
    else if (redis_subscriber_is_ready(subscriber))
        subscriber_send(subscriber);
}

/* An open batch of that kind, with room; NULL without memory. */
static RedisBatch *subscriber_gather(RedisSubscriber *subscriber, bool is_subscribe) {
    if (subscriber->is_open) {
        RedisBatch *open = batch_last(subscriber);
        if (open->is_subscribe == is_subscribe && open->n_unanswered < REDIS_BATCH_CHANNELS)
            return open;
        subscriber_send(subscriber);
    }
    RedisBatch *batch = redis_batch_new(is_subscribe);
    if (!batch)
        return NULL;
    list_append(&subscriber->batches, &batch->link);
    subscriber->is_open = true;
    return batch;
}

void redis_subscriber_want(RedisSubscriber *subscriber, bool is_subscribe, const char *channel, size_t n_channel) {
    if (!redis_subscriber_is_ready(subscriber) || subscriber->is_broken)
        return;
    turn_add(subscriber->link.setting.turn, &subscriber->send);
    RedisBatch *batch = subscriber_gather(subscriber, is_subscribe);
    subscriber->is_broken = !batch || !redis_batch_add(batch, channel, n_channel);
}

/* Redis judges a command as a whole: one channel that the ACL forbids fails all of its batch, so each is tried alone. */
static void subscriber_split(RedisSubscriber *subscriber, RedisBatch *batch) {
    RedisName name;
    for (; redis_batch_peek(batch, &name); redis_batch_take(batch)) {
        redis_subscriber_want(subscriber, batch->is_subscribe, name.bytes, name.n_bytes);
        subscriber_send(subscriber);
    }
}

/* What another server would answer, or this one a little later. */
static bool error_is_passing(const char *error) {
    static const char *const words[] = {"MOVED ", "ASK ", "TRYAGAIN ", "CLUSTERDOWN ", "LOADING ", "MASTERDOWN "};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strncmp(error, words[i], strlen(words[i])) == 0)
            return true;
    }
    return false;
}

static void subscriber_put_off(RedisSubscriber *subscriber, const RedisName *name) {
    RedisBatch *batch = redis_batch_new(true);
    if (batch && redis_batch_add(batch, name->bytes, name->n_bytes)) {
        list_append(&subscriber->moved, &batch->link);
        return;
    }
    redis_batch_free(batch);
    redis_link_fail(&subscriber->link, REDIS_CAUSE_MEMORY, "out of memory");
}

/* The batch is in no list. */
static void subscriber_refuse(RedisSubscriber *subscriber, RedisBatch *batch, const char *error) {
    RedisName name;
    if (batch->is_subscribe && redis_batch_peek(batch, &name)) {
        if (subscriber->is_sharded && error_is_passing(error))
            subscriber_put_off(subscriber, &name);
        else
            subscriber->events->refused(subscriber->context, name.bytes, name.n_bytes, error);
    }
}

static void subscriber_on_error(RedisSubscriber *subscriber, const char *error) {
    RedisBatch *batch = batch_first(subscriber);
    if (!batch || !batch->is_sent || (!subscriber->is_sharded && batch->n_taken)) {
        redis_link_fail(&subscriber->link, REDIS_CAUSE_PROTOCOL, error);
        return;
    }
    if (subscriber->is_sharded && batch->n_unanswered > 1) {
        RedisName name;
        RedisBatch *one = redis_batch_new(batch->is_subscribe);
        redis_batch_peek(batch, &name);
        if (one && redis_batch_add(one, name.bytes, name.n_bytes)) {
            redis_batch_take(batch);
            subscriber_refuse(subscriber, one, error);
        } else {
            redis_link_fail(&subscriber->link, REDIS_CAUSE_MEMORY, "out of memory");
        }
        redis_batch_free(one);
        return;
    }
    list_unlink(&batch->link);
    subscriber_send(subscriber); /* what is being gathered goes first */
    if (batch->n_unanswered > 1)
        subscriber_split(subscriber, batch);
    else
        subscriber_refuse(subscriber, batch, error);
    redis_batch_free(batch);
}

/* Redis ends the subscriptions of a slot that it gives away. */
static bool subscriber_is_ended(RedisSubscriber *subscriber, const RedisBatch *batch) {
    const RedisPubsub *pubsub = &subscriber->pubsub;
    if (!subscriber->is_sharded || pubsub->kind != REDIS_PUBSUB_UNSUBSCRIBE)
        return false;
    RedisName name;
    return !batch || !batch->is_sent || batch->is_subscribe || !redis_batch_peek(batch, &name) ||
           name.n_bytes != pubsub->n_channel || memcmp(name.bytes, pubsub->channel, name.n_bytes) != 0;
}

static void subscriber_on_ended(RedisSubscriber *subscriber) {
    const RedisPubsub *pubsub = &subscriber->pubsub;
    bool is_canary =
        pubsub->n_channel == strlen(subscriber->canary) && memcmp(pubsub->channel, subscriber->canary, pubsub->n_channel) == 0;
    if (subscriber_forget_name(subscriber, pubsub->channel, pubsub->n_channel) || is_canary)
        subscriber->events->gone(subscriber->context, pubsub->channel, pubsub->n_channel);
}

static void subscriber_on_answer(RedisSubscriber *subscriber) {
    RedisPubsub *pubsub = &subscriber->pubsub;
    RedisBatch *batch = batch_first(subscriber);
    if (subscriber_is_ended(subscriber, batch)) {
        subscriber_on_ended(subscriber);
        return;
    }
    bool is_subscribe = pubsub->kind == REDIS_PUBSUB_SUBSCRIBE;
    if (!batch || !batch->is_sent || batch->is_subscribe != is_subscribe) {
        redis_link_fail(&subscriber->link, REDIS_CAUSE_PROTOCOL, "an answer to nothing that was asked");
        return;
    }
    redis_batch_take(batch);
    if (batch->n_unanswered == 0)
        redis_batch_free(batch);
    if (subscriber->is_sharded && is_subscribe)
        subscriber_remember(subscriber, pubsub->channel, pubsub->n_channel);
    else if (subscriber->is_sharded)
        subscriber_forget_name(subscriber, pubsub->channel, pubsub->n_channel);
    if (is_subscribe && redis_subscriber_is_ready(subscriber))
        subscriber->events->subscribed(subscriber->context, pubsub->channel, pubsub->n_channel);
}

static void subscriber_on_greeting_answer(RedisSubscriber *subscriber) {
    RedisPubsub *pubsub = &subscriber->pubsub;
    if (pubsub->kind == REDIS_PUBSUB_ERROR) {
        redis_link_fail(&subscriber->link, REDIS_CAUSE_GREETING, pubsub->error);
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
    writer_bulk_text(writer, subscriber->is_sharded ? "SSUBSCRIBE" : "SUBSCRIBE");
    writer_bulk_text(writer, subscriber->canary);
}

static void name_is_gone(MapNode *node, void *context) {
    RedisSubscriber *subscriber = context;
    subscriber->events->gone(subscriber->context, node->key, node->n_key);
}

static void batch_is_gone(RedisSubscriber *subscriber, RedisBatch *batch) {
    RedisName name;
    for (; batch->is_subscribe && redis_batch_peek(batch, &name); redis_batch_take(batch))
        subscriber->events->gone(subscriber->context, name.bytes, name.n_bytes);
}

static void subscriber_on_lost(void *context, const char *reason) {
    RedisSubscriber *subscriber = context;
    bool is_sharded = subscriber->is_sharded;
    subscriber_forget(subscriber, is_sharded ? name_is_gone : NULL, is_sharded ? batch_is_gone : NULL);
    subscriber->events->lost(subscriber->context, reason);
}

static const RedisLinkEvents subscriber_link_events = {
    .reader = subscriber_reader,
    .greet = subscriber_greet,
    .reply = subscriber_on_reply,
    .lost = subscriber_on_lost,
};

void redis_subscriber_init(RedisSubscriber *subscriber, const RedisLinkSetting *setting, bool is_sharded, const char *canary,
                           const RedisSubscriberEvents *events, void *context) {
    *subscriber = (RedisSubscriber){.is_sharded = is_sharded, .canary = canary, .events = events, .context = context};
    list_init(&subscriber->batches);
    list_init(&subscriber->moved);
    map_init(&subscriber->names);
    turn_task_init(&subscriber->send, subscriber_on_turn);
    redis_pubsub_init(&subscriber->pubsub, events->message, context);
    redis_link_init(&subscriber->link, "subscriber", setting, &subscriber_link_events, subscriber);
}

void redis_subscriber_close(RedisSubscriber *subscriber) {
    redis_link_close(&subscriber->link);
    subscriber_forget(subscriber, NULL, NULL);
}

static void subscriber_report_moved(RedisSubscriber *subscriber) {
    ListNode moved, *node;
    list_init(&moved);
    list_take(&moved, &subscriber->moved);
    while ((node = list_pop(&moved))) {
        RedisBatch *batch = container_of(node, RedisBatch, link);
        batch_is_gone(subscriber, batch);
        redis_batch_free(batch);
    }
}

void redis_subscriber_tick(RedisSubscriber *subscriber, uint64_t now_ms) {
    redis_link_tick(&subscriber->link, now_ms);
    subscriber_report_moved(subscriber);
    RedisBatch *batch = batch_first(subscriber);
    if (!batch || !batch->is_sent)
        return;
    uint64_t since_ms = batch->sent_ms > subscriber->progress_ms ? batch->sent_ms : subscriber->progress_ms;
    if (now_ms - since_ms >= subscriber->link.setting.options->reply_ms)
        redis_link_fail(&subscriber->link, REDIS_CAUSE_REPLY_TIMEOUT, "no answer in time");
}

bool redis_subscriber_is_ready(const RedisSubscriber *subscriber) {
    return subscriber->link.state == REDIS_LINK_READY;
}
