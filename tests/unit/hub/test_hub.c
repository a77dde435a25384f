#include "hub/hub.h"

#include <errno.h>
#include <string.h>

#include "failing_memory.h"
#include "suite.h"

enum { N_READERS = 3 };

/* A subscriber that remembers what it was told. */
typedef struct Reader {
    Subscriber subscriber;
    uint32_t n_sent, n_subscribed, n_refused, n_gaps;
    uint64_t request_id;
    GapReason reason;
    uint64_t channel_token; /* of the last frame */
    SlowPolicy slow;
    char last[32];
} Reader;

static struct {
    Hub hub;
    Reader readers[N_READERS];
    uint32_t n_wants, n_unwants, n_encoded;
    uint64_t token;
    char wanted[32];
} f;

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
}

static void told_refused(Subscriber *subscriber, Subscription *subscription) {
    reader_of(subscriber)->n_refused++;
    reader_of(subscriber)->request_id = subscription->request_id;
}

static void told_gap(Subscriber *subscriber, const Channel *channel, GapReason reason) {
    reader_of(subscriber)->n_gaps++;
    reader_of(subscriber)->reason = reason;
}

static void told_want(void *context, const char *channel, size_t n_channel, uint64_t token) {
    f.n_wants++;
    f.token = token;
    memcpy(f.wanted, channel, n_channel + 1);
}

static void told_unwant(void *context, const char *channel, size_t n_channel) {
    f.n_unwants++;
}

static const HubOps ops = {told_send, told_subscribed, told_refused, told_gap, told_want, told_unwant};

static int encode_text(Frame **out, const Message *message) {
    f.n_encoded++;
    return frame_new_copy(out, FRAME_TEXT, message_payload(message), message->n_payload);
}

static int encode_binary(Frame **out, const Message *message) {
    f.n_encoded++;
    return frame_new_copy(out, FRAME_BINARY, message_payload(message), message->n_payload);
}

static int encode_without_memory(Frame **out, const Message *message) {
    f.n_encoded++;
    return -ENOMEM;
}

static const FrameEncoder text = {0, encode_text};
static const FrameEncoder binary = {7, encode_binary};
static const FrameEncoder failing = {3, encode_without_memory};

static void begin(void) {
    static Namespace chat = {"chat", SLOW_LATEST};
    static const Namespaces namespaces = {.fallback = {.slow = SLOW_DROP_OLDEST}, .items = &chat, .n_items = 1};
    memset(&f, 0, sizeof(f));
    hub_init(&f.hub, &namespaces, &ops, NULL);
    for (int i = 0; i < N_READERS; i++)
        subscriber_init(&f.readers[i].subscriber, &text);
}

static void end(void) {
    for (int i = 0; i < N_READERS; i++)
        hub_unsubscribe_all(&f.hub, &f.readers[i].subscriber);
    ck_assert_uint_eq(f.n_wants, f.n_unwants);
    ck_assert_uint_eq(counter_read(&f.hub.counters.channels), 0);
    ck_assert_uint_eq(counter_read(&f.hub.counters.subscriptions), 0);
    hub_finish(&f.hub);
}

static int subscribe(int reader, const char *channel, uint64_t request_id) {
    return hub_subscribe(&f.hub, &f.readers[reader].subscriber, channel, strlen(channel), request_id);
}

static Subscription *find(int reader, const char *channel) {
    return hub_find(&f.hub, &f.readers[reader].subscriber, channel, strlen(channel));
}

static void answer(const char *channel, bool is_granted) {
    hub_acknowledge(&f.hub, channel, strlen(channel), f.token, is_granted);
}

static void deliver(const char *channel, const char *payload) {
    Message *message;
    ck_assert_int_eq(message_new(&message, channel, strlen(channel), payload, strlen(payload)), 0);
    hub_deliver(&f.hub, message);
    message_unref(message);
}

START_TEST(the_first_subscriber_makes_the_channel_wanted_once) {
    begin();
    ck_assert_int_eq(subscribe(0, "news", 1), HUB_OK);
    ck_assert_int_eq(subscribe(1, "news", 1), HUB_OK);
    ck_assert_uint_eq(f.n_wants, 1);
    ck_assert_str_eq(f.wanted, "news");
    ck_assert_uint_eq(counter_read(&f.hub.counters.channels), 1);
    ck_assert_uint_eq(counter_read(&f.hub.counters.subscriptions), 2);
    end();
}
END_TEST

