#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "app/cli.h"
#include "app/server.h"

static char *out_text, *error_text;
static unsigned n_server_runs;
static uint32_t n_workers_seen;
static bool was_development;

/* Stands in for the server: the command line is what is tried here. */
int server_run(Config *config, const ConfigSources *sources) {
    n_server_runs++;
    n_workers_seen = config->n_workers;
    was_development = config->is_development;
    config_free(config);
    return EX_OK;
}

static void tear_down(void) {
    free(out_text);
    free(error_text);
    out_text = error_text = NULL;
    n_server_runs = 0;
}

static int run_with(const char *input, char **arguments) {
    char *environment[] = {"HOME=/", NULL};
    size_t n_out, n_error;
    CliStreams streams = {.in = fmemopen((void *)input, strlen(input) + 1, "r"),
                          .out = open_memstream(&out_text, &n_out),
                          .error = open_memstream(&error_text, &n_error),
                          .environment = environment};
    int n_arguments = 0, r;

    ck_assert(streams.in && streams.out && streams.error);
    while (arguments[n_arguments])
        n_arguments++;
    r = cli_run(&streams, n_arguments, arguments);
    fclose(streams.in);
    fclose(streams.out);
    fclose(streams.error);
    return r;
}

#define run(...) run_with("", (char *[]){"barker", __VA_ARGS__, NULL})

static void assert_contains(const char *text, const char *expected) {
    ck_assert_msg(strstr(text, expected), "expected: %s\ngot: %s", expected, text);
}

START_TEST(no_arguments_would_run_a_node_that_nobody_can_use) {
    ck_assert_int_eq(run_with("", (char *[]){"barker", NULL}), EX_CONFIG);
    ck_assert_uint_eq(n_server_runs, 0);
    assert_contains(error_text, "nobody could subscribe or publish");
    assert_contains(error_text, "barker run --dev");
    assert_contains(error_text, "--access-subscribe anyone");
}
END_TEST

START_TEST(a_key_or_an_open_namespace_lets_a_node_run) {
    static char *const flags[][2] = {{"--auth-keys", "hs256:x"},     {"--auth-key-files", "/keys"},
                                     {"--auth-jwks-file", "/jwks"},  {"--access-subscribe", "anyone"},
                                     {"--access-publish", "anyone"}, {"--namespace-chat-subscribe", "anyone"}};

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        ck_assert_int_eq(run("run", flags[i][0], flags[i][1]), EX_OK);
        ck_assert_uint_eq(n_server_runs, 1);
        tear_down();
    }
    ck_assert_int_eq(run("run", "--access-subscribe", "user"), EX_CONFIG);
}
END_TEST

START_TEST(flags_without_a_command_run_a_node) {
    ck_assert_int_eq(run("--dev", "--listen-workers", "3"), EX_OK);
    ck_assert_uint_eq(n_server_runs, 1);
    ck_assert_uint_eq(n_workers_seen, 3);
    ck_assert(was_development);
}
END_TEST

START_TEST(a_value_may_follow_an_equals_sign) {
    ck_assert_int_eq(run("run", "--access-subscribe=anyone", "--listen-workers=5"), EX_OK);
    ck_assert_uint_eq(n_workers_seen, 5);
    ck_assert(!was_development);
}
END_TEST

START_TEST(the_last_of_a_flag_given_twice_counts) {
    ck_assert_int_eq(run("run", "--access-subscribe=anyone", "--listen-workers=5", "--listen-workers=6"), EX_OK);
    ck_assert_uint_eq(n_workers_seen, 6);
}
END_TEST

START_TEST(help_exits_well_at_every_level) {
    static char *const lines[][3] = {{"--help"},
                                     {"-h"},
                                     {"help"},
                                     {"help", "run"},
                                     {"run", "--help"},
                                     {"run", "-h"},
                                     {"publish", "--help"},
                                     {"check-config", "--help"},
                                     {"version", "--help"},
                                     {"token", "--help"},
                                     {"help", "keygen"},
                                     {"help", "publish"},
                                     {"--listen-workers", "3", "--help"}};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        ck_assert_int_eq(run(lines[i][0], lines[i][1], lines[i][2]), EX_OK);
        assert_contains(out_text, "Usage: barker ");
        ck_assert_str_eq(error_text, "");
        tear_down();
    }
}
END_TEST

