#include "base/spaced.h"

#include <string.h>

#include "suite.h"

START_TEST(items_are_separated_by_any_number_of_spaces) {
    ck_assert_uint_eq(spaced_count(""), 0);
    ck_assert_uint_eq(spaced_count("  "), 0);
    ck_assert_uint_eq(spaced_count("/a"), 1);
    ck_assert_uint_eq(spaced_count(" /a  /b "), 2);
}
END_TEST

START_TEST(each_item_is_told_with_its_size_and_then_none) {
    const char *text = "  one three ", *at = text, *item;
    size_t n_item;

    item = spaced_next(&at, &n_item);
    ck_assert_ptr_eq(item, text + 2);
    ck_assert_uint_eq(n_item, strlen("one"));
    item = spaced_next(&at, &n_item);
    ck_assert_ptr_eq(item, text + 6);
    ck_assert_uint_eq(n_item, strlen("three"));
    ck_assert_ptr_null(spaced_next(&at, &n_item));
    ck_assert_ptr_null(spaced_next(&at, &n_item));
    ck_assert_str_eq(at, "");
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        items_are_separated_by_any_number_of_spaces,
        each_item_is_told_with_its_size_and_then_none,
    };
    return run_suite("spaced", tests, N_ELEMENTS(tests));
}
