#include "hub/hub.h"

#include <errno.h>
#include <string.h>

#include "failing_memory.h"
#include "fake_readers.h"
#include "suite.h"

START_TEST(the_first_subscriber_makes_the_channel_wanted_once) {
    readers_begin();
    ck_assert_int_eq(readers_subscribe(0, "news", 1), HUB_OK);
    ck_assert_int_eq(readers_subscribe(1, "news", 1), HUB_OK);
    ck_assert_uint_eq(readers.n_wants, 1);
    ck_assert_str_eq(readers.wanted, "news");
    ck_assert_uint_eq(counter_read(&readers.hub.counters.channels), 1);
    ck_assert_uint_eq(counter_read(&readers.hub.counters.subscriptions), 2);
    readers_end();
}
END_TEST

START_TEST(the_last_one_to_go_makes_it_unwanted) {
    readers_begin();
    readers_subscribe(0, "news", 1);
    readers_subscribe(1, "news", 1);
    hub_unsubscribe(&readers.hub, readers_find(0, "news"));
    ck_assert_uint_eq(readers.n_unwants, 0);
    hub_unsubscribe(&readers.hub, readers_find(1, "news"));
    ck_assert_uint_eq(readers.n_unwants, 1);
    ck_assert_uint_eq(counter_read(&readers.hub.counters.channels), 0);
    readers_end();
}
END_TEST

START_TEST(a_second_subscription_of_the_same_subscriber_is_refused) {
    readers_begin();
    readers_subscribe(0, "news", 1);
    ck_assert_int_eq(readers_subscribe(0, "news", 2), HUB_EXISTS);
    ck_assert_uint_eq(counter_read(&readers.hub.counters.subscriptions), 1);
    readers_end();
}
END_TEST

START_TEST(a_subscription_is_acknowledged_when_the_broker_has_acknowledged) {
    readers_begin();
    readers_subscribe(0, "news", 11);
    readers_subscribe(1, "news", 12); /* comes while the channel is pending */
    ck_assert_uint_eq(readers.all[0].n_subscribed, 0);
    readers_answer("news", true);
    ck_assert_uint_eq(readers.all[0].n_subscribed, 1);
    ck_assert_uint_eq(readers.all[0].request_id, 11);
    ck_assert_uint_eq(readers.all[1].n_subscribed, 1);
    ck_assert_uint_eq(readers.all[1].request_id, 12);
    readers_end();
}
END_TEST

START_TEST(in_an_active_channel_it_is_acknowledged_at_once) {
    readers_begin();
    readers_subscribe(0, "news", 1);
    readers_answer("news", true);
    readers_subscribe(1, "news", 5);
    ck_assert_uint_eq(readers.all[1].n_subscribed, 1);
    ck_assert_uint_eq(readers.all[0].n_subscribed, 1);
    readers_end();
}
END_TEST

START_TEST(an_acknowledgement_counts_once) {
    readers_begin();
    readers_subscribe(0, "news", 1);
    readers_answer("news", true);
    readers_answer("news", true);
    readers_answer("news", false);
    ck_assert_uint_eq(readers.all[0].n_subscribed, 1);
    ck_assert_uint_eq(readers.all[0].n_refused, 0);
    readers_end();
}
END_TEST

START_TEST(an_acknowledgement_of_an_earlier_interest_is_ignored) {
    readers_begin();
    readers_subscribe(0, "news", 1);
    uint64_t earlier = readers.token;
    hub_unsubscribe(&readers.hub, readers_find(0, "news"));
    hub_acknowledge(&readers.hub, "news", 4, earlier, 0, somewhere); /* the channel has gone */
    readers_subscribe(0, "news", 2);
    hub_acknowledge(&readers.hub, "news", 4, earlier, 0, somewhere);
    ck_assert_uint_eq(readers.all[0].n_subscribed, 0);
    readers_answer("news", true);
    ck_assert_uint_eq(readers.all[0].n_subscribed, 1);
    readers_end();
}
END_TEST

START_TEST(what_was_granted_and_is_taken_back_is_refused_and_dropped) {
    readers_begin();
    readers_subscribe(0, "news", 7);
    readers_answer("news", true);
    hub_acknowledge(&readers.hub, "news", 4, 0, 3, somewhere);
    ck_assert_uint_eq(readers.all[0].n_refused, 1);
    ck_assert_uint_eq(readers.all[0].request_id, 0);
    ck_assert_ptr_null(readers_find(0, "news"));
    ck_assert_uint_eq(readers.n_unwants, 1);
    readers_end();
}
END_TEST

