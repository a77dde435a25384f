#include "broker/bus.h"

#include <string.h>

#include "failing_memory.h"
#include "fake_backend.h"
#include "journal.h"
#include "suite.h"

START_TEST(a_want_is_granted_with_the_place_where_the_history_stands) {
    given_a_bus_that_is_up();
    want(1, "d:1", 7);
    subscribed("d:1");
    ck_journal("SUBSCRIBE d:1; READ d:1 forward 0-0 0");
    answer_read(true, 5, 0, 3);
    ck_journal("granted 1 d:1 #7 @5-3");
    numbered("d:1", 5, 4);
    ck_journal("deliver 1 d:1=d @5-4");
    want(2, "d:1", 8);
    ck_journal("granted 2 d:1 #8 @5-4");
    ck_assert_uint_eq(counter_read(&bus.counters.channels), 1);
    finish_bus();
}
END_TEST

START_TEST(a_publish_that_races_the_subscription_is_in_the_place_or_delivered) {
    given_a_bus_that_is_up();
    want(1, "d:1", 7);
    subscribed("d:1");
    numbered("d:1", 5, 3);
    numbered("d:1", 5, 4);
    numbered("d:1", 5, 5);
    journal_clear();
    answer_read(true, 5, 0, 4);
    ck_journal("granted 1 d:1 #7 @5-5");
    numbered("d:1", 5, 6);
    ck_journal("deliver 1 d:1=f @5-6");
    finish_bus();
}
END_TEST

START_TEST(a_history_that_begins_while_it_is_heard_needs_no_reading) {
    given_a_channel_of_worker_1_at(0);
    numbered("d:1", 5, 1);
    numbered("d:1", 5, 2);
    numbered("d:1", 6, 1);
    ck_journal("deliver 1 d:1=a @5-1; deliver 1 d:1=b @5-2; deliver 1 d:1=a @6-1");
    finish_bus();
}
END_TEST

START_TEST(a_message_that_comes_again_is_dropped) {
    given_a_channel_of_worker_1_at(3);
    numbered("d:1", 5, 3);
    numbered("d:1", 5, 4);
    numbered("d:1", 5, 4);
    ck_journal("deliver 1 d:1=d @5-4");
    ck_assert_uint_eq(counter_read(&bus.counters.duplicates), 2);
    finish_bus();
}
END_TEST

START_TEST(a_hole_is_filled_from_the_history_before_anything_behind_it) {
    given_a_channel_of_worker_1_at(3);
    numbered("d:1", 5, 6);
    numbered("d:1", 5, 7);
    numbered("d:1", 5, 8);
    ck_journal("READ d:1 resume 5-3 5");
    answer_read(true, 5, 4, 7);
    ck_journal("deliver 1 d:1=d @5-4; deliver 1 d:1=e @5-5; deliver 1 d:1=f @5-6; deliver 1 d:1=g @5-7; deliver 1 d:1=h @5-8");
    ck_assert_uint_eq(counter_read(&bus.counters.caught_up), 4);
    ck_assert_uint_eq(counter_read(&bus.counters.gaps), 0);
    finish_bus();
}
END_TEST

START_TEST(a_hole_in_what_was_held_back_is_read_again) {
    given_a_channel_of_worker_1_at(3);
    numbered("d:1", 5, 5);
    numbered("d:1", 5, 9);
    journal_clear();
    answer_read(true, 5, 4, 6);
    ck_journal("deliver 1 d:1=d @5-4; deliver 1 d:1=e @5-5; deliver 1 d:1=f @5-6; READ d:1 resume 5-6 5");
    answer_read(true, 5, 7, 9);
    ck_journal("deliver 1 d:1=g @5-7; deliver 1 d:1=h @5-8; deliver 1 d:1=i @5-9");
    finish_bus();
}
END_TEST

START_TEST(after_three_rounds_of_reading_a_hole_is_a_gap) {
    given_a_channel_of_worker_1_at(3);
    numbered("d:1", 5, 5);
    for (uint64_t i = 0; i < 3; i++) {
        numbered("d:1", 5, 10 + 2 * i);
        journal_clear();
        answer_read(true, 5, i ? 0 : 4, 5);
    }
    ck_journal("gap 1 d:1 @5-13; deliver 1 d:1=n @5-14");
    numbered("d:1", 5, 15);
    ck_journal("deliver 1 d:1=o @5-15");
    finish_bus();
}
END_TEST

