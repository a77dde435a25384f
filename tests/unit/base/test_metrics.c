#include "base/metrics.h"

#include "suite.h"

START_TEST(a_counter_starts_at_zero_and_adds_up) {
    Counter counter = {0};
    ck_assert_uint_eq(counter_read(&counter), 0);
    counter_add(&counter, 2);
    counter_add(&counter, 3);
    ck_assert_uint_eq(counter_read(&counter), 5);
}
END_TEST

START_TEST(a_gauge_goes_down_again) {
    Counter gauge = {0};
    counter_add(&gauge, 5);
    counter_subtract(&gauge, 2);
    ck_assert_uint_eq(counter_read(&gauge), 3);
    counter_subtract(&gauge, 0);
    ck_assert_uint_eq(counter_read(&gauge), 3);
    counter_subtract(&gauge, 3);
    ck_assert_uint_eq(counter_read(&gauge), 0);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_counter_starts_at_zero_and_adds_up,
        a_gauge_goes_down_again,
    };
    return run_suite("metrics", tests, N_ELEMENTS(tests));
}
