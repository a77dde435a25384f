#include "hub/hub.h"

#include "base/error.h"

enum { PREFETCH_AHEAD = 8 };

static const Namespace plain = {.slow = SLOW_CLOSE};

void hub_init(Hub *hub, const Namespaces *namespaces, const HubOps *ops, void *context) {
    *hub = (Hub){.namespaces = namespaces, .ops = ops, .context = context};
    map_init(&hub->channels);
}

void hub_finish(Hub *hub) {
    map_finish(&hub->channels);
}

static const Namespace *namespace_of(const Hub *hub, const char *channel, size_t n_channel) {
    return hub->namespaces ? namespaces_find(hub->namespaces, channel, n_channel) : &plain;
}

static void configure(MapNode *node, void *context) {
    Channel *channel = container_of(node, Channel, node);
    channel->namespace = namespace_of(context, channel->name, node->n_key);
}

void hub_configure(Hub *hub, const Namespaces *namespaces) {
    hub->namespaces = namespaces;
    map_each(&hub->channels, configure, hub);
}

static Channel *find_channel(const Hub *hub, const char *channel, size_t n_channel) {
    MapNode *node = map_find(&hub->channels, channel, n_channel);
    return node ? container_of(node, Channel, node) : NULL;
}

static int add_channel(Hub *hub, Channel **out, const char *name, size_t n_name) {
    Channel *channel;
    int r = channel_new(&channel, name, n_name, namespace_of(hub, name, n_name), hub->next_token + 1);
    if (r < 0)
        return error_trace(r);
    r = map_insert(&hub->channels, &channel->node);
    if (r < 0) {
        channel_free(channel);
        return error_trace(r);
    }
    hub->next_token++;
    counter_add(&hub->counters.channels, 1);
    *out = channel;
    return 0;
}

static void drop_channel(Hub *hub, Channel *channel) {
    map_remove(&hub->channels, &channel->node);
    counter_subtract(&hub->counters.channels, 1);
    channel_free(channel);
}

static Subscription *find_in(Subscriber *subscriber, const Channel *channel) {
    for (ListNode *node = subscriber->subscriptions.next; node != &subscriber->subscriptions; node = node->next) {
        Subscription *subscription = container_of(node, Subscription, link);
        if (subscription->channel == channel)
            return subscription;
    }
    return NULL;
}

int hub_subscribe(Hub *hub, Subscriber *subscriber, const char *channel, size_t n_channel, const SubscriptionRequest *request) {
    Channel *found = find_channel(hub, channel, n_channel);
    bool is_new = !found;
    Subscription *subscription;
    int r;
    if (found && find_in(subscriber, found))
        return HUB_EXISTS;
    if (is_new) {
        r = add_channel(hub, &found, channel, n_channel);
        if (r < 0)
            return error_trace(r);
    }
    r = subscription_new(&subscription, found, subscriber, request);
    if (r < 0) {
        if (is_new)
            drop_channel(hub, found);
        return error_trace(r);
    }
    counter_add(&hub->counters.subscriptions, 1);
    if (is_new)
        hub->ops->want(hub->context, found->name, n_channel, found->token);
    else if (found->state == CHANNEL_ACTIVE && !request->is_held)
        hub->ops->subscribed(subscriber, subscription);
    return HUB_OK;
}

void hub_activate(Hub *hub, Subscription *subscription) {
    channel_activate(subscription->channel, subscription);
}

Subscription *hub_find(Hub *hub, Subscriber *subscriber, const char *channel, size_t n_channel) {
    Channel *found = find_channel(hub, channel, n_channel);
    return found ? find_in(subscriber, found) : NULL;
}

void hub_unsubscribe(Hub *hub, Subscription *subscription) {
    Channel *channel = subscription->channel;
    hub->ops->removed(subscription->subscriber, subscription);
    subscription_free(subscription);
    counter_subtract(&hub->counters.subscriptions, 1);
    if (channel->n_subscriptions == 0) {
        hub->ops->unwant(hub->context, channel->name, channel->node.n_key);
        drop_channel(hub, channel);
    }
}

void hub_unsubscribe_all(Hub *hub, Subscriber *subscriber) {
    while (!list_is_empty(&subscriber->subscriptions))
        hub_unsubscribe(hub, container_of(subscriber->subscriptions.next, Subscription, link));
}

static void grant(Hub *hub, Channel *channel, Position position) {
    channel->state = CHANNEL_ACTIVE;
    channel->position = position;
    for (uint32_t i = 0; i < channel->n_active; i++)
        hub->ops->subscribed(channel->subscriptions[i]->subscriber, channel->subscriptions[i]);
}

static void refuse(Hub *hub, Channel *channel, int refusal) {
    for (uint32_t i = 0; i < channel->n_subscriptions; i++) {
        Subscription *subscription = channel->subscriptions[i];
        if (!subscription_is_waiting(subscription))
            subscription->request_id = 0; /* that request was answered long ago */
        hub->ops->refused(subscription->subscriber, subscription, refusal);
    }
    for (uint32_t n = channel->n_subscriptions; n > 0; n--) /* the last one to go takes the channel with it */
        hub_unsubscribe(hub, channel->subscriptions[n - 1]);
}