START_TEST(what_is_not_granted_is_refused_and_dropped) {
    readers_begin();
    readers_subscribe(0, "news", 1);
    readers_subscribe(1, "news", 2);
    readers_answer("news", false);
    ck_assert_uint_eq(readers.all[0].n_refused, 1);
    ck_assert_uint_eq(readers.all[1].n_refused, 1);
    ck_assert_uint_eq(readers.all[1].request_id, 2);
    ck_assert_int_eq(readers.all[1].refusal, 3);
    ck_assert_uint_eq(readers.all[1].n_removed, 1);
    ck_assert_ptr_null(readers_find(0, "news"));
    ck_assert_uint_eq(readers.all[0].subscriber.n_subscriptions, 0);
    ck_assert_uint_eq(readers.n_unwants, 1);
    ck_assert_int_eq(readers_subscribe(0, "news", 3), HUB_OK);
    ck_assert_uint_eq(readers.n_wants, 2);
    readers_end();
}
END_TEST

START_TEST(a_subscription_may_go_while_the_channel_is_pending) {
    readers_begin();
    readers_subscribe(0, "news", 1);
    readers_subscribe(1, "news", 2);
    hub_unsubscribe(&readers.hub, readers_find(0, "news"));
    readers_answer("news", true);
    ck_assert_uint_eq(readers.all[0].n_subscribed, 0);
    ck_assert_uint_eq(readers.all[1].n_subscribed, 1);
    readers_end();
}
END_TEST

START_TEST(a_message_reaches_each_subscriber_of_its_channel_and_no_other) {
    readers_begin();
    readers_subscribe(0, "news", 1);
    readers_answer("news", true);
    readers_subscribe(1, "news", 1);
    readers_subscribe(2, "other", 1);
    readers_answer("other", true);
    readers_deliver("news", "hi");
    ck_assert_uint_eq(readers.all[0].n_sent, 1);
    ck_assert_str_eq(readers.all[0].last, "\x81\x02hi");
    ck_assert_uint_eq(readers.all[1].n_sent, 1);
    ck_assert_uint_eq(readers.all[2].n_sent, 0);
    ck_assert_uint_eq(counter_read(&readers.hub.counters.messages), 1);
    ck_assert_uint_eq(counter_read(&readers.hub.counters.deliveries), 2);
    readers_end();
}
END_TEST

START_TEST(the_frame_of_each_dialect_is_built_once) {
    readers_begin();
    subscriber_init(&readers.all[2].subscriber, &reader_binary);
    for (int i = 0; i < N_READERS; i++)
        readers_subscribe(i, "news", 1);
    readers_answer("news", true);
    readers_deliver("news", "hi");
    ck_assert_uint_eq(readers.n_encoded, 2);
    ck_assert_str_eq(readers.all[1].last, "\x81\x02hi");
    ck_assert_str_eq(readers.all[2].last, "\x82\x02hi");
    readers_end();
}
END_TEST

START_TEST(a_message_nobody_subscribes_to_is_counted) {
    readers_begin();
    readers_deliver("news", "hi");
    readers_subscribe(0, "news", 1);
    readers_deliver("news", "hi"); /* of an earlier interest: not acknowledged yet */
    ck_assert_uint_eq(readers.all[0].n_sent, 0);
    ck_assert_uint_eq(counter_read(&readers.hub.counters.unwanted), 2);
    ck_assert_uint_eq(readers.n_encoded, 0);
    readers_end();
}
END_TEST

START_TEST(who_misses_a_message_for_want_of_memory_is_told_of_a_gap) {
    readers_begin();
    subscriber_init(&readers.all[0].subscriber, &reader_failing);
    subscriber_init(&readers.all[1].subscriber, &reader_failing);
    for (int i = 0; i < N_READERS; i++)
        readers_subscribe(i, "news", 1);
    readers_answer("news", true);
    readers_deliver("news", "hi");
    ck_assert_uint_eq(readers.all[0].n_gaps, 1);
    ck_assert_uint_eq(readers.all[1].n_gaps, 1);
    ck_assert_int_eq(readers.all[1].reason, GAP_NODE);
    ck_assert_uint_eq(readers.all[2].n_sent, 1);
    ck_assert_uint_eq(counter_read(&readers.hub.counters.encode_failures), 1);
    ck_assert_uint_eq(readers.n_encoded, 2);
    readers_end();
}
END_TEST