START_TEST(the_last_one_to_go_makes_it_unwanted) {
    begin();
    subscribe(0, "news", 1);
    subscribe(1, "news", 1);
    hub_unsubscribe(&f.hub, find(0, "news"));
    ck_assert_uint_eq(f.n_unwants, 0);
    hub_unsubscribe(&f.hub, find(1, "news"));
    ck_assert_uint_eq(f.n_unwants, 1);
    ck_assert_uint_eq(counter_read(&f.hub.counters.channels), 0);
    end();
}
END_TEST

START_TEST(a_second_subscription_of_the_same_subscriber_is_refused) {
    begin();
    subscribe(0, "news", 1);
    ck_assert_int_eq(subscribe(0, "news", 2), HUB_EXISTS);
    ck_assert_uint_eq(counter_read(&f.hub.counters.subscriptions), 1);
    end();
}
END_TEST

START_TEST(a_subscription_is_acknowledged_when_the_broker_has_acknowledged) {
    begin();
    subscribe(0, "news", 11);
    subscribe(1, "news", 12); /* comes while the channel is pending */
    ck_assert_uint_eq(f.readers[0].n_subscribed, 0);
    answer("news", true);
    ck_assert_uint_eq(f.readers[0].n_subscribed, 1);
    ck_assert_uint_eq(f.readers[0].request_id, 11);
    ck_assert_uint_eq(f.readers[1].n_subscribed, 1);
    ck_assert_uint_eq(f.readers[1].request_id, 12);
    end();
}
END_TEST

START_TEST(in_an_active_channel_it_is_acknowledged_at_once) {
    begin();
    subscribe(0, "news", 1);
    answer("news", true);
    subscribe(1, "news", 5);
    ck_assert_uint_eq(f.readers[1].n_subscribed, 1);
    ck_assert_uint_eq(f.readers[0].n_subscribed, 1);
    end();
}
END_TEST

START_TEST(an_acknowledgement_counts_once) {
    begin();
    subscribe(0, "news", 1);
    answer("news", true);
    answer("news", true);
    answer("news", false);
    ck_assert_uint_eq(f.readers[0].n_subscribed, 1);
    ck_assert_uint_eq(f.readers[0].n_refused, 0);
    end();
}
END_TEST

START_TEST(an_acknowledgement_of_an_earlier_interest_is_ignored) {
    begin();
    subscribe(0, "news", 1);
    uint64_t earlier = f.token;
    hub_unsubscribe(&f.hub, find(0, "news"));
    hub_acknowledge(&f.hub, "news", 4, earlier, true); /* the channel has gone */
    subscribe(0, "news", 2);
    hub_acknowledge(&f.hub, "news", 4, earlier, true);
    ck_assert_uint_eq(f.readers[0].n_subscribed, 0);
    answer("news", true);
    ck_assert_uint_eq(f.readers[0].n_subscribed, 1);
    end();
}
END_TEST

START_TEST(what_was_granted_and_is_taken_back_is_refused_and_dropped) {
    begin();
    subscribe(0, "news", 7);
    answer("news", true);
    hub_acknowledge(&f.hub, "news", 4, 0, false);
    ck_assert_uint_eq(f.readers[0].n_refused, 1);
    ck_assert_uint_eq(f.readers[0].request_id, 0);
    ck_assert_ptr_null(find(0, "news"));
    ck_assert_uint_eq(f.n_unwants, 1);
    end();
}
END_TEST

START_TEST(what_is_not_granted_is_refused_and_dropped) {
    begin();
    subscribe(0, "news", 1);
    subscribe(1, "news", 2);
    answer("news", false);
    ck_assert_uint_eq(f.readers[0].n_refused, 1);
    ck_assert_uint_eq(f.readers[1].n_refused, 1);
    ck_assert_uint_eq(f.readers[1].request_id, 2);
    ck_assert_ptr_null(find(0, "news"));
    ck_assert_uint_eq(f.readers[0].subscriber.n_subscriptions, 0);
    ck_assert_uint_eq(f.n_unwants, 1);
    ck_assert_int_eq(subscribe(0, "news", 3), HUB_OK);
    ck_assert_uint_eq(f.n_wants, 2);
    end();
}
END_TEST