void hub_acknowledge(Hub *hub, const char *channel, size_t n_channel, uint64_t token, int refusal, Position position) {
    Channel *found = find_channel(hub, channel, n_channel);
    if (!found)
        return;
    bool is_answer = found->state == CHANNEL_PENDING && found->token == token;
    bool is_withdrawal = found->state == CHANNEL_ACTIVE && token == 0;
    if (is_answer && refusal == 0)
        grant(hub, found, position);
    else if (refusal != 0 && (is_answer || is_withdrawal))
        refuse(hub, found, refusal);
}

/* The frames of one message, one a dialect. */
typedef struct Encoded {
    Frame *frames[FRAME_ENCODERS_MAX];
    bool is_done[FRAME_ENCODERS_MAX];
    bool has_failed[FRAME_ENCODERS_MAX];
} Encoded;

/* Who has come or gone is no data: it neither replaces the latest message of its channel nor is replaced by it. */
static uint8_t slow_of(const Channel *channel, const Message *message) {
    SlowPolicy slow = channel->namespace->slow;
    return (uint8_t)(slow == SLOW_LATEST && message->kind != MESSAGE_DATA ? SLOW_DROP_OLDEST : slow);
}

int hub_encode(Frame **out, const FrameEncoder *encoder, const Channel *channel, const Message *message) {
    Frame *frame = NULL;
    int r = encoder->encode(&frame, message);
    if (r < 0)
        return error_trace(r);
    if (frame) {
        frame->channel_token = channel->token;
        frame->slow = slow_of(channel, message);
    }
    *out = frame;
    return 0;
}

static Frame *encode(Hub *hub, Encoded *encoded, const FrameEncoder *encoder, const Channel *channel, const Message *message) {
    unsigned i = encoder->index;
    if (encoded->frames[i] || encoded->is_done[i])
        return encoded->frames[i];
    encoded->is_done[i] = true;
    encoded->has_failed[i] = hub_encode(&encoded->frames[i], encoder, channel, message) < 0;
    if (encoded->has_failed[i])
        counter_add(&hub->counters.encode_failures, 1);
    return encoded->frames[i];
}

/* A crowd does not fit the cache: its subscribers are asked for a few turns of the loop ahead. With 20,000 of them that
   halves the time of a delivery. */
static void prefetch_ahead(const Channel *channel, uint32_t i) {
    if (i + PREFETCH_AHEAD < channel->n_active) {
        __builtin_prefetch(channel->subscriptions[i + PREFETCH_AHEAD]);
        __builtin_prefetch(channel->subscriptions[i + PREFETCH_AHEAD / 2]->subscriber);
    }
}

static void fan_out(Hub *hub, const Channel *channel, const Message *message) {
    Encoded encoded = {0};
    uint64_t n_delivered = 0;
    for (uint32_t i = 0; i < channel->n_active; i++) {
        prefetch_ahead(channel, i);
        Subscriber *subscriber = channel->subscriptions[i]->subscriber;
        Frame *frame = encode(hub, &encoded, subscriber->encoder, channel, message);
        if (frame) {
            hub->ops->send(subscriber, frame);
            n_delivered++;
        } else if (encoded.has_failed[subscriber->encoder->index]) {
            hub->ops->gap(subscriber, channel, GAP_NODE);
        }
    }
    counter_add(&hub->counters.deliveries, n_delivered);
    for (unsigned i = 0; i < FRAME_ENCODERS_MAX; i++)
        frame_unref(encoded.frames[i]);
}

void hub_deliver(Hub *hub, const Message *message) {
    counter_add(&hub->counters.messages, 1);
    MapNode *node = map_find_hashed(&hub->channels, message->channel_hash, message_channel(message), message->n_channel);
    Channel *channel = node ? container_of(node, Channel, node) : NULL;
    if (!channel || channel->state != CHANNEL_ACTIVE) {
        counter_add(&hub->counters.unwanted, 1);
        return;
    }
    if (message->position.epoch)
        channel->position = message->position;
    fan_out(hub, channel, message);
}

static void tell_gap(Hub *hub, Channel *channel, GapReason reason, Position position) {
    if (channel->state != CHANNEL_ACTIVE)
        return;
    channel->position = position;
    for (uint32_t i = 0; i < channel->n_active; i++)
        hub->ops->gap(channel->subscriptions[i]->subscriber, channel, reason);
}

void hub_gap(Hub *hub, const char *channel, size_t n_channel, Position position) {
    Channel *found = find_channel(hub, channel, n_channel);
    if (found)
        tell_gap(hub, found, GAP_BROKER, position);
}

static void overload(MapNode *node, void *context) {
    tell_gap(context, container_of(node, Channel, node), GAP_NODE, (Position){0});
}

void hub_overloaded(Hub *hub) {
    map_each(&hub->channels, overload, hub);
}