START_TEST(a_hole_that_cannot_be_filled_is_a_gap) {
    given_a_channel_of_worker_1_at(3);
    want(2, "d:1", 8);
    numbered("d:1", 5, 60);
    numbered("d:1", 5, 61);
    journal_clear();
    answer_read(false, 5, 0, 60);
    ck_journal("gap 1 d:1 @5-60; gap 2 d:1 @5-60; deliver 1 d:1=i @5-61; deliver 2 d:1=i @5-61");
    ck_assert_uint_eq(counter_read(&bus.counters.gaps), 1);
    finish_bus();
}
END_TEST

START_TEST(messages_of_a_history_that_has_ended_are_not_delivered_into_the_next) {
    given_a_channel_of_worker_1_at(3);
    numbered("d:1", 6, 2);
    journal_clear();
    numbered("d:1", 5, 4);
    answer_read(false, 6, 0, 2);
    ck_journal("gap 1 d:1 @6-2; READ d:1 resume 6-2 5");
    answer_read(true, 6, 0, 2);
    numbered("d:1", 6, 3);
    ck_journal("deliver 1 d:1=c @6-3");
    finish_bus();
}
END_TEST

START_TEST(what_was_published_in_an_outage_is_caught_up_and_the_workers_notice_nothing) {
    given_a_channel_of_worker_1_at(3);
    down();
    want(2, "d:1", 8);
    up();
    ck_journal("link down; SUBSCRIBE d:1; link up");
    subscribed("d:1");
    ck_journal("READ d:1 resume 5-3 5");
    numbered("d:1", 5, 6);
    answer_read(true, 5, 4, 5);
    ck_journal("deliver 1 d:1=d @5-4; deliver 1 d:1=e @5-5; deliver 1 d:1=f @5-6; granted 2 d:1 #8 @5-6");
    finish_bus();
}
END_TEST

START_TEST(an_outage_in_which_too_much_was_published_or_data_was_lost_is_a_gap) {
    given_a_channel_of_worker_1_at(3);
    for (int i = 0; i < 2; i++) {
        down();
        up();
        subscribed("d:1");
        journal_clear();
        answer_read(false, i ? 9 : 5, 0, 50);
        ck_journal(i ? "gap 1 d:1 @9-50" : "gap 1 d:1 @5-50");
    }
    finish_bus();
}
END_TEST

START_TEST(an_outage_before_any_place_was_known_is_a_gap) {
    given_a_channel_of_worker_1_at(0);
    down();
    up();
    subscribed("d:1");
    journal_clear();
    answer_read(true, 5, 0, 2);
    ck_journal("gap 1 d:1 @5-2");
    finish_bus();
}
END_TEST

START_TEST(an_answer_that_comes_after_the_channel_was_lost_does_not_count) {
    given_a_channel_of_worker_1_at(3);
    numbered("d:1", 5, 5);
    down();
    up();
    subscribed("d:1");
    journal_clear();
    answer_read(true, 5, 4, 5);
    ck_journal("");
    answer_read(true, 5, 4, 6);
    ck_journal("deliver 1 d:1=d @5-4; deliver 1 d:1=e @5-5; deliver 1 d:1=f @5-6");
    finish_bus();
}
END_TEST

START_TEST(a_history_that_cannot_be_read_now_is_read_a_little_later) {
    given_a_bus_that_is_up();
    want(1, "d:1", 7);
    subscribed("d:1");
    journal_clear();
    fail_read(BROKER_OVERLOADED);
    ck_journal("");
    after(100);
    ck_journal("READ d:1 forward 0-0 0");
    fail_read(BROKER_UNAVAILABLE);
    after(100);
    ck_journal("");
    after(100);
    ck_journal("READ d:1 forward 0-0 0");
    answer_read(true, 5, 0, 1);
    ck_journal("granted 1 d:1 #7 @5-1");
    finish_bus();
}
END_TEST

START_TEST(a_want_whose_history_is_not_read_in_time_is_unavailable) {
    given_a_bus_that_is_up();
    want(1, "d:1", 7);
    subscribed("d:1");
    journal_clear();
    after(SUBSCRIBE_MS);
    ck_journal("unavailable 1 d:1 #7");
    fail_read(BROKER_UNAVAILABLE);
    want(2, "d:1", 8);
    ck_journal("READ d:1 forward 0-0 0");
    unwant(2, "d:1");
    after(LINGER_MS);
    ck_journal("UNSUBSCRIBE d:1");
    answer_read(true, 5, 0, 1);
    ck_journal("");
    finish_bus();
}
END_TEST

