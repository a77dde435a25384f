#include "app/drain.h"

#include "suite.h"

static Drain drain;

START_TEST(the_notice_comes_before_the_window_and_the_end_behind_it) {
    drain_begin(&drain, 5000, 30000, 1000);
    ck_assert_int_eq(drain.phase, DRAIN_NOTICE);
    ck_assert_int_eq(drain_turn(&drain, false, 5999), DRAIN_NOTICE);
    ck_assert_int_eq(drain_turn(&drain, false, 6000), DRAIN_WINDOW);
    ck_assert_int_eq(drain_turn(&drain, false, 35999), DRAIN_WINDOW);
    ck_assert_int_eq(drain_turn(&drain, false, 36000), DRAIN_CLOSING);
    ck_assert_int_eq(drain_turn(&drain, false, 99999), DRAIN_CLOSING);
}
END_TEST

START_TEST(a_window_lasts_from_when_it_was_entered) {
    drain_begin(&drain, 100, 1000, 0);
    ck_assert_int_eq(drain_turn(&drain, false, 700), DRAIN_WINDOW);
    ck_assert_int_eq(drain_turn(&drain, false, 1699), DRAIN_WINDOW);
    ck_assert_int_eq(drain_turn(&drain, false, 1700), DRAIN_CLOSING);
}
END_TEST

START_TEST(what_lasts_no_time_is_left_out) {
    drain_begin(&drain, 0, 0, 7);
    ck_assert_int_eq(drain.phase, DRAIN_CLOSING);
    drain_begin(&drain, 0, 10, 7);
    ck_assert_int_eq(drain.phase, DRAIN_WINDOW);
    drain_begin(&drain, 10, 0, 7);
    ck_assert_int_eq(drain.phase, DRAIN_NOTICE);
    ck_assert_int_eq(drain_turn(&drain, false, 17), DRAIN_CLOSING);
}
END_TEST

START_TEST(each_further_signal_hurries_to_the_next_phase_and_the_last_kills) {
    drain_begin(&drain, 5000, 30000, 0);
    ck_assert_int_eq(drain_turn(&drain, true, 10), DRAIN_CLOSING);
    ck_assert_int_eq(drain_turn(&drain, false, 20), DRAIN_CLOSING);
    ck_assert_int_eq(drain_turn(&drain, true, 30), DRAIN_TERMINATING);
    ck_assert_int_eq(drain_turn(&drain, false, 99999), DRAIN_TERMINATING);
    ck_assert_int_eq(drain_turn(&drain, true, 40), DRAIN_KILLED);
    ck_assert_int_eq(drain_turn(&drain, true, 50), DRAIN_KILLED);
    drain_begin(&drain, 0, 30000, 0);
    ck_assert_int_eq(drain_turn(&drain, true, 10), DRAIN_CLOSING);
}
END_TEST

START_TEST(where_all_are_closed_the_second_signal_terminates) {
    drain_begin(&drain, 0, 0, 0);
    ck_assert_int_eq(drain_turn(&drain, true, 1), DRAIN_TERMINATING);
    drain_begin(&drain, 0, 100, 0);
    ck_assert_int_eq(drain_turn(&drain, true, 100), DRAIN_TERMINATING);
}
END_TEST

START_TEST(it_waits_no_longer_than_its_phase) {
    drain_begin(&drain, 300, 1000, 0);
    ck_assert_uint_eq(drain_wait_ms(&drain, 5000, 100), 200);
    ck_assert_uint_eq(drain_wait_ms(&drain, 50, 100), 50);
    ck_assert_uint_eq(drain_wait_ms(&drain, 5000, 400), 0);
    drain_turn(&drain, true, 400);
    ck_assert_uint_eq(drain_wait_ms(&drain, 5000, 400), 5000);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        the_notice_comes_before_the_window_and_the_end_behind_it,
        a_window_lasts_from_when_it_was_entered,
        what_lasts_no_time_is_left_out,
        each_further_signal_hurries_to_the_next_phase_and_the_last_kills,
        where_all_are_closed_the_second_signal_terminates,
        it_waits_no_longer_than_its_phase,
    };
    return run_suite("drain", tests, N_ELEMENTS(tests));
}
