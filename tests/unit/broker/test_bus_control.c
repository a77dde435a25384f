#include <string.h>

#include "broker/bus.h"
#include "broker/control.h"
#include "fake_backend.h"
#include "journal.h"
#include "suite.h"

#define C CONTROL_CHANNEL

/* Worker 1 is the desk: it hears control, whose history stands at this number of epoch 5; 0: without a history. */
static void given_control_at(uint64_t head) {
    given_a_bus_that_is_up();
    want(1, C, 7);
    subscribed(C);
    ck_journal("SUBSCRIBE " C "; READ " C " forward 0-0 0");
    answer_read(true, head ? 5 : 0, 0, head);
    journal_clear();
}

static void after_an_outage(void) {
    down();
    up();
    journal_clear();
    subscribed(C);
}

START_TEST(commands_are_kept_for_an_hour_whatever_the_namespaces_say) {
    given_a_bus_that_is_up();
    publish(C, "x", 1, &(BrokerReturn){.worker = 1});
    ck_journal("PUBLISH " C "=1 keep 1000/3600000");
    answer_publish(BROKER_OK, (Position){5, 1});
    finish_bus();
}
END_TEST

START_TEST(what_was_published_before_the_want_is_not_carried_out) {
    given_a_bus_that_is_up();
    want(1, C, 7);
    subscribed(C);
    ck_journal("SUBSCRIBE " C "; READ " C " forward 0-0 0");
    answer_read(true, 5, 0, 40);
    ck_journal("granted 1 " C " #7 @5-40");
    numbered(C, 5, 40);
    numbered(C, 5, 41);
    ck_journal("deliver 1 " C "=o @5-41");
    finish_bus();
}
END_TEST

START_TEST(a_plain_publish_is_live) {
    given_control_at(3);
    message(C, "x");
    ck_journal("deliver 1 " C "=x");
    finish_bus();
}
END_TEST

START_TEST(commands_that_were_missed_are_carried_out_once_and_in_order) {
    given_control_at(3);
    after_an_outage();
    ck_journal("READ " C " resume 5-3 5");
    numbered(C, 5, 5);
    numbered(C, 5, 6);
    answer_read(true, 5, 4, 5);
    ck_journal("deliver 1 " C "=d @5-4; deliver 1 " C "=e @5-5; deliver 1 " C "=f @5-6");
    ck_assert_uint_eq(counter_read(&bus.counters.gaps), 0);
    finish_bus();
}
END_TEST

START_TEST(a_history_that_began_in_the_outage_is_carried_out) {
    given_control_at(0);
    after_an_outage();
    ck_journal("READ " C " forward 0-0 1000");
    numbered(C, 5, 2);
    numbered(C, 5, 3);
    answer_read(true, 5, 1, 2);
    ck_journal("deliver 1 " C "=a @5-1; deliver 1 " C "=b @5-2; deliver 1 " C "=c @5-3");
    ck_assert_uint_eq(counter_read(&bus.counters.gaps), 0);
    finish_bus();
}
END_TEST

START_TEST(a_history_that_is_still_empty_is_no_gap) {
    given_control_at(0);
    after_an_outage();
    answer_read(true, 0, 0, 0);
    ck_journal("READ " C " forward 0-0 1000");
    ck_assert_uint_eq(counter_read(&bus.counters.gaps), 0);
    finish_bus();
}
END_TEST

START_TEST(a_history_that_began_anew_in_the_outage_is_carried_out_behind_which_a_gap_is_told) {
    given_control_at(3);
    after_an_outage();
    answer_read(false, 6, 0, 2);
    ck_journal("READ " C " resume 5-3 5; READ " C " forward 0-0 1000");
    numbered(C, 6, 3);
    answer_read(true, 6, 1, 2);
    ck_journal("deliver 1 " C "=a @6-1; deliver 1 " C "=b @6-2; gap 1 " C " @6-2; deliver 1 " C "=c @6-3");
    finish_bus();
}
END_TEST

START_TEST(of_more_than_can_be_caught_up_with_the_newest_are_carried_out_and_a_gap_is_told) {
    given_control_at(3);
    after_an_outage();
    answer_read(false, 5, 0, 30);
    journal_clear();
    answer_read(true, 5, 29, 30);
    ck_journal("gap 1 " C " @5-28; deliver 1 " C "=c @5-29; deliver 1 " C "=d @5-30; gap 1 " C " @5-30");
    finish_bus();
}
END_TEST

START_TEST(what_was_carried_out_is_not_again_when_the_broker_has_forgotten_some) {
    given_control_at(7);
    after_an_outage();
    answer_read(false, 5, 0, 6);
    journal_clear();
    answer_read(true, 5, 1, 6);
    ck_journal("gap 1 " C " @5-6");
    finish_bus();
}
END_TEST

START_TEST(a_link_lost_between_the_two_questions_begins_again) {
    given_control_at(3);
    after_an_outage();
    answer_read(false, 6, 0, 2);
    down();
    up();
    journal_clear();
    subscribed(C);
    ck_journal("READ " C " resume 5-3 5");
    fail_read(BROKER_UNAVAILABLE);
    answer_read(false, 6, 0, 2);
    ck_journal("READ " C " forward 0-0 1000");
    answer_read(true, 6, 1, 2);
    ck_journal("deliver 1 " C "=a @6-1; deliver 1 " C "=b @6-2; gap 1 " C " @6-2");
    finish_bus();
}
END_TEST

START_TEST(where_no_history_may_be_read_control_is_live) {
    given_a_bus_that_is_up();
    want(1, C, 7);
    subscribed(C);
    fail_read(BROKER_REFUSED);
    journal_clear();
    message(C, "x");
    ck_journal("deliver 1 " C "=x");
    after_an_outage();
    ck_journal("READ " C " forward 0-0 0");
    fail_read(BROKER_REFUSED);
    message(C, "y");
    ck_journal("gap 1 " C "; deliver 1 " C "=y");
    finish_bus();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        commands_are_kept_for_an_hour_whatever_the_namespaces_say,
        what_was_published_before_the_want_is_not_carried_out,
        a_plain_publish_is_live,
        commands_that_were_missed_are_carried_out_once_and_in_order,
        a_history_that_began_in_the_outage_is_carried_out,
        a_history_that_is_still_empty_is_no_gap,
        a_history_that_began_anew_in_the_outage_is_carried_out_behind_which_a_gap_is_told,
        of_more_than_can_be_caught_up_with_the_newest_are_carried_out_and_a_gap_is_told,
        what_was_carried_out_is_not_again_when_the_broker_has_forgotten_some,
        a_link_lost_between_the_two_questions_begins_again,
        where_no_history_may_be_read_control_is_live,
    };
    return run_suite("bus_control", tests, N_ELEMENTS(tests));
}
