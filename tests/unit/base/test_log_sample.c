#include "base/log_sample.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

enum { NOW = 5000, LIMIT = 3 };

static LogSample sample;
static LogSampleRow row;

static bool take(const char *event, int level, uint64_t now_ms) {
    return log_sample_take(&sample, event, level, now_ms, LIMIT);
}

static void take_many(const char *event, int n, uint64_t now_ms) {
    for (int i = 0; i < n; i++)
        take(event, 0, now_ms);
}

static void begin(void) {
    memset(&sample, 0, sizeof(sample));
}

START_TEST(so_many_a_second_are_written_and_the_rest_is_counted) {
    begin();
    for (int i = 0; i < LIMIT; i++)
        ck_assert(take("refused", 1, NOW + (uint64_t)i));
    ck_assert(!take("refused", 1, NOW + 500));
    ck_assert(!take("refused", 1, NOW + 999));
    ck_assert(!log_sample_settle(&sample, NOW + 999, false, &row));
    ck_assert(log_sample_settle(&sample, NOW + 1000, false, &row));
    ck_assert_str_eq(row.event, "refused");
    ck_assert_int_eq(row.level, 1);
    ck_assert_uint_eq(row.n_held, 2);
    ck_assert(!log_sample_settle(&sample, NOW + 1000, false, &row));
}
END_TEST

START_TEST(the_next_second_writes_again) {
    begin();
    take_many("refused", LIMIT + 1, NOW);
    ck_assert(take("refused", 0, NOW + 1000));
    ck_assert(log_sample_settle(&sample, NOW + 2000, false, &row));
    ck_assert_uint_eq(row.n_held, 1);
}
END_TEST

START_TEST(events_and_levels_are_counted_apart) {
    begin();
    take_many("refused", LIMIT, NOW);
    ck_assert(!take("refused", 0, NOW));
    ck_assert(take("refused", 1, NOW));
    ck_assert(take("accepted", 0, NOW));
}
END_TEST

START_TEST(at_the_end_the_second_need_not_be_over) {
    begin();
    take_many("refused", LIMIT + 4, NOW);
    ck_assert(!log_sample_settle(&sample, NOW, false, &row));
    ck_assert(log_sample_settle(&sample, NOW, true, &row));
    ck_assert_uint_eq(row.n_held, 4);
}
END_TEST

static void name_event(char *event, size_t n_event, int number) {
    snprintf(event, n_event, "event_%d", number);
}

START_TEST(without_room_for_one_more_event_nothing_is_held_back) {
    char event[LOG_SAMPLE_NAME];
    begin();
    for (int i = 0; i < LOG_SAMPLE_EVENTS; i++) {
        name_event(event, sizeof(event), i);
        take_many(event, LIMIT + 1, NOW);
    }
    for (int i = 0; i < 2 * LIMIT; i++)
        ck_assert(take("one_more", 0, NOW));
    int n_settled = 0;
    while (log_sample_settle(&sample, NOW + 1000, false, &row))
        n_settled++;
    ck_assert_int_eq(n_settled, LOG_SAMPLE_EVENTS);
    take_many("one_more", LIMIT, NOW + 1000);
    ck_assert(!take("one_more", 0, NOW + 1000)); /* a row has become free */
}
END_TEST

START_TEST(long_names_that_begin_alike_are_one_event) {
    char name[2 * LOG_SAMPLE_NAME];
    begin();
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    take_many(name, LIMIT, NOW);
    name[sizeof(name) - 2] = 'y';
    ck_assert(!take(name, 0, NOW));
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        so_many_a_second_are_written_and_the_rest_is_counted,
        the_next_second_writes_again,
        events_and_levels_are_counted_apart,
        at_the_end_the_second_need_not_be_over,
        without_room_for_one_more_event_nothing_is_held_back,
        long_names_that_begin_alike_are_one_event,
    };
    return run_suite("log_sample", tests, N_ELEMENTS(tests));
}