START_TEST(help_stays_within_80_columns) {
    static char *const names[] = {"run", "publish", "check-config", "token", "keygen", "status", "top", "version", NULL};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ck_assert_int_eq(run("help", names[i]), EX_OK);
        for (const char *line = out_text; *line; line += strcspn(line, "\n") + 1)
            ck_assert_msg(strcspn(line, "\n") <= 80, "too long: %.*s", (int)strcspn(line, "\n"), line);
        tear_down();
    }
}
END_TEST

START_TEST(an_unknown_command_is_a_usage_error_with_the_nearest) {
    ck_assert_int_eq(run("pubish", "a", "b"), EX_USAGE);
    assert_contains(error_text, "there is no command 'pubish'; did you mean 'publish'?");
    tear_down();
    ck_assert_int_eq(run("frobnicate"), EX_USAGE);
    assert_contains(error_text, "there is no command 'frobnicate'; barker --help lists them");
    tear_down();
    ck_assert_int_eq(run("foo"), EX_USAGE);
    assert_contains(error_text, "there is no command 'foo'; barker --help lists them");
    tear_down();
    ck_assert_int_eq(run("help", "rum"), EX_USAGE);
}
END_TEST

START_TEST(an_unknown_flag_is_a_usage_error_with_the_nearest) {
    ck_assert_int_eq(run("run", "--redis-ulr", "x"), EX_USAGE);
    assert_contains(error_text, "flag --redis-ulr: there is no such flag; did you mean --redis-url?");
    tear_down();
    ck_assert_int_eq(run("--de"), EX_USAGE);
    assert_contains(error_text, "did you mean --dev?");
    ck_assert_uint_eq(n_server_runs, 0);
}
END_TEST

START_TEST(a_flag_of_another_command_is_refused) {
    ck_assert_int_eq(run("publish", "a", "b", "--watchdog-ping", "1s"), EX_USAGE);
    tear_down();
    ck_assert_int_eq(run("publish", "a", "b", "--dev"), EX_USAGE);
    tear_down();
    ck_assert_int_eq(run("version", "--redis-url", ""), EX_USAGE);
}
END_TEST

START_TEST(a_missing_value_is_a_usage_error) {
    ck_assert_int_eq(run("run", "--redis-url"), EX_USAGE);
    assert_contains(error_text, "flag --redis-url: its value is missing");
    tear_down();
    ck_assert_int_eq(run("run", "--dev=yes"), EX_USAGE);
    assert_contains(error_text, "flag --dev: it takes no value");
}
END_TEST

START_TEST(a_wrong_number_of_arguments_is_a_usage_error) {
    ck_assert_int_eq(run("run", "stray"), EX_USAGE);
    tear_down();
    ck_assert_int_eq(run("publish", "one"), EX_USAGE);
    assert_contains(error_text, "publish takes CHANNEL DATA");
    tear_down();
    ck_assert_int_eq(run("publish", "one", "two", "three"), EX_USAGE);
}
END_TEST

START_TEST(a_bad_value_is_a_configuration_error) {
    ck_assert_int_eq(run("run", "--watchdog-ping", "25"), EX_CONFIG);
    assert_contains(error_text, "barker: flag --watchdog-ping: '25' is not valid for watchdog.ping");
    ck_assert_uint_eq(n_server_runs, 0);
}
END_TEST

START_TEST(check_config_prints_each_value_with_its_origin) {
    ck_assert_int_eq(run("check-config", "--dev", "--redis-url", "redis://me:secret@localhost"), EX_OK);
    assert_contains(out_text, "url = redis://me:***@localhost");
    assert_contains(out_text, "; flag --redis-url");
    assert_contains(out_text, "; default");
    assert_contains(out_text, "; --dev");
    ck_assert_ptr_null(strstr(out_text, "secret"));
    ck_assert_uint_eq(n_server_runs, 0);
}
END_TEST

