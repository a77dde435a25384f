#include "app/config_differences.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "config_fixture.h"

static Config *before;
static char differences[1024];

static void take_down(void) {
    before = config_free(before);
    config_tear_down();
}

static void load(const char *text) {
    config_write_file(text);
    ck_assert_int_eq(config_try(config_path, NULL, NULL, NULL), CONFIG_OK);
}

static void note(void *context, const Option *option, const char *namespace_name) {
    size_t n = strlen(differences);
    snprintf(differences + n, sizeof(differences) - n, "%s%s(%s)", n ? " " : "", option->key, namespace_name);
}

static const char *compare(const char *first, const char *second) {
    load(first);
    before = config;
    config = NULL;
    load(second);
    differences[0] = '\0';
    config_compare(before, config, note, NULL);
    return differences;
}

START_TEST(every_option_is_live_or_needs_a_restart) {
    size_t n_options;
    const Option *options = options_all(&n_options);

    for (size_t i = 0; i < n_options; i++)
        ck_assert_msg(option_is_live(&options[i]) != option_needs_restart(&options[i]),
                      "%s must be in exactly one of the lists", options[i].key);
}
END_TEST

START_TEST(what_is_written_alike_does_not_differ) {
    ck_assert_str_eq(compare("[log]\nlevel = warn\n", "; another comment\n[log]\nlevel = warn\n"), "");
}
END_TEST

START_TEST(each_option_that_differs_is_told_once) {
    ck_assert_str_eq(compare("[log]\nlevel = warn\n[watchdog]\nping = 5s\n", "[log]\nlevel = error\n[auth]\nleeway = 1s\n"),
                     "watchdog.ping() auth.leeway() log.level()");
}
END_TEST

START_TEST(namespaces_are_compared_by_name) {
    ck_assert_str_eq(compare("[namespace.a]\nhistory = 5\npresence = yes\n[namespace.b]\nown = yes\n",
                             "[namespace.c]\nslow = latest\n[namespace.b]\nown = yes\n[namespace.a]\nhistory = 6\n"),
                     "namespace.*.history(a) namespace.*.presence(a) namespace.*.slow(c)");
}
END_TEST

START_TEST(a_namespace_that_is_gone_differs_in_what_it_was_given) {
    ck_assert_str_eq(compare("[namespace.a]\nhistory = 5\n", ""), "namespace.*.history(a)");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("app/config_differences");
    TCase *tcase = tcase_create("differences");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_checked_fixture(tcase, config_set_up, take_down);
    tcase_add_test(tcase, every_option_is_live_or_needs_a_restart);
    tcase_add_test(tcase, what_is_written_alike_does_not_differ);
    tcase_add_test(tcase, each_option_that_differs_is_told_once);
    tcase_add_test(tcase, namespaces_are_compared_by_name);
    tcase_add_test(tcase, a_namespace_that_is_gone_differs_in_what_it_was_given);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
