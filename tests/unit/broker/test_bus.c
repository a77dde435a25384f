#include "broker/bus.h"

#include <stdio.h>
#include <string.h>

#include "failing_memory.h"
#include "fake_backend.h"
#include "fake_node.h"
#include "journal.h"
#include "suite.h"

static void refused(const char *channel) {
    bus_backend_events.refused(&bus, channel, strlen(channel));
}

static void lost(const char *channel) {
    bus_backend_events.lost(&bus, channel, strlen(channel));
}

static void given_a_channel_of_worker_1(const char *channel) {
    want(1, channel, 7);
    subscribed(channel);
    journal_clear();
}

START_TEST(the_first_want_subscribes_and_is_granted_only_when_the_broker_has_acknowledged) {
    given_a_bus_that_is_up();
    want(0, "news", 11);
    ck_journal("SUBSCRIBE news");
    subscribed("news");
    ck_journal("granted 0 news #11");
    ck_assert_uint_eq(counter_read(&bus.counters.channels), 1);
    finish_bus();
}
END_TEST

START_TEST(a_second_worker_waits_for_the_same_acknowledgement) {
    given_a_bus_that_is_up();
    want(0, "news", 11);
    want(3, "news", 12);
    ck_journal("SUBSCRIBE news");
    subscribed("news");
    ck_journal("granted 0 news #11; granted 3 news #12");
    finish_bus();
}
END_TEST

START_TEST(a_want_of_a_subscribed_channel_is_granted_at_once) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    want(2, "news", 8);
    ck_journal("granted 2 news #8");
    finish_bus();
}
END_TEST

START_TEST(a_want_while_the_channel_is_unreachable_waits) {
    given_a_bus();
    want(0, "news", 1);
    ck_journal("");
    up();
    ck_journal("SUBSCRIBE news; link up");
    subscribed("news");
    ck_journal("granted 0 news #1");
    finish_bus();
}
END_TEST

START_TEST(a_want_that_waits_too_long_is_unavailable_and_forgotten) {
    given_a_bus();
    want(0, "news", 1);
    after(SUBSCRIBE_MS - 100);
    want(1, "news", 2);
    ck_journal("");
    after(100);
    ck_journal("unavailable 0 news #1");
    up();
    subscribed("news");
    ck_journal("SUBSCRIBE news; link up; granted 1 news #2");
    message("news", "hi");
    ck_journal("deliver 1 news=hi");
    finish_bus();
}
END_TEST

START_TEST(what_comes_before_the_first_tick_has_its_whole_time) {
    given_a_bus();
    finish_bus();
    ck_assert_int_eq(bus_init(&bus, &(BusOptions){.n_workers = 1, .subscribe_ms = SUBSCRIBE_MS}, &fake_bus_ops, NULL), 0);
    ck_assert_int_eq(bus_attach(&bus, &fake_backend), 0);
    want(0, "news", 1);
    bus_tick(&bus, 1u << 30);
    ck_journal("");
    bus_tick(&bus, (1u << 30) + SUBSCRIBE_MS);
    ck_journal("unavailable 0 news #1");
    bus_finish(&bus);
}
END_TEST

START_TEST(a_subscription_that_is_not_acknowledged_in_time_is_unavailable_and_lingers) {
    given_a_bus_that_is_up();
    want(0, "news", 1);
    after(SUBSCRIBE_MS);
    ck_journal("SUBSCRIBE news; unavailable 0 news #1");
    after(LINGER_MS + LINGER_MS);
    ck_journal("");
    subscribed("news");
    after(LINGER_MS);
    ck_journal("UNSUBSCRIBE news");
    ck_assert_uint_eq(bus.interests.n_nodes, 0);
    finish_bus();
}
END_TEST

START_TEST(a_worker_that_was_granted_keeps_the_channel_when_its_second_want_is_late) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    down();
    want(1, "news", 8);
    after(SUBSCRIBE_MS);
    up();
    subscribed("news");
    ck_journal("link down; unavailable 1 news #8; SUBSCRIBE news; link up; gap 1 news");
    finish_bus();
}
END_TEST

START_TEST(of_two_wants_of_one_worker_the_first_may_be_late_and_the_second_granted) {
    given_a_bus();
    want(1, "news", 1);
    after(1000);
    want(1, "news", 2);
    after(SUBSCRIBE_MS - 1000);
    ck_journal("unavailable 1 news #1");
    up();
    subscribed("news");
    message("news", "hi");
    ck_journal("SUBSCRIBE news; link up; granted 1 news #2; deliver 1 news=hi");
    finish_bus();
}
END_TEST

START_TEST(a_message_goes_once_to_each_worker_that_was_granted_its_channel) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    want(3, "news", 8);
    journal_clear();
    message("news", "hi");
    ck_journal("deliver 1 news=hi; deliver 3 news=hi");
    message("other", "hi");
    ck_journal("");
    ck_assert_uint_eq(counter_read(&bus.counters.received), 2);
    ck_assert_uint_eq(counter_read(&bus.counters.unwanted), 1);
    finish_bus();
}
END_TEST

