/* Many channels that are to be caught up with at once, as after an outage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/catch_up.h"
#include "fake_backend.h"
#include "journal.h"
#include "suite.h"

enum { CROWD = 1000, FIRST_WINDOW = CATCH_UP_WINDOW_BYTES / CATCH_UP_FIRST_BYTES, HEAVY_BYTES = CATCH_UP_WINDOW_BYTES / 4 };

static const char *name_of(unsigned i) {
    static char name[16];
    snprintf(name, sizeof name, "d:%u", i);
    return name;
}

static void subscribed_all(void) {
    for (unsigned i = 0; i < CROWD; i++)
        subscribed(name_of(i));
}

/* The most that were under way at once. */
static unsigned answer_all(uint64_t first, uint64_t head) {
    unsigned n_most = 0;
    for (; fake_n_open() > 0; journal_clear()) {
        if (fake_n_open() > n_most)
            n_most = fake_n_open();
        answer_read(true, 5, first, head);
    }
    return n_most;
}

static uint64_t n_waiting(void) {
    return counter_read(&bus.counters.reads_waiting);
}

/* All at 5-3, and heard. */
static void given_a_crowd(void) {
    given_a_bus_that_is_up();
    for (unsigned i = 0; i < CROWD; i++)
        want(1, name_of(i), i + 1);
    subscribed_all();
    answer_all(0, 3);
    ck_assert_uint_eq(n_waiting(), 0);
}

static void given_an_outage_of_the_crowd(void) {
    given_a_crowd();
    down();
    up();
    fake_n_asked = 0;
    journal_clear();
    subscribed_all();
}

/* Up to 5-4, with this much in it. */
static void answer_heavy(size_t n_bytes) {
    HistoryReply *heavy = history_reply_new(1);
    char *payload = calloc(1, n_bytes);
    ck_assert(heavy && payload);
    ck_assert_int_eq(message_new(&heavy->messages[0], "d:heavy", 7, payload, n_bytes), 0);
    heavy->messages[0]->position = heavy->position = (Position){5, 4};
    heavy->is_recovered = true;
    free(payload);
    answer_reply(heavy);
}

static uint64_t n_caught_up(void) {
    return counter_read(&bus.counters.caught_up);
}

START_TEST(each_is_read_once_and_never_more_than_the_window_at_a_time) {
    given_an_outage_of_the_crowd();
    ck_assert_uint_eq(fake_n_open(), FIRST_WINDOW);
    ck_assert_uint_eq(n_waiting(), CROWD - FIRST_WINDOW);
    ck_assert_uint_eq(answer_all(4, 4), CATCH_UP_READS_MAX);
    ck_assert_uint_eq(fake_n_asked, CROWD);
    ck_assert_uint_eq(n_caught_up(), CROWD);
    ck_assert_uint_eq(n_waiting(), 0);
    finish_bus();
}
END_TEST

START_TEST(heavy_answers_narrow_the_window_and_light_ones_widen_it_again) {
    given_an_outage_of_the_crowd();
    for (unsigned i = 0; i < FIRST_WINDOW; i++) {
        answer_heavy(HEAVY_BYTES);
        journal_clear();
    }
    for (unsigned i = 0; i < 10; i++) {
        ck_assert_uint_eq(fake_n_open(), 3); /* of 256 KB and their frames each */
        answer_heavy(HEAVY_BYTES);
        journal_clear();
    }
    answer_heavy((size_t)2 * CATCH_UP_WINDOW_BYTES);
    while (fake_n_open() > 1)
        answer_heavy(HEAVY_BYTES);
    answer_heavy((size_t)2 * CATCH_UP_WINDOW_BYTES);
    ck_assert_uint_eq(fake_n_open(), 1); /* one goes, whatever it weighs */
    ck_assert_uint_eq(answer_all(4, 4), CATCH_UP_READS_MAX);
    ck_assert_uint_eq(fake_n_asked, CROWD);
    finish_bus();
}
END_TEST