START_TEST(a_channel_whose_history_is_refused_is_live) {
    given_a_bus_that_is_up();
    want(1, "d:1", 7);
    subscribed("d:1");
    numbered("d:1", 5, 8);
    numbered("d:1", 5, 9);
    journal_clear();
    fail_read(BROKER_REFUSED);
    ck_journal("granted 1 d:1 #7 @5-9");
    ck_assert_uint_eq(counter_read(&bus.counters.history_failures), 1);
    numbered("d:1", 5, 10);
    numbered("d:1", 5, 12);
    ck_journal("deliver 1 d:1=j @5-10; READ d:1 resume 5-10 5");
    fail_read(BROKER_REFUSED);
    ck_journal("gap 1 d:1; deliver 1 d:1=l @5-12");
    want(2, "d:2", 8);
    subscribed("d:2");
    journal_clear();
    fail_read(BROKER_REFUSED);
    ck_journal("granted 2 d:2 #8");
    finish_bus();
}
END_TEST

START_TEST(a_plain_publish_into_a_channel_with_history_is_delivered_at_once_and_has_no_place) {
    given_a_channel_of_worker_1_at(3);
    message("d:1", "plain");
    ck_journal("deliver 1 d:1=plain");
    numbered("d:1", 5, 5);
    message("d:1", "plain");
    ck_journal("READ d:1 resume 5-3 5; deliver 1 d:1=plain");
    answer_read(true, 5, 4, 5);
    ck_journal("deliver 1 d:1=d @5-4; deliver 1 d:1=e @5-5");
    finish_bus();
}
END_TEST

START_TEST(what_is_held_back_is_bounded_and_what_was_dropped_is_read_again) {
    given_a_bus_that_is_up();
    want(1, "d:1", 7);
    subscribed("d:1");
    for (uint64_t i = 1; i <= 1000; i++)
        numbered("d:1", 5, i);
    journal_clear();
    answer_read(true, 5, 0, 3);
    ck_journal("READ d:1 forward 0-0 0");
    answer_read(true, 5, 0, 1000);
    ck_journal("granted 1 d:1 #7 @5-1000");
    finish_bus();
}
END_TEST

START_TEST(a_message_beyond_the_bound_takes_the_place_of_all_that_is_held_back) {
    static char big[ENVELOPE_HEAD_MAX + HOLD_BYTES];
    given_a_channel_of_worker_1_at(3);
    numbered("d:1", 5, 5);
    size_t n_head = envelope_head_message(big, (Position){5, 6});
    memset(big + n_head, 'x', HOLD_BYTES);
    bus_backend_events.message(&bus, "d:1", 3, big, n_head + HOLD_BYTES);
    journal_clear();
    answer_read(true, 5, 4, 5);
    ck_assert(journal_has("d @5-4; deliver 1 d:1=e @5-5; deliver 1 d:1=xxx"));
    finish_bus();
}
END_TEST

START_TEST(while_it_lingers_its_place_goes_on) {
    given_a_channel_of_worker_1_at(3);
    unwant(1, "d:1");
    numbered("d:1", 5, 4);
    want(2, "d:1", 8);
    ck_journal("granted 2 d:1 #8 @5-4");
    unwant(2, "d:1");
    numbered("d:1", 5, 9);
    ck_journal("READ d:1 forward 0-0 0");
    answer_read(true, 5, 0, 9);
    want(2, "d:1", 9);
    ck_journal("granted 2 d:1 #9 @5-9");
    finish_bus();
}
END_TEST

START_TEST(a_numbered_message_without_memory_for_it_is_read_from_the_history) {
    for (unsigned k = 1; k <= 2; k++) {
        given_a_channel_of_worker_1_at(3);
        for (unsigned i = 1; i <= k; i++) { /* in the second round while it is being read */
            memory_fail_at(1);
            numbered("d:1", 5, 3 + i);
            memory_fail_at(0);
        }
        ck_journal("READ d:1 resume 5-3 5");
        answer_read(true, 5, 4, 4);
        ck_journal("deliver 1 d:1=d @5-4");
        after(200);
        ck_journal(k == 1 ? "" : "READ d:1 resume 5-4 5");
        if (k == 2)
            answer_read(true, 5, 5, 5);
        ck_journal(k == 1 ? "" : "deliver 1 d:1=e @5-5");
        memory_fail_at(1);
        message("d:1", "plain");
        memory_fail_at(0);
        ck_journal(k == 1 ? "gap 1 d:1 @5-4" : "gap 1 d:1 @5-5");
        finish_bus();
    }
}
END_TEST