START_TEST(in_a_live_namespace_an_envelope_is_opened_and_its_number_does_not_count) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    numbered("news", 5, 7);
    numbered("news", 5, 3);
    ck_journal("deliver 1 news=g; deliver 1 news=c");
    finish_bus();
}
END_TEST

START_TEST(a_channel_that_nobody_wants_any_more_is_unsubscribed_after_the_linger) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    unwant(1, "news");
    after(LINGER_MS - 1);
    ck_journal("");
    message("news", "unheard");
    ck_journal("");
    after(1);
    ck_journal("UNSUBSCRIBE news");
    ck_assert_uint_eq(counter_read(&bus.counters.channels), 0);
    ck_assert_uint_eq(counter_read(&bus.counters.unwanted), 1);
    finish_bus();
}
END_TEST

START_TEST(a_want_during_the_linger_costs_the_broker_nothing) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    unwant(1, "news");
    want(2, "news", 9);
    ck_journal("granted 2 news #9");
    after(LINGER_MS + LINGER_MS);
    ck_journal("");
    finish_bus();
}
END_TEST

START_TEST(a_worker_that_leaves_does_not_take_the_channel_from_another) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    want(2, "news", 9);
    unwant(1, "news");
    after(LINGER_MS + LINGER_MS);
    journal_clear();
    message("news", "hi");
    ck_journal("deliver 2 news=hi");
    finish_bus();
}
END_TEST

START_TEST(an_unwant_of_what_was_not_wanted_does_nothing) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    unwant(2, "news");
    unwant(1, "other");
    after(LINGER_MS + LINGER_MS);
    ck_journal("");
    finish_bus();
}
END_TEST

START_TEST(a_worker_that_wants_again_while_subscribing_is_told_its_new_token_only) {
    given_a_bus_that_is_up();
    want(0, "news", 1);
    unwant(0, "news");
    want(0, "news", 2);
    ck_journal("SUBSCRIBE news");
    subscribed("news");
    ck_journal("granted 0 news #2");
    finish_bus();
}
END_TEST

START_TEST(a_channel_is_not_unsubscribed_before_its_subscription_was_acknowledged) {
    given_a_bus_that_is_up();
    want(0, "news", 1);
    unwant(0, "news");
    after(LINGER_MS);
    ck_journal("SUBSCRIBE news");
    subscribed("news");
    after(LINGER_MS);
    ck_journal("UNSUBSCRIBE news");
    finish_bus();
}
END_TEST

START_TEST(after_an_outage_each_live_channel_is_subscribed_anew_and_its_workers_hear_of_a_gap) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    want(2, "news", 9);
    journal_clear();
    down();
    ck_journal("link down");
    ck_assert_str_eq(fake_last_reason, "gone");
    ck_assert_uint_eq(counter_read(&bus.counters.channels), 0);
    want(3, "news", 10);
    up();
    ck_journal("SUBSCRIBE news; link up");
    subscribed("news");
    ck_journal("gap 1 news; gap 2 news; granted 3 news #10");
    ck_assert_uint_eq(counter_read(&bus.counters.gaps), 1);
    ck_assert_uint_eq(counter_read(&bus.counters.links_lost), 1);
    finish_bus();
}
END_TEST

START_TEST(a_channel_is_not_believed_heard_before_it_is_acknowledged_again) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    down();
    up();
    message("news", "stray");
    down();
    up();
    journal_clear();
    subscribed("news");
    ck_journal("gap 1 news");
    subscribed("news");
    ck_journal("");
    finish_bus();
}
END_TEST

START_TEST(a_single_subscription_that_is_lost_is_made_anew) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    given_a_channel_of_worker_1("sports");
    lost("news");
    subscribed("news");
    ck_journal("SUBSCRIBE news; gap 1 news");
    fake_is_reachable = false;
    lost("news");
    fake_is_reachable = true;
    ck_journal("");
    bus_backend_events.changed(&bus);
    ck_journal("SUBSCRIBE news");
    finish_bus();
}
END_TEST

START_TEST(one_that_is_lost_while_it_is_being_subscribed_is_asked_for_again_a_little_later) {
    given_a_bus_that_is_up();
    want(1, "news", 7);
    lost("news");
    ck_journal("SUBSCRIBE news");
    after(100);
    ck_journal("SUBSCRIBE news");
    subscribed("news");
    ck_journal("granted 1 news #7");
    finish_bus();
}
END_TEST

START_TEST(what_lingers_when_the_channel_becomes_unreachable_is_forgotten) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    given_a_channel_of_worker_1("d:1");
    unwant(1, "news");
    unwant(1, "d:1");
    journal_clear();
    down();
    up();
    after(LINGER_MS + LINGER_MS);
    ck_journal("link down; link up");
    ck_assert_uint_eq(bus.interests.n_nodes, 0);
    finish_bus();
}
END_TEST

