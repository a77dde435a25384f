#include "base/clock.h"

#include <time.h>

#include "suite.h"

START_TEST(the_clock_does_not_go_back) {
    uint64_t before = clock_now_ms();
    for (int i = 0; i < 10000; i++) {
        uint64_t now = clock_now_ms();
        ck_assert_uint_ge(now, before);
        before = now;
    }
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
        the_wall_clock_counts_from_1970,
    };
    return run_suite("clock", tests, N_ELEMENTS(tests));
}
