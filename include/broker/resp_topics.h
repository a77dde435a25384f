/* RespTopics: which client of the listener hears which channel and which pattern. Owner: the bus thread. */
#pragma once

#include <stddef.h>

#include "base/map.h"
#include "broker/writer.h"

enum { RESP_TOPIC_NAME_MAX = 1024, RESP_SUBSCRIPTIONS_MAX = 65536 /* of one client */ };

typedef enum RespTopicKind { RESP_CHANNEL, RESP_PATTERN, RESP_TOPIC_KINDS } RespTopicKind;

typedef struct RespTopics {
    Map topics[RESP_TOPIC_KINDS];
} RespTopics;

typedef struct RespSubscriber {
    Writer *writer;
    int protocol; /* 2 or 3 */
    Map subscriptions[RESP_TOPIC_KINDS];
} RespSubscriber;

void resp_topics_init(RespTopics *topics);
void resp_topics_finish(RespTopics *topics); /* every subscriber has left */

void resp_subscriber_init(RespSubscriber *subscriber, Writer *writer);
size_t resp_subscriber_count(const RespSubscriber *subscriber); /* channels and patterns together */

enum { RESP_TOPICS_OK, RESP_TOPICS_UNCHANGED, RESP_TOPICS_FULL };

/* RESP_TOPICS_OK, also when it was subscribed already; RESP_TOPICS_FULL past the bounds; -ENOMEM. Copies the name. */
int resp_topics_subscribe(RespTopics *topics, RespSubscriber *subscriber, RespTopicKind kind, const char *name, size_t n_name);
/* RESP_TOPICS_OK, or RESP_TOPICS_UNCHANGED when it was not subscribed. */
int resp_topics_unsubscribe(RespTopics *topics, RespSubscriber *subscriber, RespTopicKind kind, const char *name,
                            size_t n_name);

typedef void RespTopicVisit(RespSubscriber *subscriber, RespTopicKind kind, const char *name, size_t n_name);
/* Ends all of one kind, calling left, which may be NULL, after each. */
void resp_topics_leave(RespTopics *topics, RespSubscriber *subscriber, RespTopicKind kind, RespTopicVisit *left);

/* Writes the message to every subscriber; returns to how many subscriptions it went. */
size_t resp_topics_publish(RespTopics *topics, const char *channel, size_t n_channel, const void *payload, size_t n_payload);
