#include "base/error.h"

#include <errno.h>
#include <string.h>

#include "suite.h"

static int fail_at_the_bottom(void) {
    return error_origin(-EIO);
}

static int forward(void) {
    return error_trace(fail_at_the_bottom());
}

static int forward_often(int n_times) {
    return n_times == 0 ? fail_at_the_bottom() : error_trace(forward_often(n_times - 1));
}

START_TEST(an_error_passes_through_unchanged) {
    ck_assert_int_eq(forward(), -EIO);
}
END_TEST

START_TEST(the_trace_names_the_origin_first) {
    char text[200];
    forward();
    error_describe(text, sizeof(text));
    ck_assert_ptr_eq(strstr(text, "fail_at_the_bottom "), text);
    ck_assert_ptr_nonnull(strstr(text, "test_error.c:"));
    ck_assert_ptr_nonnull(strstr(text, " < forward "));
}
END_TEST

START_TEST(an_origin_starts_a_new_trace) {
    char text[200];
    forward();
    fail_at_the_bottom();
    ck_assert_ptr_null(strstr(error_describe(text, sizeof(text)), "forward"));
}
END_TEST

START_TEST(a_path_is_shown_from_below_the_source_folder) {
    char text[100];
    error_record(-EIO, 1, "../src/place/src/base/x.c", 7, "f");
    ck_assert_str_eq(error_describe(text, sizeof(text)), "f base/x.c:7");
}
END_TEST

START_TEST(a_deep_trace_keeps_its_origin) {
    char text[4096];
    forward_often(100);
    ck_assert_ptr_eq(strstr(error_describe(text, sizeof(text)), "fail_at_the_bottom "), text);
}
END_TEST

START_TEST(a_description_is_cut_at_the_buffer) {
    char text[12];
    memset(text, 'x', sizeof(text));
    forward();
    error_describe(text, sizeof(text) - 1);
    ck_assert_uint_eq(strlen(text), sizeof(text) - 2);
    ck_assert_int_eq(text[sizeof(text) - 1], 'x');
    ck_assert_ptr_eq(error_describe(text, 0), text);
}
END_TEST

START_TEST(without_an_error_the_description_is_empty) {
    char text[8] = "before";
    ck_assert_str_eq(error_describe(text, sizeof(text)), "");
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        an_error_passes_through_unchanged,
        the_trace_names_the_origin_first,
        an_origin_starts_a_new_trace,
        a_path_is_shown_from_below_the_source_folder,
        a_deep_trace_keeps_its_origin,
        a_description_is_cut_at_the_buffer,
        without_an_error_the_description_is_empty,
    };
    return run_suite("error", tests, N_ELEMENTS(tests));
}