START_TEST(a_subscription_may_go_while_the_channel_is_pending) {
    begin();
    subscribe(0, "news", 1);
    subscribe(1, "news", 2);
    hub_unsubscribe(&f.hub, find(0, "news"));
    answer("news", true);
    ck_assert_uint_eq(f.readers[0].n_subscribed, 0);
    ck_assert_uint_eq(f.readers[1].n_subscribed, 1);
    end();
}
END_TEST

START_TEST(a_message_reaches_each_subscriber_of_its_channel_and_no_other) {
    begin();
    subscribe(0, "news", 1);
    answer("news", true);
    subscribe(1, "news", 1);
    subscribe(2, "other", 1);
    answer("other", true);
    deliver("news", "hi");
    ck_assert_uint_eq(f.readers[0].n_sent, 1);
    ck_assert_str_eq(f.readers[0].last, "\x81\x02hi");
    ck_assert_uint_eq(f.readers[1].n_sent, 1);
    ck_assert_uint_eq(f.readers[2].n_sent, 0);
    ck_assert_uint_eq(counter_read(&f.hub.counters.messages), 1);
    ck_assert_uint_eq(counter_read(&f.hub.counters.deliveries), 2);
    end();
}
END_TEST

START_TEST(the_frame_of_each_dialect_is_built_once) {
    begin();
    subscriber_init(&f.readers[2].subscriber, &binary);
    for (int i = 0; i < N_READERS; i++)
        subscribe(i, "news", 1);
    answer("news", true);
    deliver("news", "hi");
    ck_assert_uint_eq(f.n_encoded, 2);
    ck_assert_str_eq(f.readers[1].last, "\x81\x02hi");
    ck_assert_str_eq(f.readers[2].last, "\x82\x02hi");
    end();
}
END_TEST

START_TEST(a_message_nobody_subscribes_to_is_counted) {
    begin();
    deliver("news", "hi");
    subscribe(0, "news", 1);
    deliver("news", "hi"); /* of an earlier interest: not acknowledged yet */
    ck_assert_uint_eq(f.readers[0].n_sent, 0);
    ck_assert_uint_eq(counter_read(&f.hub.counters.unwanted), 2);
    ck_assert_uint_eq(f.n_encoded, 0);
    end();
}
END_TEST

START_TEST(who_misses_a_message_for_want_of_memory_is_told_of_a_gap) {
    begin();
    subscriber_init(&f.readers[0].subscriber, &failing);
    subscriber_init(&f.readers[1].subscriber, &failing);
    for (int i = 0; i < N_READERS; i++)
        subscribe(i, "news", 1);
    answer("news", true);
    deliver("news", "hi");
    ck_assert_uint_eq(f.readers[0].n_gaps, 1);
    ck_assert_uint_eq(f.readers[1].n_gaps, 1);
    ck_assert_int_eq(f.readers[1].reason, GAP_NODE);
    ck_assert_uint_eq(f.readers[2].n_sent, 1);
    ck_assert_uint_eq(counter_read(&f.hub.counters.encode_failures), 1);
    ck_assert_uint_eq(f.n_encoded, 2);
    end();
}
END_TEST

START_TEST(a_gap_is_told_for_each_active_channel) {
    begin();
    subscribe(0, "news", 1);
    answer("news", true);
    subscribe(0, "sport", 1);
    answer("sport", true);
    subscribe(1, "pending", 1);
    hub_gap(&f.hub);
    ck_assert_uint_eq(f.readers[0].n_gaps, 2);
    ck_assert_uint_eq(f.readers[1].n_gaps, 0);
    ck_assert_int_eq(f.readers[0].reason, GAP_BROKER);
    end();
}
END_TEST

START_TEST(what_the_node_itself_drops_is_told_as_such) {
    begin();
    subscribe(0, "news", 1);
    answer("news", true);
    hub_overloaded(&f.hub);
    ck_assert_uint_eq(f.readers[0].n_gaps, 1);
    ck_assert_int_eq(f.readers[0].reason, GAP_NODE);
    end();
}
END_TEST