START_TEST(a_refused_channel_is_denied_and_a_later_want_asks_again) {
    given_a_bus_that_is_up();
    want(0, "secret", 1);
    want(1, "secret", 2);
    refused("secret");
    ck_journal("SUBSCRIBE secret; refused 0 secret #1; refused 1 secret #2");
    want(0, "secret", 3);
    ck_journal("SUBSCRIBE secret");
    finish_bus();
}
END_TEST

START_TEST(a_channel_refused_after_it_was_granted_is_taken_away_with_token_0) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    down();
    want(2, "news", 9);
    up();
    journal_clear();
    refused("news");
    ck_journal("refused 2 news #9; refused 1 news #0");
    ck_assert_uint_eq(bus.interests.n_nodes, 0);
    finish_bus();
}
END_TEST

START_TEST(a_message_without_memory_for_it_is_told_as_a_gap) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    given_a_channel_of_worker_1("sports");
    memory_fail_at(1);
    message("news", "lost");
    memory_fail_at(0);
    ck_journal("gap 1 news");
    finish_bus();
}
END_TEST

START_TEST(without_memory_a_want_is_overloaded_and_leaves_nothing) {
    for (unsigned k = 1;; k++) {
        given_a_bus_that_is_up();
        memory_fail_at(k);
        want(0, "news", 1);
        bool has_failed = memory_has_failed();
        memory_fail_at(0);
        ck_journal(has_failed ? "overloaded 0 news #1" : "SUBSCRIBE news");
        ck_assert_uint_eq(bus.interests.n_nodes, has_failed ? 0 : 1);
        finish_bus();
        if (!has_failed)
            break;
    }
}
END_TEST

START_TEST(without_memory_no_bus) {
    for (unsigned k = 1; k <= 4; k++) {
        memory_fail_at(k);
        ck_assert_int_lt(bus_init(&bus, &(BusOptions){.n_workers = 1}, &fake_bus_ops, NULL), 0);
        memory_fail_at(0);
    }
}
END_TEST

START_TEST(ten_thousand_channels_come_and_go) {
    given_a_bus_that_is_up();
    char channel[32];
    for (int i = 0; i < 10000; i++) {
        snprintf(channel, sizeof channel, "channel:%d", i);
        want((uint32_t)i % 4, channel, (uint64_t)i + 1);
        subscribed(channel);
    }
    ck_assert_uint_eq(counter_read(&bus.counters.channels), 10000);
    for (int i = 0; i < 10000; i++) {
        snprintf(channel, sizeof channel, "channel:%d", i);
        unwant((uint32_t)i % 4, channel);
    }
    after(LINGER_MS);
    ck_assert_uint_gt(counter_read(&bus.counters.channels), 0); /* a tick has a budget */
    after(200);
    ck_assert_uint_eq(counter_read(&bus.counters.channels), 0);
    ck_assert_uint_eq(bus.interests.n_nodes, 0);
    finish_bus();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        the_first_want_subscribes_and_is_granted_only_when_the_broker_has_acknowledged,
        a_second_worker_waits_for_the_same_acknowledgement,
        a_want_of_a_subscribed_channel_is_granted_at_once,
        a_want_while_the_channel_is_unreachable_waits,
        a_want_that_waits_too_long_is_unavailable_and_forgotten,
        what_comes_before_the_first_tick_has_its_whole_time,
        a_subscription_that_is_not_acknowledged_in_time_is_unavailable_and_lingers,
        a_worker_that_was_granted_keeps_the_channel_when_its_second_want_is_late,
        of_two_wants_of_one_worker_the_first_may_be_late_and_the_second_granted,
        a_message_goes_once_to_each_worker_that_was_granted_its_channel,
        in_a_live_namespace_an_envelope_is_opened_and_its_number_does_not_count,
        a_channel_that_nobody_wants_any_more_is_unsubscribed_after_the_linger,
        a_want_during_the_linger_costs_the_broker_nothing,
        a_worker_that_leaves_does_not_take_the_channel_from_another,
        an_unwant_of_what_was_not_wanted_does_nothing,
        a_worker_that_wants_again_while_subscribing_is_told_its_new_token_only,
        a_channel_is_not_unsubscribed_before_its_subscription_was_acknowledged,
        after_an_outage_each_live_channel_is_subscribed_anew_and_its_workers_hear_of_a_gap,
        a_channel_is_not_believed_heard_before_it_is_acknowledged_again,
        a_single_subscription_that_is_lost_is_made_anew,
        one_that_is_lost_while_it_is_being_subscribed_is_asked_for_again_a_little_later,
        what_lingers_when_the_channel_becomes_unreachable_is_forgotten,
        a_refused_channel_is_denied_and_a_later_want_asks_again,
        a_channel_refused_after_it_was_granted_is_taken_away_with_token_0,
        a_message_without_memory_for_it_is_told_as_a_gap,
        without_memory_a_want_is_overloaded_and_leaves_nothing,
        without_memory_no_bus,
        ten_thousand_channels_come_and_go,
    };
    return run_suite("bus", tests, N_ELEMENTS(tests));
}
