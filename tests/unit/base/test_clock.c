#include "base/clock.h"

#include <time.h>

#include "suite.h"

START_TEST(the_clock_does_not_go_back) {
    uint64_t before = clock_now_us();
    for (int i = 0; i < 10000; i++) {
        uint64_t now = clock_now_us();
        ck_assert_uint_ge(now, before);
        before = now;
    }
}
END_TEST

START_TEST(milliseconds_and_microseconds_agree) {
    uint64_t before_us = clock_now_us();
    uint64_t now_ms = clock_now_ms();
    uint64_t after_us = clock_now_us();
    ck_assert_uint_le(before_us / 1000, now_ms);
    ck_assert_uint_ge(after_us / 1000, now_ms);
}
END_TEST

START_TEST(the_wall_clock_counts_from_1970) {
    uint64_t seconds = (uint64_t)time(NULL);
    uint64_t wall_seconds = clock_wall_ms() / 1000;
    ck_assert_uint_ge(wall_seconds, seconds);
    ck_assert_uint_le(wall_seconds, seconds + 5);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        the_clock_does_not_go_back,
        milliseconds_and_microseconds_agree,
        the_wall_clock_counts_from_1970,
    };
    return run_suite("clock", tests, N_ELEMENTS(tests));
}
