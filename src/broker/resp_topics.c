#include "broker/resp_topics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/list.h"
#include "broker/glob.h"

typedef struct RespTopic {
    MapNode node;
    ListNode subscriptions;
    char name[];
} RespTopic;

typedef struct RespSubscription {
    MapNode node;  /* in the subscriber's map, under the topic's name */
    ListNode link; /* in the topic's list */
    RespTopic *topic;
    RespSubscriber *subscriber;
} RespSubscription;

void resp_topics_init(RespTopics *topics) {
    for (int kind = 0; kind < RESP_TOPIC_KINDS; kind++)
        map_init(&topics->topics[kind]);
}

void resp_topics_finish(RespTopics *topics) {
    for (int kind = 0; kind < RESP_TOPIC_KINDS; kind++)
        map_finish(&topics->topics[kind]);
}

void resp_subscriber_init(RespSubscriber *subscriber, Writer *writer) {
    *subscriber = (RespSubscriber){.writer = writer, .protocol = 2};
    for (int kind = 0; kind < RESP_TOPIC_KINDS; kind++)
        map_init(&subscriber->subscriptions[kind]);
}

size_t resp_subscriber_count(const RespSubscriber *subscriber) {
    return subscriber->subscriptions[RESP_CHANNEL].n_nodes + subscriber->subscriptions[RESP_PATTERN].n_nodes;
}

/* Finds the topic or makes it; one made may be left without a subscription only by topic_drop_if_empty. */
static int topic_get(RespTopic **out, RespTopics *topics, RespTopicKind kind, const char *name, size_t n_name) {
    MapNode *node = map_find(&topics->topics[kind], name, n_name);
    if (node) {
        *out = container_of(node, RespTopic, node);
        return 0;
    }
    RespTopic *topic = calloc(1, sizeof *topic + n_name + 1);
    if (!topic)
        return error_origin(-ENOMEM);
    memcpy(topic->name, name, n_name);
    topic->node.key = topic->name;
    topic->node.n_key = n_name;
    list_init(&topic->subscriptions);
    int r = map_insert(&topics->topics[kind], &topic->node);
    if (r < 0) {
        free(topic);
        return error_trace(r);
    }
    *out = topic;
    return 0;
}

static void topic_drop_if_empty(RespTopics *topics, RespTopicKind kind, RespTopic *topic) {
    if (!list_is_empty(&topic->subscriptions))
        return;
    map_remove(&topics->topics[kind], &topic->node);
    free(topic);
}

static int subscription_new(RespSubscriber *subscriber, RespTopicKind kind, RespTopic *topic) {
    RespSubscription *subscription = calloc(1, sizeof *subscription);
    if (!subscription)
        return error_origin(-ENOMEM);
    subscription->topic = topic;
    subscription->subscriber = subscriber;
    subscription->node.key = topic->name;
    subscription->node.n_key = topic->node.n_key;
    int r = map_insert(&subscriber->subscriptions[kind], &subscription->node);
    if (r < 0) {
        free(subscription);
        return error_trace(r);
    }
    list_append(&topic->subscriptions, &subscription->link);
    return 0;
}

static void subscription_free(RespTopics *topics, RespTopicKind kind, RespSubscription *subscription) {
    map_remove(&subscription->subscriber->subscriptions[kind], &subscription->node);
    list_unlink(&subscription->link);
    topic_drop_if_empty(topics, kind, subscription->topic);
    free(subscription);
}

int resp_topics_subscribe(RespTopics *topics, RespSubscriber *subscriber, RespTopicKind kind, const char *name, size_t n_name) {
    if (map_find(&subscriber->subscriptions[kind], name, n_name))
        return RESP_TOPICS_OK;
    if (n_name > RESP_TOPIC_NAME_MAX || resp_subscriber_count(subscriber) >= RESP_SUBSCRIPTIONS_MAX)
        return RESP_TOPICS_FULL;
    RespTopic *topic = NULL;
    int r = topic_get(&topic, topics, kind, name, n_name);
    if (r < 0)
        return error_trace(r);
    r = subscription_new(subscriber, kind, topic);
    if (r < 0) {
        topic_drop_if_empty(topics, kind, topic);
        return error_trace(r);
    }
    return RESP_TOPICS_OK;
}

int resp_topics_unsubscribe(RespTopics *topics, RespSubscriber *subscriber, RespTopicKind kind, const char *name,
                            size_t n_name) {
    MapNode *node = map_find(&subscriber->subscriptions[kind], name, n_name);
    if (!node)
        return RESP_TOPICS_UNCHANGED;
    subscription_free(topics, kind, container_of(node, RespSubscription, node));
    return RESP_TOPICS_OK;
}

typedef struct Leaving {
    RespTopics *topics;
    RespSubscriber *subscriber;
    RespTopicKind kind;
    RespTopicVisit *left;
} Leaving;

static void topics_leave_one(MapNode *node, void *context) {
    Leaving *leaving = context;
    char name[RESP_TOPIC_NAME_MAX];
    size_t n_name = node->n_key;
    memcpy(name, node->key, n_name); /* the topic may go with its last subscription */
    subscription_free(leaving->topics, leaving->kind, container_of(node, RespSubscription, node));
    if (leaving->left)
        leaving->left(leaving->subscriber, leaving->kind, name, n_name);
}

void resp_topics_leave(RespTopics *topics, RespSubscriber *subscriber, RespTopicKind kind, RespTopicVisit *left) {
    Leaving leaving = {.topics = topics, .subscriber = subscriber, .kind = kind, .left = left};
    map_each(&subscriber->subscriptions[kind], topics_leave_one, &leaving);
}

typedef struct Publication {
    const char *channel;
    size_t n_channel;
    const void *payload;
    size_t n_payload;
    size_t n_receivers;
} Publication;

static void topic_deliver(RespTopic *topic, bool is_pattern, Publication *publication) {
    for (ListNode *node = topic->subscriptions.next; node != &topic->subscriptions; node = node->next) {
        RespSubscriber *subscriber = container_of(node, RespSubscription, link)->subscriber;
        Writer *writer = subscriber->writer;
        writer_header(writer, subscriber->protocol == 3 ? '>' : '*', is_pattern ? 4 : 3);
        writer_bulk_text(writer, is_pattern ? "pmessage" : "message");
        if (is_pattern)
            writer_bulk(writer, topic->name, topic->node.n_key);
        writer_bulk(writer, publication->channel, publication->n_channel);
        writer_bulk(writer, publication->payload, publication->n_payload);
        publication->n_receivers++;
    }
}

static void topic_try_pattern(MapNode *node, void *context) {
    Publication *publication = context;
    if (glob_match(node->key, node->n_key, publication->channel, publication->n_channel))
        topic_deliver(container_of(node, RespTopic, node), true, publication);
}

size_t resp_topics_publish(RespTopics *topics, const char *channel, size_t n_channel, const void *payload, size_t n_payload) {
    Publication publication = {.channel = channel, .n_channel = n_channel, .payload = payload, .n_payload = n_payload};
    MapNode *node = map_find(&topics->topics[RESP_CHANNEL], channel, n_channel);
    if (node)
        topic_deliver(container_of(node, RespTopic, node), false, &publication);
    map_each(&topics->topics[RESP_PATTERN], topic_try_pattern, &publication);
    return publication.n_receivers;
}