START_TEST(they_are_read_in_the_order_in_which_they_came) {
    given_an_outage_of_the_crowd();
    for (unsigned n = fake_n_asked; n < CROWD; n = fake_n_asked) {
        char text[64];
        journal_clear();
        while (fake_n_asked == n)
            answer_read(true, 5, 4, 4);
        snprintf(text, sizeof text, "READ d:%u resume 5-3 5", n);
        ck_assert_msg(journal_has(text), "%s: %s", text, journal_text());
    }
    answer_all(4, 4);
    finish_bus();
}
END_TEST

START_TEST(one_that_goes_while_it_waits_is_not_read_and_holds_nobody_up) {
    given_an_outage_of_the_crowd();
    for (unsigned i = 0; i < CROWD; i += 2)
        unwant(1, name_of(i));
    after(LINGER_MS);
    ck_assert_uint_eq(n_waiting(), (CROWD - FIRST_WINDOW) / 2);
    answer_all(4, 4);
    ck_assert_uint_eq(fake_n_asked, FIRST_WINDOW + (CROWD - FIRST_WINDOW) / 2);
    ck_assert_uint_eq(n_caught_up(), CROWD / 2);
    finish_bus();
}
END_TEST

START_TEST(a_link_that_is_lost_meanwhile_begins_all_anew) {
    given_an_outage_of_the_crowd();
    for (unsigned i = 0; i < FIRST_WINDOW; i++)
        answer_read(true, 5, 4, 4);
    down();
    ck_assert_uint_eq(n_waiting(), 0);
    while (fake_n_open() > 0)
        fail_read(BROKER_UNAVAILABLE);
    up();
    fake_n_asked = 0;
    subscribed_all();
    ck_assert_uint_eq(fake_n_open(), FIRST_WINDOW);
    for (unsigned i = 0; i < FIRST_WINDOW; i++)
        answer_read(true, 5, 0, 4);
    ck_assert_uint_eq(answer_all(4, 4), CATCH_UP_READS_MAX);
    ck_assert_uint_eq(fake_n_asked, CROWD);
    ck_assert_uint_eq(n_caught_up(), CROWD);
    ck_assert_uint_eq(counter_read(&bus.counters.gaps), 0);
    finish_bus();
}
END_TEST

START_TEST(answers_that_fail_hold_nobody_up_and_are_asked_again) {
    given_an_outage_of_the_crowd();
    for (unsigned i = 0; i < CROWD; i++) {
        fail_read(i % 2 ? BROKER_UNAVAILABLE : BROKER_OVERLOADED);
        journal_clear();
    }
    ck_assert_uint_eq(fake_n_open(), 0);
    ck_assert_uint_eq(fake_n_asked, CROWD);
    after(100);
    answer_all(4, 4);
    ck_assert_uint_eq(n_caught_up(), CROWD);
    finish_bus();
}
END_TEST

START_TEST(what_is_heard_while_it_waits_is_delivered_once) {
    given_an_outage_of_the_crowd();
    numbered("d:999", 5, 5);
    while (fake_n_asked < CROWD) {
        answer_read(true, 5, 4, 4);
        journal_clear();
    }
    numbered("d:999", 5, 6);
    while (fake_n_open() > 1)
        answer_read(true, 5, 4, 4);
    journal_clear();
    answer_read(true, 5, 4, 5);
    ck_journal("deliver 1 d:999=d @5-4; deliver 1 d:999=e @5-5; deliver 1 d:999=f @5-6");
    finish_bus();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        each_is_read_once_and_never_more_than_the_window_at_a_time,
        heavy_answers_narrow_the_window_and_light_ones_widen_it_again,
        they_are_read_in_the_order_in_which_they_came,
        one_that_goes_while_it_waits_is_not_read_and_holds_nobody_up,
        a_link_that_is_lost_meanwhile_begins_all_anew,
        answers_that_fail_hold_nobody_up_and_are_asked_again,
        what_is_heard_while_it_waits_is_delivered_once,
    };
    return run_suite("bus_catch_up", tests, N_ELEMENTS(tests));
}
