#include "base/random.h"

#include "suite.h"

START_TEST(numbers_do_not_repeat) {
    uint64_t numbers[100]; /* more than one buffer of them */
    for (size_t i = 0; i < N_ELEMENTS(numbers); i++) {
        numbers[i] = random_u64();
        for (size_t j = 0; j < i; j++)
            ck_assert_uint_ne(numbers[i], numbers[j]);
    }
}
END_TEST

START_TEST(below_a_limit_every_number_occurs) {
    static unsigned n_seen[10];
    for (int i = 0; i < 10000; i++) {
        uint64_t number = random_below(N_ELEMENTS(n_seen));
        ck_assert_uint_lt(number, N_ELEMENTS(n_seen));
        n_seen[number]++;
    }
    for (size_t i = 0; i < N_ELEMENTS(n_seen); i++)
        ck_assert_uint_gt(n_seen[i], 700); /* 1000 expected; 10 standard deviations */
}
END_TEST

START_TEST(a_limit_of_nothing_gives_zero) {
    ck_assert_uint_eq(random_below(0), 0);
    ck_assert_uint_eq(random_below(1), 0);
}
END_TEST

START_TEST(a_limit_past_half_the_range_is_kept) {
    const uint64_t n_limit = ((uint64_t)1 << 63) + 1;
    for (int i = 0; i < 1000; i++)
        ck_assert_uint_lt(random_below(n_limit), n_limit);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        numbers_do_not_repeat,
        below_a_limit_every_number_occurs,
        a_limit_of_nothing_gives_zero,
        a_limit_past_half_the_range_is_kept,
    };
    return run_suite("random", tests, N_ELEMENTS(tests));
}
