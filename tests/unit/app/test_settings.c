#include "app/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/keys.h"
#include "config_fixture.h"

static const char secret[] = "a-secret-of-thirty-two-characters";
static char keys_path[] = "/tmp/test_settings_XXXXXX";
static Settings *settings;

static void write_keys(const char *text) {
    FILE *file = fopen(keys_path, "we");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void set_up(void) {
    config_set_up();
    strcpy(keys_path + strlen(keys_path) - 6, "XXXXXX");
    close(mkstemp(keys_path));
}

static void tear_down(void) {
    settings = settings_unref(settings);
    unlink(keys_path);
    config_tear_down();
}

/* Makes settings of a file of that text, in which %s is the file of keys. */
static int make(const char *format) {
    char text[512];
    snprintf(text, sizeof(text), format, keys_path, keys_path);
    config_write_file(text);
    ck_assert_int_eq(config_try(config_path, NULL, NULL, NULL), CONFIG_OK);
    Config *taken = config;
    config = NULL;
    return settings_new(&settings, taken, &config_problems);
}

START_TEST(without_keys_there_are_none) {
    ck_assert_int_eq(make("[log]\nlevel = warn\n"), 0);
    ck_assert_ptr_null(settings->keyring);
    ck_assert_ptr_null(settings->api_keys);
}
END_TEST

START_TEST(they_hold_the_keys_of_tokens_and_of_the_api) {
    char text[128];
    snprintf(text, sizeof(text), "hs256:%s\n", secret);
    write_keys(text);
    ck_assert_int_eq(make("[auth]\nkey_files = %s\n[api]\nkeys = publish:0123456789abcdef\n"
                          "[admin]\ntoken = fedcba9876543210\n"),
                     0);
    ck_assert_uint_eq(keyring_count(settings->keyring), 1);
    ck_assert_uint_eq(api_keys_count(settings->api_keys), 2);
    ck_assert_uint_eq(api_keys_check(settings->api_keys, "0123456789abcdef", 16), API_PUBLISH);
    ck_assert_uint_eq(api_keys_check(settings->api_keys, "fedcba9876543210", 16), API_ALL);
}
END_TEST

START_TEST(a_bad_key_of_either_kind_is_told_and_nothing_is_made) {
    write_keys("hs256:short\n");
    ck_assert_int_eq(make("[auth]\nkey_files = %s\n[api]\nkeys = publish:short\n"), -EINVAL);
    ck_assert_ptr_null(settings);
    config_assert_problem(keys_path);
    config_assert_problem("api.keys");
    ck_assert_ptr_null(strstr((const char *)config_problems.bytes, "short"));
}
END_TEST

START_TEST(keys_are_read_again_over_the_same_configuration) {
    char text[128];
    Settings *next = NULL, *third = NULL;
    snprintf(text, sizeof(text), "hs256:%s\n", secret);
    write_keys(text);
    ck_assert_int_eq(make("[auth]\nkey_files = %s\n"), 0);
    uint64_t stamp = keys_stamp(settings->config);
    snprintf(text, sizeof(text), "hs256:%s\nhs256/b:%s\n", secret, secret);
    write_keys(text);
    ck_assert_uint_ne(keys_stamp(settings->config), stamp);
    ck_assert_int_eq(settings_renew(&next, settings, &config_problems), 0);
    ck_assert_int_eq(settings_renew(&third, next, &config_problems), 0);
    ck_assert_ptr_eq(third->config, settings->config);
    ck_assert_uint_eq(keyring_count(settings->keyring), 1);
    settings = settings_unref(settings);
    next = settings_unref(next);
    ck_assert_uint_eq(keyring_count(third->keyring), 2); /* the configuration lives as long as who goes by it */
    ck_assert_str_eq(third->config->auth.key_files, keys_path);
    write_keys("hs256:short\n");
    ck_assert_int_eq(settings_renew(&next, third, &config_problems), -EINVAL);
    ck_assert_uint_eq(keyring_count(third->keyring), 2);
    settings_unref(third);
}
END_TEST

START_TEST(a_node_s_connections_are_divided_among_its_workers) {
    ck_assert_int_eq(make("[limits]\nconnections = 10\nconnections_per_address = 3\nmessage_size = 2KiB\nbyte_rate = 1KiB\n"),
                     0);
    ck_assert_uint_eq(settings_ws_server(settings, 4).n_connections_limit, 3);
    ck_assert_uint_eq(settings_admission(settings).per_address, 3);
    SessionOptions options = settings_sessions(settings, "node", NULL);
    ck_assert_uint_eq(options.byte_rate.per_second, 1024);
    ck_assert_uint_eq(options.byte_rate.burst, 2048);
    ck_assert_ptr_eq(options.namespaces, &settings->config->namespaces);
    ck_assert_ptr_null(options.token_rules.audience);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("app/settings");
    TCase *tcase = tcase_create("settings");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, without_keys_there_are_none);
    tcase_add_test(tcase, they_hold_the_keys_of_tokens_and_of_the_api);
    tcase_add_test(tcase, a_bad_key_of_either_kind_is_told_and_nothing_is_made);
    tcase_add_test(tcase, keys_are_read_again_over_the_same_configuration);
    tcase_add_test(tcase, a_node_s_connections_are_divided_among_its_workers);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
