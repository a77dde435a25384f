#include "histogram.h"

#include <check.h>
#include <stdlib.h>

static Histogram histogram;

static void empty_it(void) {
    histogram = (Histogram){0};
}

START_TEST(an_empty_histogram_has_percentiles_of_zero) {
    ck_assert_uint_eq(histogram_percentile(&histogram, 0.5), 0);
    ck_assert_uint_eq(histogram_percentile(&histogram, 1), 0);
}
END_TEST

START_TEST(small_values_are_exact) {
    for (uint64_t value = 1; value <= 100; value++)
        histogram_add(&histogram, value);
    ck_assert_uint_eq(histogram_percentile(&histogram, 0.5), 50);
    ck_assert_uint_eq(histogram_percentile(&histogram, 0.99), 99);
    ck_assert_uint_eq(histogram_percentile(&histogram, 1), 100);
}
END_TEST

START_TEST(a_percentile_is_at_most_a_64th_too_high_and_never_too_low) {
    for (uint64_t value = 1; value <= 1000000; value += 7)
        histogram_add(&histogram, value);
    for (unsigned percent = 1; percent < 100; percent++) {
        double exact = percent * 10000.0;
        double found = (double)histogram_percentile(&histogram, percent / 100.0);
        ck_assert_double_ge(found, exact - 7);
        ck_assert_double_le(found, exact * (1 + 1.0 / 64) + 7);
    }
}
END_TEST

START_TEST(the_largest_value_there_is_has_a_bucket) {
    histogram_add(&histogram, UINT64_MAX);
    histogram_add(&histogram, 0);
    ck_assert_uint_eq(histogram_percentile(&histogram, 1), UINT64_MAX);
    ck_assert_uint_eq(histogram_percentile(&histogram, 0.5), 0);
    ck_assert_uint_eq(histogram.n_values, 2);
}
END_TEST

START_TEST(no_percentile_passes_the_maximum) {
    histogram_add(&histogram, 1000001);
    ck_assert_uint_eq(histogram_percentile(&histogram, 0.5), 1000001);
    ck_assert_uint_eq(histogram.max, 1000001);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bench/histogram");
    TCase *tcase = tcase_create("histogram");
    tcase_add_checked_fixture(tcase, empty_it, NULL);
    tcase_add_test(tcase, an_empty_histogram_has_percentiles_of_zero);
    tcase_add_test(tcase, small_values_are_exact);
    tcase_add_test(tcase, a_percentile_is_at_most_a_64th_too_high_and_never_too_low);
    tcase_add_test(tcase, the_largest_value_there_is_has_a_bucket);
    tcase_add_test(tcase, no_percentile_passes_the_maximum);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
