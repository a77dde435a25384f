/* The hub's subscriptions that are held, the places in a channel's history, and its gaps. */
#include <string.h>

#include "fake_readers.h"
#include "suite.h"

static void assert_position(Position position, uint64_t epoch, uint64_t seq) {
    ck_assert_uint_eq(position.epoch, epoch);
    ck_assert_uint_eq(position.seq, seq);
}

START_TEST(a_subscriber_is_told_behind_which_place_messages_follow) {
    readers_begin();
    readers_subscribe(0, "news", 1);
    readers_answer("news", true);
    assert_position(readers.all[0].position, 5, 70);
    readers_deliver_as("news", "hi", MESSAGE_DATA, (Position){5, 71});
    readers_deliver("news", "plain"); /* in no history */
    readers_subscribe(1, "news", 1);
    assert_position(readers.all[1].position, 5, 71);
    readers_end();
}
END_TEST

START_TEST(one_that_is_held_gets_nothing_until_it_is_activated) {
    readers_begin();
    readers_subscribe(0, "news", 1);
    readers_subscribe_held(1, "news", 2);
    readers_answer("news", true);
    readers_subscribe_held(2, "news", 3); /* in an active channel */
    ck_assert_uint_eq(readers.all[1].n_subscribed, 0);
    ck_assert_uint_eq(readers.all[2].n_subscribed, 0);
    readers_deliver("news", "first");
    hub_gap(&readers.hub, "news", 4, somewhere);
    hub_overloaded(&readers.hub);
    hub_activate(&readers.hub, readers_find(2, "news"));
    readers_deliver("news", "second");
    ck_assert_uint_eq(readers.all[0].n_sent, 2);
    ck_assert_uint_eq(readers.all[0].n_gaps, 2);
    ck_assert_uint_eq(readers.all[1].n_sent + readers.all[1].n_gaps, 0);
    ck_assert_uint_eq(readers.all[2].n_sent, 1);
    ck_assert_uint_eq(readers.all[2].n_gaps, 0);
    ck_assert_uint_eq(readers.all[2].n_subscribed, 0); /* its answer is not the hub's */
    readers_end();
}
END_TEST

START_TEST(one_that_is_held_keeps_the_channel_wanted_and_may_go) {
    readers_begin();
    readers_subscribe_held(0, "news", 1);
    ck_assert_uint_eq(readers.n_wants, 1);
    readers_answer("news", true);
    hub_unsubscribe(&readers.hub, readers_find(0, "news"));
    ck_assert_uint_eq(readers.n_unwants, 1);
    ck_assert_uint_eq(readers.all[0].n_removed, 1);
    readers_end();
}
END_TEST

START_TEST(what_is_refused_or_taken_back_is_refused_to_the_held_too) {
    readers_begin();
    readers_subscribe_held(0, "news", 4);
    readers_answer("news", false);
    ck_assert_uint_eq(readers.all[0].n_refused, 1);
    ck_assert_uint_eq(readers.all[0].request_id, 4);
    ck_assert_ptr_null(readers_find(0, "news"));
    readers_subscribe(1, "news", 5);
    readers_answer("news", true);
    readers_subscribe_held(0, "news", 6);
    hub_acknowledge(&readers.hub, "news", 4, 0, 2, somewhere);
    ck_assert_uint_eq(readers.all[0].request_id, 6); /* that one still waited for its answer */
    ck_assert_uint_eq(readers.all[1].request_id, 0);
    ck_assert_int_eq(readers.all[1].refusal, 2);
    readers_end();
}
END_TEST

