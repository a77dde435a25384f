#include "tally.h"

#include <check.h>
#include <stdlib.h>

static Tally tally;
static Track tracks[3];

static void start(void) { /* three connections, one channel, at most four in flight */
    ck_assert_int_eq(tally_init(&tally, 3, 1, 4), 0);
    for (unsigned i = 0; i < 3; i++)
        tracks[i] = (Track){0};
}

static void stop(void) {
    tally_finish(&tally);
}

static void publish(unsigned n_messages) {
    for (unsigned i = 0; i < n_messages; i++)
        tally_publish(&tally);
}

static void deliver_to_all(uint32_t sequence) {
    for (uint32_t i = 0; i < 3; i++)
        ck_assert(tally_deliver(&tally, &tracks[i], i, 0, sequence));
}

START_TEST(a_window_admits_as_many_as_it_holds) {
    publish(3);
    ck_assert(tally_may_publish(&tally));
    publish(1);
    ck_assert(!tally_may_publish(&tally));
}
END_TEST

START_TEST(a_place_is_free_once_the_oldest_has_reached_everyone) {
    publish(4);
    deliver_to_all(1);
    ck_assert(!tally_may_publish(&tally));
    ck_assert(tally_deliver(&tally, &tracks[0], 0, 0, 0));
    ck_assert(tally_deliver(&tally, &tracks[1], 1, 0, 0));
    ck_assert(!tally_may_publish(&tally));
    ck_assert(tally_deliver(&tally, &tracks[2], 2, 0, 0));
    ck_assert_uint_eq(tally.n_completed, 2);
    ck_assert(tally_may_publish(&tally));
}
END_TEST

START_TEST(deliveries_once_and_in_order_are_clean) {
    publish(4);
    for (uint32_t sequence = 0; sequence < 4; sequence++)
        deliver_to_all(sequence);
    ck_assert(tally_is_clean(&tally));
    ck_assert_uint_eq(tally.n_arrived, 12);
}
END_TEST

START_TEST(what_has_not_come_is_missing) {
    publish(2);
    deliver_to_all(1);
    ck_assert_uint_eq(tally_missing(&tally), 3);
    ck_assert(!tally_is_clean(&tally));
}
END_TEST

START_TEST(the_second_copy_is_a_duplicate_and_fills_no_hole) {
    publish(2);
    deliver_to_all(0);
    ck_assert(!tally_deliver(&tally, &tracks[1], 1, 0, 0));
    ck_assert_uint_eq(tally.n_duplicate, 1);
    ck_assert_uint_eq(tally_missing(&tally), 3);
}
END_TEST

START_TEST(an_older_message_after_a_newer_one_is_out_of_order_and_not_missing) {
    publish(2);
    deliver_to_all(1);
    deliver_to_all(0);
    ck_assert_uint_eq(tally.n_disordered, 3);
    ck_assert_uint_eq(tally_missing(&tally), 0);
    ck_assert_uint_eq(tally.n_duplicate, 0);
    ck_assert(!tally_is_clean(&tally));
}
END_TEST

START_TEST(what_was_never_published_is_stray) {
    publish(1);
    ck_assert(!tally_deliver(&tally, &tracks[0], 0, 0, 1));
    ck_assert(!tally_deliver(&tally, &tracks[0], 0, 1, 0));
    ck_assert_uint_eq(tally.n_stray, 2);
}
END_TEST

START_TEST(a_gap_longer_than_the_memory_forgets_nothing_newer) {
    Tally open_loop;
    Track track = {0};
    ck_assert_int_eq(tally_init(&open_loop, 1, 1, 0), 0);
    for (unsigned i = 0; i < 200; i++)
        tally_publish(&open_loop);
    ck_assert(tally_deliver(&open_loop, &track, 0, 0, 0));
    ck_assert(tally_deliver(&open_loop, &track, 0, 0, 64));
    ck_assert(tally_deliver(&open_loop, &track, 0, 0, 1));
    ck_assert(!tally_deliver(&open_loop, &track, 0, 0, 1));
    ck_assert(tally_deliver(&open_loop, &track, 0, 0, 199));
    ck_assert(!tally_deliver(&open_loop, &track, 0, 0, 64));
    ck_assert_uint_eq(open_loop.n_arrived, 4);
    tally_finish(&open_loop);
}
END_TEST

START_TEST(several_channels_share_the_connections_out) {
    Tally shared;
    Track odd = {0};
    ck_assert_int_eq(tally_init(&shared, 3, 2, 8), 0);
    ck_assert_uint_eq(tally_publish(&shared), 0); /* channel 0: connections 0 and 2 */
    ck_assert_uint_eq(tally_publish(&shared), 1); /* channel 1: connection 1 */
    ck_assert_uint_eq(shared.n_expected, 3);
    ck_assert(!tally_deliver(&shared, &odd, 1, 0, 0));
    ck_assert(tally_deliver(&shared, &odd, 1, 1, 0));
    ck_assert_uint_eq(shared.n_stray, 1);
    tally_finish(&shared);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bench/tally");
    TCase *tcase = tcase_create("tally");
    tcase_add_checked_fixture(tcase, start, stop);
    tcase_add_test(tcase, a_window_admits_as_many_as_it_holds);
    tcase_add_test(tcase, a_place_is_free_once_the_oldest_has_reached_everyone);
    tcase_add_test(tcase, deliveries_once_and_in_order_are_clean);
    tcase_add_test(tcase, what_has_not_come_is_missing);
    tcase_add_test(tcase, the_second_copy_is_a_duplicate_and_fills_no_hole);
    tcase_add_test(tcase, an_older_message_after_a_newer_one_is_out_of_order_and_not_missing);
    tcase_add_test(tcase, what_was_never_published_is_stray);
    tcase_add_test(tcase, a_gap_longer_than_the_memory_forgets_nothing_newer);
    tcase_add_test(tcase, several_channels_share_the_connections_out);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
