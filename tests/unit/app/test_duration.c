#include <check.h>
#include <stdlib.h>

#include "app/duration.h"

static uint32_t duration_of(const char *text) {
    uint32_t duration_ms = 0;

    ck_assert_int_eq(duration_parse(&duration_ms, text), DURATION_OK);
    return duration_ms;
}

static uint32_t size_of(const char *text) {
    uint32_t size_bytes = 0;

    ck_assert_int_eq(size_parse(&size_bytes, text), SIZE_OK);
    return size_bytes;
}

START_TEST(each_unit_of_time_counts_in_milliseconds) {
    ck_assert_uint_eq(duration_of("250ms"), 250);
    ck_assert_uint_eq(duration_of("25s"), 25000);
    ck_assert_uint_eq(duration_of("2m"), 120000);
    ck_assert_uint_eq(duration_of("1h"), 3600000);
}
END_TEST

START_TEST(zero_needs_no_unit_and_takes_one) {
    ck_assert_uint_eq(duration_of("0"), 0);
    ck_assert_uint_eq(duration_of("0ms"), 0);
    ck_assert_uint_eq(duration_of("0s"), 0);
}
END_TEST

START_TEST(what_is_no_duration_is_refused) {
    static const char *const bad[] = {"", "5", "s", "5 s", " 5s", "5s ", "-5s", "+5s", "1.5s", "5S", "5sec", "1h30m", "0x5s"};
    uint32_t duration_ms = 77;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(duration_parse(&duration_ms, bad[i]) == DURATION_BAD, "taken: '%s'", bad[i]);
    ck_assert_uint_eq(duration_ms, 77);
}
END_TEST

START_TEST(a_duration_past_32_bits_is_refused) {
    uint32_t duration_ms = 0;

    ck_assert_uint_eq(duration_of("4294967295ms"), UINT32_MAX);
    ck_assert_uint_eq(duration_of("1193h"), 1193U * 3600000U);
    ck_assert_int_eq(duration_parse(&duration_ms, "4294967296ms"), DURATION_BAD);
    ck_assert_int_eq(duration_parse(&duration_ms, "1194h"), DURATION_BAD);
    ck_assert_int_eq(duration_parse(&duration_ms, "99999999999999999999999999ms"), DURATION_BAD);
}
END_TEST

START_TEST(a_size_counts_in_bytes) {
    ck_assert_uint_eq(size_of("0"), 0);
    ck_assert_uint_eq(size_of("512"), 512);
    ck_assert_uint_eq(size_of("64KiB"), 65536);
    ck_assert_uint_eq(size_of("1MiB"), 1048576);
    ck_assert_uint_eq(size_of("4095MiB"), 4095U * 1048576U);
}
END_TEST

START_TEST(what_is_no_size_is_refused) {
    static const char *const bad[] = {"", "KiB", "64K", "64kB", "64 KiB", "1GiB", "-1", "4096MiB", "4294967296", "1e6", "0x10"};
    uint32_t size_bytes = 0;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(size_parse(&size_bytes, bad[i]) == SIZE_BAD, "taken: '%s'", bad[i]);
}
END_TEST

START_TEST(a_value_is_written_in_the_largest_unit_that_divides_it) {
    char text[16];

    ck_assert_str_eq(duration_format(text, sizeof(text), 3600000), "1h");
    ck_assert_str_eq(duration_format(text, sizeof(text), 90000), "90s");
    ck_assert_str_eq(duration_format(text, sizeof(text), 1500), "1500ms");
    ck_assert_str_eq(duration_format(text, sizeof(text), 0), "0");
    ck_assert_str_eq(size_format(text, sizeof(text), 65536), "64KiB");
    ck_assert_str_eq(size_format(text, sizeof(text), 65537), "65537");
    ck_assert_str_eq(size_format(text, sizeof(text), 0), "0");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("app/duration");
    TCase *tcase = tcase_create("duration");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_test(tcase, each_unit_of_time_counts_in_milliseconds);
    tcase_add_test(tcase, zero_needs_no_unit_and_takes_one);
    tcase_add_test(tcase, what_is_no_duration_is_refused);
    tcase_add_test(tcase, a_duration_past_32_bits_is_refused);
    tcase_add_test(tcase, a_size_counts_in_bytes);
    tcase_add_test(tcase, what_is_no_size_is_refused);
    tcase_add_test(tcase, a_value_is_written_in_the_largest_unit_that_divides_it);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