START_TEST(check_config_prints_a_namespace_that_a_flag_has_named) {
    ck_assert_int_eq(run("check-config", "--namespace-my-chat-slow=latest", "--namespace-my-chat-subscribe=anyone"), EX_OK);
    assert_contains(out_text, "\n[namespace.my-chat]\nslow = latest");
    assert_contains(out_text, "; flag --namespace-my-chat-slow");
    assert_contains(out_text, "audit = 30s");
    assert_contains(out_text, "unsent = 64KiB");
}
END_TEST

START_TEST(version_names_the_libraries) {
    ck_assert_int_eq(run("version"), EX_OK);
    assert_contains(out_text, "barker " BARKER_VERSION "\n");
    assert_contains(out_text, "libwebsockets ");
    assert_contains(out_text, "libuv ");
    assert_contains(out_text, "hiredis");
    assert_contains(out_text, "libsodium ");
    tear_down();
    ck_assert_int_eq(run("--version"), EX_OK);
}
END_TEST

START_TEST(publishing_without_a_broker_says_that_it_is_unavailable) {
    ck_assert_int_eq(run("publish", "a", "b", "--redis-url", "redis://127.0.0.1:1"), EX_UNAVAILABLE);
    assert_contains(error_text, "cannot publish through 127.0.0.1 port 1: connection refused");
    tear_down();
    ck_assert_int_eq(run("publish", "a", "b", "--embedded-address", "127.0.0.1:1"), EX_UNAVAILABLE);
    tear_down();
    ck_assert_int_eq(run_with("text", (char *[]){"barker", "publish", "a", "-", "--embedded-address", "127.0.0.1:1", NULL}),
                     EX_UNAVAILABLE);
    tear_down();
    ck_assert_int_eq(run("publish", "a", "b", "--embedded-address", ""), EX_CONFIG);
    assert_contains(error_text, "nothing to publish to");
}
END_TEST

START_TEST(publishing_to_a_bad_name_is_a_data_error) {
    ck_assert_int_eq(run("publish", "", "b"), EX_DATAERR);
    tear_down();
    ck_assert_int_eq(run("publish", "a\nb", "b"), EX_DATAERR);
}
END_TEST

START_TEST(what_follows_two_dashes_is_no_flag) {
    ck_assert_int_eq(run("publish", "--embedded-address", "127.0.0.1:1", "--", "a", "--data"), EX_UNAVAILABLE);
}
END_TEST

static TCase *case_of_dispatch(void) {
    TCase *tcase = tcase_create("dispatch");

    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_test(tcase, no_arguments_would_run_a_node_that_nobody_can_use);
    tcase_add_test(tcase, a_key_or_an_open_namespace_lets_a_node_run);
    tcase_add_test(tcase, flags_without_a_command_run_a_node);
    tcase_add_test(tcase, a_value_may_follow_an_equals_sign);
    tcase_add_test(tcase, the_last_of_a_flag_given_twice_counts);
    tcase_add_test(tcase, help_exits_well_at_every_level);
    tcase_add_test(tcase, help_stays_within_80_columns);
    tcase_add_test(tcase, an_unknown_command_is_a_usage_error_with_the_nearest);
    tcase_add_test(tcase, an_unknown_flag_is_a_usage_error_with_the_nearest);
    tcase_add_test(tcase, a_flag_of_another_command_is_refused);
    tcase_add_test(tcase, a_missing_value_is_a_usage_error);
    tcase_add_test(tcase, a_wrong_number_of_arguments_is_a_usage_error);
    return tcase;
}

static TCase *case_of_commands(void) {
    TCase *tcase = tcase_create("commands");

    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_test(tcase, a_bad_value_is_a_configuration_error);
    tcase_add_test(tcase, check_config_prints_each_value_with_its_origin);
    tcase_add_test(tcase, check_config_prints_a_namespace_that_a_flag_has_named);
    tcase_add_test(tcase, version_names_the_libraries);
    tcase_add_test(tcase, publishing_without_a_broker_says_that_it_is_unavailable);
    tcase_add_test(tcase, publishing_to_a_bad_name_is_a_data_error);
    tcase_add_test(tcase, what_follows_two_dashes_is_no_flag);
    return tcase;
}

int main(void) {
    Suite *suite = suite_create("app/cli");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    suite_add_tcase(suite, case_of_dispatch());
    suite_add_tcase(suite, case_of_commands());
    srunner_run_all(runner, CK_NORMAL);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