START_TEST(a_frame_carries_its_channel_and_the_policy_of_its_namespace) {
    readers_begin();
    readers_subscribe(0, "chat:1", 1);
    readers_answer("chat:1", true);
    readers_subscribe(1, "news", 1);
    readers_answer("news", true);
    readers_deliver("chat:1", "hi");
    readers_deliver("news", "hi");
    ck_assert_int_eq(readers.all[0].slow, SLOW_LATEST);
    ck_assert_int_eq(readers.all[1].slow, SLOW_DROP_OLDEST);
    ck_assert_uint_eq(readers.all[0].channel_token, readers_find(0, "chat:1")->channel->token);
    ck_assert_uint_ne(readers.all[0].channel_token, 0);
    ck_assert_uint_ne(readers.all[0].channel_token, readers.all[1].channel_token);
    readers_end();
}
END_TEST

START_TEST(without_namespaces_every_channel_closes_its_slow_readers) {
    readers_begin();
    hub_finish(&readers.hub);
    hub_init(&readers.hub, NULL, &reader_ops, NULL);
    readers_subscribe(0, "chat:1", 1);
    ck_assert_int_eq(readers_find(0, "chat:1")->channel->namespace->slow, SLOW_CLOSE);
    readers_end();
}
END_TEST

START_TEST(a_crowd_may_leave_all_its_channels) {
    readers_begin();
    char name[] = "channel-00";
    for (int i = 0; i < 100; i++) {
        name[8] = (char)('0' + i / 10);
        name[9] = (char)('0' + i % 10);
        for (int reader = 0; reader < N_READERS; reader++)
            ck_assert_int_eq(readers_subscribe(reader, name, 1), HUB_OK);
    }
    ck_assert_uint_eq(counter_read(&readers.hub.counters.channels), 100);
    hub_unsubscribe_all(&readers.hub, &readers.all[1].subscriber);
    ck_assert_uint_eq(counter_read(&readers.hub.counters.subscriptions), 200);
    ck_assert_ptr_null(readers_find(1, "channel-50"));
    ck_assert_ptr_nonnull(readers_find(2, "channel-50"));
    readers_end();
    ck_assert_uint_eq(readers.n_unwants, 100);
}
END_TEST

START_TEST(without_memory_a_subscribe_leaves_nothing_behind) {
    readers_begin();
    bool has_failed = true;
    for (unsigned k = 1; has_failed; k++) {
        memory_fail_at(k);
        int r = readers_subscribe(0, "news", 1);
        has_failed = memory_has_failed();
        memory_fail_at(0);
        ck_assert_int_eq(r, has_failed ? -ENOMEM : HUB_OK);
        ck_assert_uint_eq(counter_read(&readers.hub.counters.channels), has_failed ? 0 : 1);
        ck_assert_uint_eq(readers.n_wants, has_failed ? 0 : 1);
    }
    readers_end();
}
END_TEST

START_TEST(other_namespaces_hold_for_channels_that_are_and_for_those_to_come) {
    static Namespace news = {.name = "news", .slow = SLOW_LATEST};
    static const Namespaces others = {.fallback = {.slow = SLOW_CLOSE}, .items = &news, .n_items = 1};
    readers_begin();
    readers_subscribe(0, "news:1", 1);
    readers_answer("news:1", true);
    readers_deliver("news:1", "a");
    ck_assert_int_eq(readers.all[0].slow, SLOW_DROP_OLDEST);
    hub_configure(&readers.hub, &others);
    readers_deliver("news:1", "b");
    ck_assert_int_eq(readers.all[0].slow, SLOW_LATEST);
    readers_subscribe(1, "chat:1", 1);
    readers_answer("chat:1", true);
    readers_deliver("chat:1", "c");
    ck_assert_int_eq(readers.all[1].slow, SLOW_CLOSE);
    hub_configure(&readers.hub, NULL);
    readers_deliver("news:1", "d");
    ck_assert_int_eq(readers.all[0].slow, SLOW_CLOSE);
    readers_end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        other_namespaces_hold_for_channels_that_are_and_for_those_to_come,
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
        a_frame_carries_its_channel_and_the_policy_of_its_namespace,
        without_namespaces_every_channel_closes_its_slow_readers,
        a_crowd_may_leave_all_its_channels,
        without_memory_a_subscribe_leaves_nothing_behind,
    };
    return run_suite("hub", tests, N_ELEMENTS(tests));
}