START_TEST(a_frame_carries_its_channel_and_the_policy_of_its_namespace) {
    begin();
    subscribe(0, "chat:1", 1);
    answer("chat:1", true);
    subscribe(1, "news", 1);
    answer("news", true);
    deliver("chat:1", "hi");
    deliver("news", "hi");
    ck_assert_int_eq(f.readers[0].slow, SLOW_LATEST);
    ck_assert_int_eq(f.readers[1].slow, SLOW_DROP_OLDEST);
    ck_assert_uint_eq(f.readers[0].channel_token, find(0, "chat:1")->channel->token);
    ck_assert_uint_ne(f.readers[0].channel_token, 0);
    ck_assert_uint_ne(f.readers[0].channel_token, f.readers[1].channel_token);
    end();
}
END_TEST

START_TEST(without_namespaces_every_channel_closes_its_slow_readers) {
    begin();
    hub_finish(&f.hub);
    hub_init(&f.hub, NULL, &ops, NULL);
    subscribe(0, "chat:1", 1);
    ck_assert_int_eq(find(0, "chat:1")->channel->slow, SLOW_CLOSE);
    end();
}
END_TEST

START_TEST(a_crowd_may_leave_all_its_channels) {
    begin();
    char name[] = "channel-00";
    for (int i = 0; i < 100; i++) {
        name[8] = (char)('0' + i / 10);
        name[9] = (char)('0' + i % 10);
        for (int reader = 0; reader < N_READERS; reader++)
            ck_assert_int_eq(subscribe(reader, name, 1), HUB_OK);
    }
    ck_assert_uint_eq(counter_read(&f.hub.counters.channels), 100);
    hub_unsubscribe_all(&f.hub, &f.readers[1].subscriber);
    ck_assert_uint_eq(counter_read(&f.hub.counters.subscriptions), 200);
    ck_assert_ptr_null(find(1, "channel-50"));
    ck_assert_ptr_nonnull(find(2, "channel-50"));
    end();
    ck_assert_uint_eq(f.n_unwants, 100);
}
END_TEST

START_TEST(without_memory_a_subscribe_leaves_nothing_behind) {
    begin();
    bool has_failed = true;
    for (unsigned k = 1; has_failed; k++) {
        memory_fail_at(k);
        int r = subscribe(0, "news", 1);
        has_failed = memory_has_failed();
        memory_fail_at(0);
        ck_assert_int_eq(r, has_failed ? -ENOMEM : HUB_OK);
        ck_assert_uint_eq(counter_read(&f.hub.counters.channels), has_failed ? 0 : 1);
        ck_assert_uint_eq(f.n_wants, has_failed ? 0 : 1);
    }
    end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        the_first_subscriber_makes_the_channel_wanted_once,
        the_last_one_to_go_makes_it_unwanted,
        a_second_subscription_of_the_same_subscriber_is_refused,
        a_subscription_is_acknowledged_when_the_broker_has_acknowledged,
        in_an_active_channel_it_is_acknowledged_at_once,
        an_acknowledgement_counts_once,
        an_acknowledgement_of_an_earlier_interest_is_ignored,
        what_was_granted_and_is_taken_back_is_refused_and_dropped,
        what_is_not_granted_is_refused_and_dropped,
        a_subscription_may_go_while_the_channel_is_pending,
        a_message_reaches_each_subscriber_of_its_channel_and_no_other,
        the_frame_of_each_dialect_is_built_once,
        a_message_nobody_subscribes_to_is_counted,
        who_misses_a_message_for_want_of_memory_is_told_of_a_gap,
        a_gap_is_told_for_each_active_channel,
        what_the_node_itself_drops_is_told_as_such,
        a_frame_carries_its_channel_and_the_policy_of_its_namespace,
        without_namespaces_every_channel_closes_its_slow_readers,
        a_crowd_may_leave_all_its_channels,
        without_memory_a_subscribe_leaves_nothing_behind,
    };
    return run_suite("hub", tests, N_ELEMENTS(tests));
}