START_TEST(a_message_that_cannot_be_held_back_for_want_of_memory_is_read) {
    given_a_bus_that_is_up();
    want(1, "d:1", 7);
    subscribed("d:1");
    memory_fail_at(2); /* the message, the room to hold it back */
    numbered("d:1", 5, 4);
    memory_fail_at(0);
    journal_clear();
    answer_read(true, 5, 0, 3);
    ck_journal("");
    after(100);
    ck_journal("READ d:1 forward 0-0 0");
    answer_read(true, 5, 0, 4);
    ck_journal("granted 1 d:1 #7 @5-4");
    finish_bus();
}
END_TEST

START_TEST(without_memory_for_the_question_it_is_asked_later) {
    given_a_channel_of_worker_1_at(3);
    memory_fail_at(3); /* the message, the room to hold it back, the question */
    numbered("d:1", 5, 5);
    memory_fail_at(0);
    ck_journal("");
    after(100);
    ck_journal("READ d:1 resume 5-3 5");
    answer_read(true, 5, 4, 5);
    ck_journal("deliver 1 d:1=d @5-4; deliver 1 d:1=e @5-5");
    finish_bus();
}
END_TEST

START_TEST(a_history_is_the_backends_answer) {
    given_a_bus_that_is_up();
    history("d:1", (HistoryQuery){.limit = 3, .order = HISTORY_REVERSE}, 4);
    history("d:1", (HistoryQuery){.since = {5, 2}, .limit = 3, .order = HISTORY_FORWARD}, 5);
    ck_journal("READ d:1 reverse 0-0 3; READ d:1 forward 5-2 3");
    answer_read(true, 5, 7, 9);
    fail_read(BROKER_UNAVAILABLE);
    ck_journal("history 4 recovered @5-9: g h i; history 5 unavailable");
    history("news", (HistoryQuery){.limit = 3, .order = HISTORY_FORWARD}, 6);
    ck_journal("history 6 refused");
    memory_fail_at(1);
    history("d:1", (HistoryQuery){.limit = 3, .order = HISTORY_FORWARD}, 7);
    memory_fail_at(0);
    ck_journal("history 7 overloaded");
    finish_bus();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_want_is_granted_with_the_place_where_the_history_stands,
        a_publish_that_races_the_subscription_is_in_the_place_or_delivered,
        a_history_that_begins_while_it_is_heard_needs_no_reading,
        a_message_that_comes_again_is_dropped,
        a_hole_is_filled_from_the_history_before_anything_behind_it,
        a_hole_in_what_was_held_back_is_read_again,
        after_three_rounds_of_reading_a_hole_is_a_gap,
        a_hole_that_cannot_be_filled_is_a_gap,
        messages_of_a_history_that_has_ended_are_not_delivered_into_the_next,
        what_was_published_in_an_outage_is_caught_up_and_the_workers_notice_nothing,
        an_outage_in_which_too_much_was_published_or_data_was_lost_is_a_gap,
        an_outage_before_any_place_was_known_is_a_gap,
        an_answer_that_comes_after_the_channel_was_lost_does_not_count,
        a_history_that_cannot_be_read_now_is_read_a_little_later,
        a_want_whose_history_is_not_read_in_time_is_unavailable,
        a_channel_whose_history_is_refused_is_live,
        a_plain_publish_into_a_channel_with_history_is_delivered_at_once_and_has_no_place,
        what_is_held_back_is_bounded_and_what_was_dropped_is_read_again,
        a_message_beyond_the_bound_takes_the_place_of_all_that_is_held_back,
        while_it_lingers_its_place_goes_on,
        a_numbered_message_without_memory_for_it_is_read_from_the_history,
        a_message_that_cannot_be_held_back_for_want_of_memory_is_read,
        without_memory_for_the_question_it_is_asked_later,
        a_history_is_the_backends_answer,
    };
    return run_suite("bus_history", tests, N_ELEMENTS(tests));
}