START_TEST(a_message_that_a_dialect_has_no_frame_for_is_no_gap) {
    readers_begin();
    subscriber_init(&readers.all[0].subscriber, &reader_data_alone);
    subscriber_init(&readers.all[1].subscriber, &reader_data_alone);
    for (int i = 0; i < N_READERS; i++)
        readers_subscribe(i, "news", 1);
    readers_answer("news", true);
    readers_deliver_as("news", "{}", MESSAGE_JOIN, (Position){0});
    ck_assert_uint_eq(readers.all[0].n_sent + readers.all[0].n_gaps + readers.all[1].n_gaps, 0);
    ck_assert_uint_eq(readers.all[2].n_sent, 1);
    ck_assert_uint_eq(readers.n_encoded, 2); /* once a dialect, though it gave nothing */
    ck_assert_uint_eq(counter_read(&readers.hub.counters.encode_failures), 0);
    ck_assert_uint_eq(counter_read(&readers.hub.counters.deliveries), 1);
    readers_end();
}
END_TEST

START_TEST(who_came_or_went_neither_replaces_the_latest_data_nor_is_replaced) {
    readers_begin();
    readers_subscribe(0, "chat:1", 1);
    readers_subscribe(1, "news", 1);
    readers_answer("news", true);
    hub_acknowledge(&readers.hub, "chat:1", 6, readers.token - 1, 0, somewhere);
    readers_deliver_as("chat:1", "{}", MESSAGE_JOIN, (Position){0});
    ck_assert_int_eq(readers.all[0].slow, SLOW_DROP_OLDEST);
    readers_deliver_as("chat:1", "{}", MESSAGE_LEAVE, (Position){0});
    ck_assert_int_eq(readers.all[0].slow, SLOW_DROP_OLDEST);
    readers_deliver("chat:1", "hi");
    ck_assert_int_eq(readers.all[0].slow, SLOW_LATEST);
    readers_end();
}
END_TEST

START_TEST(a_gap_is_told_in_its_channel_alone) {
    readers_begin();
    readers_subscribe(0, "news", 1);
    readers_answer("news", true);
    readers_subscribe(0, "sport", 1);
    readers_answer("sport", true);
    readers_subscribe(1, "pending", 1);
    hub_gap(&readers.hub, "news", 4, (Position){.epoch = 6, .seq = 2});
    hub_gap(&readers.hub, "pending", 7, (Position){.epoch = 6, .seq = 2});
    hub_gap(&readers.hub, "nowhere", 7, (Position){.epoch = 6, .seq = 2});
    ck_assert_uint_eq(readers.all[0].n_gaps, 1);
    assert_position(readers.all[0].position, 6, 2);
    assert_position(readers_position_of("sport"), 5, 70);
    ck_assert_uint_eq(readers.all[1].n_gaps, 0);
    ck_assert_int_eq(readers.all[0].reason, GAP_BROKER);
    readers_end();
}
END_TEST

START_TEST(what_the_node_itself_drops_is_told_as_such) {
    readers_begin();
    readers_subscribe(0, "news", 1);
    readers_answer("news", true);
    readers_subscribe(0, "sport", 1);
    readers_answer("sport", true);
    hub_overloaded(&readers.hub);
    ck_assert_uint_eq(readers.all[0].n_gaps, 2);
    assert_position(readers.all[0].position, 0, 0); /* nobody knows what was dropped */
    readers_subscribe(1, "news", 1);
    assert_position(readers.all[1].position, 0, 0);
    readers_deliver_as("news", "hi", MESSAGE_DATA, (Position){5, 73});
    readers_subscribe(2, "news", 1);
    assert_position(readers.all[2].position, 5, 73);
    ck_assert_int_eq(readers.all[0].reason, GAP_NODE);
    readers_end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_subscriber_is_told_behind_which_place_messages_follow,
        one_that_is_held_gets_nothing_until_it_is_activated,
        one_that_is_held_keeps_the_channel_wanted_and_may_go,
        what_is_refused_or_taken_back_is_refused_to_the_held_too,
        a_message_that_a_dialect_has_no_frame_for_is_no_gap,
        who_came_or_went_neither_replaces_the_latest_data_nor_is_replaced,
        a_gap_is_told_in_its_channel_alone,
        what_the_node_itself_drops_is_told_as_such,
    };
    return run_suite("hub_places", tests, N_ELEMENTS(tests));
}
