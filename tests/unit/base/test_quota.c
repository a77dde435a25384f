#include "base/quota.h"

#include "suite.h"

static const QuotaLimit ten = {.per_second = 10, .burst = 10};

static void take_all(Quota *quota, const QuotaLimit *limit, uint64_t now_ms) {
    quota_init(quota, limit, now_ms);
    for (uint32_t i = 0; i < limit->burst; i++)
        ck_assert_int_eq(quota_take(quota, limit, 1, now_ms), QUOTA_OK);
}

START_TEST(without_a_rate_there_is_no_limit) {
    const QuotaLimit none = {0};
    Quota quota;
    quota_init(&quota, &none, 5);
    for (unsigned i = 0; i < 100000; i++)
        ck_assert_int_eq(quota_take(&quota, &none, UINT32_MAX, 5), QUOTA_OK);
}
END_TEST

START_TEST(a_burst_passes_and_no_more) {
    Quota quota;
    take_all(&quota, &ten, 1000);
    ck_assert_int_eq(quota_take(&quota, &ten, 1, 1000), QUOTA_OVER);
}
END_TEST

START_TEST(one_is_there_again_after_its_share_of_a_second) {
    Quota quota;
    take_all(&quota, &ten, 1000);
    quota_take(&quota, &ten, 0, 1099);
    ck_assert_int_lt(quota.level, 1000);
    ck_assert_int_eq(quota_take(&quota, &ten, 1, 1100), QUOTA_OK);
    ck_assert_int_eq(quota_take(&quota, &ten, 1, 1100), QUOTA_OVER);
}
END_TEST

START_TEST(what_was_refused_has_to_be_waited_for_as_well) {
    Quota quota;
    take_all(&quota, &ten, 1000);
    ck_assert_int_eq(quota_take(&quota, &ten, 1, 1000), QUOTA_OVER);
    ck_assert_int_eq(quota_take(&quota, &ten, 0, 1100), QUOTA_OVER); /* the debt is paid */
    ck_assert_int_eq(quota_take(&quota, &ten, 1, 1200), QUOTA_OK);
}
END_TEST

START_TEST(a_burst_of_debt_is_spent_and_grows_no_further) {
    Quota quota;
    take_all(&quota, &ten, 1000);
    for (unsigned i = 0; i < 9; i++)
        ck_assert_int_eq(quota_take(&quota, &ten, 1, 1000), QUOTA_OVER);
    for (unsigned i = 0; i < 100; i++)
        ck_assert_int_eq(quota_take(&quota, &ten, 1, 1000), QUOTA_SPENT);
    ck_assert_int_eq(quota_take(&quota, &ten, 1, 2100), QUOTA_OK);
}
END_TEST

START_TEST(one_that_is_larger_than_the_burst_passes_and_is_paid_afterwards) {
    Quota quota;
    quota_init(&quota, &ten, 0);
    ck_assert_int_eq(quota_take(&quota, &ten, UINT32_MAX, 0), QUOTA_OK);
    ck_assert_int_eq(quota_take(&quota, &ten, 0, 1000), QUOTA_OVER);
    ck_assert_int_eq(quota_take(&quota, &ten, 0, 1100), QUOTA_OK);
}
END_TEST

START_TEST(the_bucket_is_never_fuller_than_a_burst) {
    Quota quota;
    take_all(&quota, &ten, 0);
    ck_assert_int_eq(quota_take(&quota, &ten, 0, UINT64_MAX / 2), QUOTA_OK);
    ck_assert_int_eq(quota.level, 10000);
}
END_TEST

START_TEST(the_largest_rate_over_the_longest_time_does_not_overflow) {
    const QuotaLimit largest = {.per_second = UINT32_MAX, .burst = UINT32_MAX};
    Quota quota;
    quota_init(&quota, &largest, 0);
    ck_assert_int_eq(quota_take(&quota, &largest, UINT32_MAX, 0), QUOTA_OK);
    ck_assert_int_eq(quota_take(&quota, &largest, UINT32_MAX, 0), QUOTA_SPENT);
    ck_assert_int_eq(quota_take(&quota, &largest, 1, UINT64_MAX), QUOTA_OK);
}
END_TEST

