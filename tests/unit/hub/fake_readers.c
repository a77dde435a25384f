#include "fake_readers.h"

#include <check.h>
#include <errno.h>
#include <string.h>

FakeReaders readers;

static Reader *reader_of(Subscriber *subscriber) {
    return container_of(subscriber, Reader, subscriber);
}

static void told_send(Subscriber *subscriber, Frame *frame) {
    Reader *reader = reader_of(subscriber);
    reader->n_sent++;
    memcpy(reader->last, frame->bytes, frame->n_bytes);
    reader->last[frame->n_bytes] = '\0';
    reader->channel_token = frame->channel_token;
    reader->slow = (SlowPolicy)frame->slow;
}

static void told_subscribed(Subscriber *subscriber, Subscription *subscription) {
    reader_of(subscriber)->n_subscribed++;
    reader_of(subscriber)->request_id = subscription->request_id;
    reader_of(subscriber)->position = subscription->channel->position;
}

static void told_removed(Subscriber *subscriber, Subscription *subscription) {
    ck_assert_ptr_eq(subscription->subscriber, subscriber);
    reader_of(subscriber)->n_removed++;
}

static void told_refused(Subscriber *subscriber, Subscription *subscription, int refusal) {
    reader_of(subscriber)->n_refused++;
    reader_of(subscriber)->refusal = refusal;
    reader_of(subscriber)->request_id = subscription->request_id;
}

static void told_gap(Subscriber *subscriber, const Channel *channel, GapReason reason) {
    reader_of(subscriber)->n_gaps++;
    reader_of(subscriber)->position = channel->position;
    reader_of(subscriber)->reason = reason;
}

static void told_want(void *context, const char *channel, size_t n_channel, uint64_t token) {
    readers.n_wants++;
    readers.token = token;
    memcpy(readers.wanted, channel, n_channel + 1);
}

static void told_unwant(void *context, const char *channel, size_t n_channel) {
    readers.n_unwants++;
}

const HubOps reader_ops = {.send = told_send,
                           .subscribed = told_subscribed,
                           .refused = told_refused,
                           .removed = told_removed,
                           .gap = told_gap,
                           .want = told_want,
                           .unwant = told_unwant};

static int encode_text(Frame **out, const Message *message) {
    readers.n_encoded++;
    return frame_new_copy(out, FRAME_TEXT, message_payload(message), message->n_payload);
}

static int encode_binary(Frame **out, const Message *message) {
    readers.n_encoded++;
    return frame_new_copy(out, FRAME_BINARY, message_payload(message), message->n_payload);
}

static int encode_data_alone(Frame **out, const Message *message) {
    readers.n_encoded++;
    *out = NULL;
    return message->kind == MESSAGE_DATA ? frame_new_copy(out, FRAME_TEXT, "data", 4) : 0;
}

static int encode_without_memory(Frame **out, const Message *message) {
    readers.n_encoded++;
    return -ENOMEM;
}

const FrameEncoder reader_text = {0, encode_text};
const FrameEncoder reader_binary = {7, encode_binary};
const FrameEncoder reader_failing = {3, encode_without_memory};
const FrameEncoder reader_data_alone = {1, encode_data_alone};
const Position somewhere = {.epoch = 5, .seq = 70};

void readers_begin(void) {
    static Namespace chat = {.name = "chat", .slow = SLOW_LATEST};
    static const Namespaces namespaces = {.fallback = {.slow = SLOW_DROP_OLDEST}, .items = &chat, .n_items = 1};
    memset(&readers, 0, sizeof(readers));
    hub_init(&readers.hub, &namespaces, &reader_ops, NULL);
    for (int i = 0; i < N_READERS; i++)
        subscriber_init(&readers.all[i].subscriber, &reader_text);
}

void readers_end(void) {
    for (int i = 0; i < N_READERS; i++)
        hub_unsubscribe_all(&readers.hub, &readers.all[i].subscriber);
    ck_assert_uint_eq(readers.n_wants, readers.n_unwants);
    ck_assert_uint_eq(counter_read(&readers.hub.counters.channels), 0);
    ck_assert_uint_eq(counter_read(&readers.hub.counters.subscriptions), 0);
    hub_finish(&readers.hub);
}

int readers_subscribe(int reader, const char *channel, uint64_t request_id) {
    return hub_subscribe(&readers.hub, &readers.all[reader].subscriber, channel, strlen(channel),
                         &(SubscriptionRequest){.id = request_id});
}

int readers_subscribe_held(int reader, const char *channel, uint64_t request_id) {
    return hub_subscribe(&readers.hub, &readers.all[reader].subscriber, channel, strlen(channel),
                         &(SubscriptionRequest){.id = request_id, .resume_token = 1, .is_held = true});
}

Subscription *readers_find(int reader, const char *channel) {
    return hub_find(&readers.hub, &readers.all[reader].subscriber, channel, strlen(channel));
}

void readers_answer(const char *channel, bool is_granted) {
    hub_acknowledge(&readers.hub, channel, strlen(channel), readers.token, is_granted ? 0 : 3, somewhere);
}

void readers_deliver_as(const char *channel, const char *payload, MessageKind kind, Position position) {
    Message *message;
    ck_assert_int_eq(message_new(&message, channel, strlen(channel), payload, strlen(payload)), 0);
    message->kind = kind;
    message->position = position;
    hub_deliver(&readers.hub, message);
    message_unref(message);
}

void readers_deliver(const char *channel, const char *payload) {
    readers_deliver_as(channel, payload, MESSAGE_DATA, (Position){0});
}

Position readers_position_of(const char *channel) {
    MapNode *node = map_find(&readers.hub.channels, channel, strlen(channel));
    ck_assert_ptr_nonnull(node);
    return container_of(node, Channel, node)->position;
}
