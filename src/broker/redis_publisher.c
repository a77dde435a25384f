#include "broker/redis_publisher.h"

#include <stdio.h>
#include <stdlib.h>

enum { CALLS_MIN = 64, CALL_BYTES = 64 /* a command's frame, about */ };

static int publisher_grow(RedisPublisher *publisher) {
    size_t n = publisher->n_allocated ? publisher->n_allocated * 2 : CALLS_MIN;
    RedisCall *calls = calloc(n, sizeof *calls);
    if (!calls)
        return -1;
    for (size_t i = 0; i < publisher->n_calls; i++)
        calls[i] = publisher->calls[(publisher->first + i) & (publisher->n_allocated - 1)];
    free(publisher->calls);
    publisher->calls = calls;
    publisher->n_allocated = n;
    publisher->first = 0;
    return 0;
}

static bool publisher_push(RedisPublisher *publisher, RedisCall call) {
    if (publisher->n_calls == publisher->n_allocated && publisher_grow(publisher) < 0)
        return false;
    publisher->calls[(publisher->first + publisher->n_calls++) & (publisher->n_allocated - 1)] = call;
    publisher->n_unanswered_bytes += call.n_bytes;
    return true;
}

static RedisCall publisher_pop(RedisPublisher *publisher) {
    RedisCall call = publisher->calls[publisher->first];
    publisher->first = (publisher->first + 1) & (publisher->n_allocated - 1);
    publisher->n_calls--;
    publisher->n_unanswered_bytes -= call.n_bytes;
    return call;
}

static void publisher_abandon(RedisPublisher *publisher) {
    while (publisher->n_calls) {
        RedisCall call = publisher_pop(publisher);
        if (call.cookie)
            publisher->events->published(publisher->context, call.cookie, BROKER_UNAVAILABLE);
    }
}

static void publisher_on_greeting_answer(RedisPublisher *publisher, const redisReply *reply) {
    publisher_pop(publisher);
    if (reply->type == REDIS_REPLY_ERROR) {
        redis_link_fail(&publisher->link, reply->str);
    } else if (publisher->n_calls == 0) {
        redis_link_ready(&publisher->link);
        publisher->events->ready(publisher->context);
    }
}

static void publisher_on_reply(void *context, redisReply *reply) {
    RedisPublisher *publisher = context;
    if (publisher->n_calls == 0) {
        redis_link_fail(&publisher->link,
                        reply->type == REDIS_REPLY_ERROR ? reply->str : "an answer to nothing that was asked");
        return;
    }
    if (publisher->link.state == REDIS_LINK_GREETING) {
        publisher_on_greeting_answer(publisher, reply);
        return;
    }
    RedisCall call = publisher_pop(publisher);
    if (call.cookie)
        publisher->events->published(publisher->context, call.cookie,
                                     reply->type == REDIS_REPLY_ERROR ? BROKER_REFUSED : BROKER_OK);
}

static redisReader *publisher_reader(void *context) {
    return redisReaderCreate();
}

/* AUTH, SELECT and a PING, whose answer shows that Redis takes commands: that it is not loading, and lets us in. */
static void publisher_greet(void *context) {
    RedisPublisher *publisher = context;
    RedisLink *link = &publisher->link;
    Writer *writer = redis_link_writer(link);
    unsigned n_answers = redis_link_authenticate(link) + 1;
    if (link->options->url.database) {
        char database[16];
        snprintf(database, sizeof database, "%u", link->options->url.database);
        writer_header(writer, '*', 2);
        writer_bulk_text(writer, "SELECT");
        writer_bulk_text(writer, database);
        n_answers++;
    }
    writer_header(writer, '*', 1);
    writer_bulk_text(writer, "PING");
    while (n_answers--) {
        if (!publisher_push(publisher, (RedisCall){.sent_ms = link->now_ms})) {
            redis_link_fail(link, "out of memory");
            return;
        }
    }
}

static void publisher_on_lost(void *context, const char *reason) {
    RedisPublisher *publisher = context;
    publisher_abandon(publisher);
    publisher->events->lost(publisher->context, reason);
}

static const RedisLinkEvents publisher_link_events = {
    .reader = publisher_reader,
    .greet = publisher_greet,
    .reply = publisher_on_reply,
    .lost = publisher_on_lost,
};

void redis_publisher_init(RedisPublisher *publisher, uv_loop_t *loop, Turn *turn, const RedisOptions *options,
                          const RedisPublisherEvents *events, void *context) {
    *publisher = (RedisPublisher){.events = events, .context = context};
    redis_link_init(&publisher->link, "publisher", loop, turn, options, &publisher_link_events, publisher);
}

void redis_publisher_close(RedisPublisher *publisher) {
    redis_link_close(&publisher->link);
    publisher_abandon(publisher);
    free(publisher->calls);
    publisher->calls = NULL;
    publisher->n_allocated = 0;
}

void redis_publisher_tick(RedisPublisher *publisher, uint64_t now_ms) {
    redis_link_tick(&publisher->link, now_ms);
    if (publisher->link.state != REDIS_LINK_READY || publisher->n_calls == 0)
        return;
    if (now_ms - publisher->calls[publisher->first].sent_ms >= publisher->link.options->reply_ms)
        redis_link_fail(&publisher->link, "no answer in time");
}

bool redis_publisher_is_ready(const RedisPublisher *publisher) {
    return publisher->link.state == REDIS_LINK_READY;
}

BrokerResult redis_publisher_publish(RedisPublisher *publisher, const RedisPublish *publish) {
    if (!redis_publisher_is_ready(publisher))
        return BROKER_UNAVAILABLE;
    RedisCall call = {
        .cookie = publish->cookie,
        .sent_ms = publisher->link.now_ms,
        .n_bytes = publish->n_prefix + publish->n_channel + publish->n_payload + CALL_BYTES,
    };
    if (publish->cookie && publisher->n_unanswered_bytes >= publisher->link.options->publish_limit_bytes)
        return BROKER_OVERLOADED;
    if (!publisher_push(publisher, call))
        return BROKER_OVERLOADED;
    Writer *writer = redis_link_writer(&publisher->link);
    writer_header(writer, '*', 3);
    writer_bulk_text(writer, "PUBLISH");
    writer_bulk_prefixed(writer, publish->prefix, publish->n_prefix, publish->channel, publish->n_channel);
    writer_bulk(writer, publish->payload, publish->n_payload);
    return BROKER_OK;
}