START_TEST(a_clock_that_stands_still_or_runs_back_gives_nothing) {
    Quota quota;
    take_all(&quota, &ten, 1000);
    ck_assert_int_eq(quota_take(&quota, &ten, 1, 0), QUOTA_OVER);
}
END_TEST

START_TEST(another_limit_leaves_what_was_taken_taken) {
    const QuotaLimit three = {.per_second = 3, .burst = 3}, none = {.per_second = 0}, twenty = {.per_second = 20, .burst = 20};
    Quota quota;
    quota_init(&quota, &ten, 1000);
    quota_take(&quota, &ten, 2, 1000);
    quota_change(&quota, &ten, &twenty, 1000);
    ck_assert_int_eq(quota.level, 18000);
    quota_change(&quota, &twenty, &three, 1000);
    ck_assert_int_eq(quota.level, 1000);
    quota_take(&quota, &three, 2, 1000);
    quota_change(&quota, &three, &ten, 1000);
    ck_assert_int_eq(quota.level, 6000);
    quota_change(&quota, &ten, &none, 1000);
    ck_assert_int_eq(quota_take(&quota, &none, 100, 1000), QUOTA_OK);
    quota_change(&quota, &none, &three, 1000);
    ck_assert_int_eq(quota.level, 3000);
}
END_TEST

START_TEST(a_limit_that_goes_down_and_up_again_gives_nothing_back) {
    const QuotaLimit one = {.per_second = 1, .burst = 1}, five = {.per_second = 5, .burst = 5};
    Quota quota;
    quota_init(&quota, &ten, 1000);
    quota_take(&quota, &ten, 7, 1000);
    for (unsigned i = 0; i < 5; i++) {
        quota_change(&quota, &ten, &one, 1000);
        ck_assert_int_eq(quota.level, -1000); /* no debt that one a second would take long to pay */
        quota_change(&quota, &one, &five, 1000);
        quota_change(&quota, &five, &ten, 1000);
        ck_assert_int_eq(quota.level, 3000);
    }
    quota_change(&quota, &ten, &one, 1000);
    quota_change(&quota, &one, &ten, 3000); /* what came in meanwhile is its own */
    ck_assert_int_eq(quota.level, 5000);
}
END_TEST

START_TEST(a_smaller_limit_that_nobody_told_of_holds_all_the_same) {
    const QuotaLimit three = {.per_second = 3, .burst = 3};
    Quota quota;
    quota_init(&quota, &ten, 1000);
    ck_assert_int_eq(quota_take(&quota, &three, 3, 2000), QUOTA_OK);
    ck_assert_int_eq(quota_take(&quota, &three, 1, 2000), QUOTA_OVER);
}
END_TEST

START_TEST(a_limit_that_is_lowered_or_comes_later_holds_from_then_on) {
    const QuotaLimit none = {0}, two = {.per_second = 2, .burst = 2};
    Quota quota;
    quota_init(&quota, &ten, 0);
    ck_assert_int_eq(quota_take(&quota, &two, 2, 1), QUOTA_OK);
    ck_assert_int_eq(quota_take(&quota, &two, 1, 1), QUOTA_OVER);
    quota_init(&quota, &none, 0);
    ck_assert_int_eq(quota_take(&quota, &none, 1000, 1), QUOTA_OK);
    ck_assert_int_eq(quota_take(&quota, &two, 2, 5000), QUOTA_OK);
    ck_assert_int_eq(quota_take(&quota, &two, 1, 5000), QUOTA_OVER);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        without_a_rate_there_is_no_limit,
        a_burst_passes_and_no_more,
        one_is_there_again_after_its_share_of_a_second,
        what_was_refused_has_to_be_waited_for_as_well,
        a_burst_of_debt_is_spent_and_grows_no_further,
        one_that_is_larger_than_the_burst_passes_and_is_paid_afterwards,
        the_bucket_is_never_fuller_than_a_burst,
        the_largest_rate_over_the_longest_time_does_not_overflow,
        a_clock_that_stands_still_or_runs_back_gives_nothing,
        another_limit_leaves_what_was_taken_taken,
        a_limit_that_goes_down_and_up_again_gives_nothing_back,
        a_smaller_limit_that_nobody_told_of_holds_all_the_same,
        a_limit_that_is_lowered_or_comes_later_holds_from_then_on,
    };
    return run_suite("quota", tests, N_ELEMENTS(tests));
}
