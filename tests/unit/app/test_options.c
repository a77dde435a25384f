#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "app/options.h"

START_TEST(one_key_has_three_spellings) {
    const Option *option = options_find(OPTION_KEY, "watchdog.pong_grace");
    char name[OPTION_NAME_SIZE];

    ck_assert_ptr_nonnull(option);
    ck_assert_str_eq(option_spell(name, option, OPTION_FLAG), "--watchdog-pong-grace");
    ck_assert_str_eq(option_spell(name, option, OPTION_ENVIRONMENT), "BARKER_WATCHDOG_PONG_GRACE");
    ck_assert_ptr_eq(options_find(OPTION_FLAG, "--watchdog-pong-grace"), option);
    ck_assert_ptr_eq(options_find(OPTION_ENVIRONMENT, "BARKER_WATCHDOG_PONG_GRACE"), option);
    ck_assert_ptr_null(options_find(OPTION_FLAG, "watchdog.pong_grace"));
}
END_TEST

START_TEST(an_option_of_namespaces_is_found_with_any_name_in_it) {
    const Option *option = options_find(OPTION_KEY, "namespace.chat.slow");
    char name[OPTION_NAME_SIZE];

    ck_assert_ptr_nonnull(option);
    ck_assert(option_is_of_namespace(option));
    ck_assert_str_eq(option_namespace(name, option, OPTION_KEY, "namespace.a.b.slow"), "a.b");
    ck_assert_ptr_eq(options_find(OPTION_FLAG, "--namespace-my-chat-slow"), option);
    ck_assert_str_eq(option_namespace(name, option, OPTION_FLAG, "--namespace-my-chat-slow"), "my-chat");
    ck_assert_ptr_eq(options_find(OPTION_ENVIRONMENT, "BARKER_NAMESPACE_MY_CHAT_SLOW"), option);
    ck_assert_str_eq(option_namespace(name, option, OPTION_ENVIRONMENT, "BARKER_NAMESPACE_MY_CHAT_SLOW"), "my_chat");
    ck_assert_str_eq(option_namespace(name, options_find(OPTION_KEY, "outbox.slow"), OPTION_KEY, "outbox.slow"), "");
    ck_assert_ptr_null(options_find(OPTION_KEY, "namespace.slow"));
}
END_TEST

START_TEST(an_option_of_namespaces_is_shown_with_a_place_for_the_name) {
    const Option *option = options_find(OPTION_KEY, "namespace.chat.slow");
    char name[OPTION_NAME_SIZE];

    ck_assert_str_eq(option_spell(name, option, OPTION_KEY), "namespace.<name>.slow");
    ck_assert_str_eq(option_spell(name, option, OPTION_FLAG), "--namespace-<name>-slow");
    ck_assert_str_eq(option_spell_in(name, option, OPTION_FLAG, "my_chat"), "--namespace-my_chat-slow");
    ck_assert_str_eq(option_spell_in(name, options_find(OPTION_KEY, "outbox.slow"), OPTION_KEY, "chat"), "outbox.slow");
}
END_TEST

START_TEST(every_row_is_found_by_every_spelling) {
    size_t n_options;
    const Option *all = options_all(&n_options);
    char name[OPTION_NAME_SIZE];

    for (size_t i = 0; i < n_options; i++) {
        ck_assert_uint_eq(options_index(&all[i]), i);
        for (int spelling = OPTION_KEY; spelling <= OPTION_ENVIRONMENT; spelling++)
            ck_assert_ptr_eq(options_find((OptionSpelling)spelling, option_spell(name, &all[i], (OptionSpelling)spelling)),
                             &all[i]);
    }
}
END_TEST

START_TEST(the_distance_counts_edits_and_swaps_up_to_its_limit) {
    ck_assert_uint_eq(options_distance("redis", "redis", 9), 0);
    ck_assert_uint_eq(options_distance("redis", "rdis", 9), 1);
    ck_assert_uint_eq(options_distance("redis", "reddis", 9), 1);
    ck_assert_uint_eq(options_distance("url", "ulr", 9), 1);
    ck_assert_uint_eq(options_distance("", "abc", 9), 3);
    ck_assert_uint_eq(options_distance("kitten", "sitting", 9), 3);
    ck_assert_uint_eq(options_distance("kitten", "sitting", 2), 2);
}
END_TEST

START_TEST(a_limit_changes_no_distance_below_it) {
    enum { NO_LIMIT = 2 * OPTION_NAME_SIZE, LIMITS = 8 };
    size_t n_options;
    const Option *all = options_all(&n_options);

    for (size_t i = 0; i < n_options * n_options; i++) {
        const char *a = all[i / n_options].key, *b = all[i % n_options].key;
        size_t n = options_distance(a, b, NO_LIMIT);

        for (size_t n_limit = 1; n_limit < LIMITS; n_limit++)
            ck_assert_uint_eq(options_distance(a, b, n_limit), n < n_limit ? n : n_limit);
    }
}
END_TEST

START_TEST(a_misspelled_name_finds_its_neighbour_and_nonsense_none) {
    ck_assert_str_eq(options_nearest(OPTION_KEY, "redis.ulr")->key, "redis.url");
    ck_assert_str_eq(options_nearest(OPTION_FLAG, "--listen-adress")->key, "listen.address");
    ck_assert_str_eq(options_nearest(OPTION_ENVIRONMENT, "BARKER_LOGLEVEL")->key, "log.level");
    ck_assert_str_eq(options_nearest(OPTION_FLAG, "--namespace-some-very-long-name-slw")->key, "namespace.*.slow");
    ck_assert_ptr_null(options_nearest(OPTION_KEY, "namespace.chat.different"));
    ck_assert_ptr_null(options_nearest(OPTION_KEY, "completely.different"));
    ck_assert_ptr_null(options_nearest(OPTION_KEY, "a.b"));
}
END_TEST

static void assert_masked(const char *url, const char *expected) {
    Buf shown;

    buf_init(&shown, 256);
    ck_assert_int_eq(option_mask(&shown, options_find(OPTION_KEY, "redis.url"), url), 0);
    ck_assert_int_eq(buf_append(&shown, "", 1), BUF_OK);
    ck_assert_str_eq((const char *)shown.bytes, expected);
    buf_finish(&shown);
}

START_TEST(the_password_of_a_url_is_masked_however_it_is_written) {
    assert_masked("redis://host:6379/1", "redis://host:6379/1");
    assert_masked("redis://:secret@host", "redis://:***@host");
    assert_masked("redis://user:secret@host:6379", "redis://user:***@host:6379");
    assert_masked("redis://user:se/cr@et@host", "redis://user:***@host");
    assert_masked("redis://secret@host", "redis://***@host");
    assert_masked("user:secret@host", "user:***@host");
    assert_masked("redis+unix://user:secret@/run/redis.sock", "redis+unix://user:***@/run/redis.sock");
    assert_masked("redis://:one@a  rediss://b redis://u:two@c", "redis://:***@a  rediss://b redis://u:***@c");
    assert_masked("redis://:se cr@et@host", "redis://:***@host");
    assert_masked("redis-sentinel://u:one@a,b/main?sentinel_user=s&sentinel_password=two",
                  "redis-sentinel://u:***@a,b/main?sentinel_user=s&sentinel_password=***");
    assert_masked("redis-sentinel://a/main?sentinel_password=two&sentinel_user=s",
                  "redis-sentinel://a/main?sentinel_password=***&sentinel_user=s");
}
END_TEST

START_TEST(a_section_is_matched_whole) {
    const Option *option = options_find(OPTION_KEY, "redis.url");

    ck_assert(options_has_section(option, NULL));
    ck_assert(options_has_section(option, "embedded redis"));
    ck_assert(!options_has_section(option, "red rediss embedded"));
    ck_assert(!options_has_section(option, ""));
}
END_TEST

static char *printed(void (*print)(FILE *out)) {
    char *text = NULL;
    size_t n_text;
    FILE *out = open_memstream(&text, &n_text);

    ck_assert_ptr_nonnull(out);
    print(out);
    fclose(out);
    return text;
}

static void print_all_help(FILE *out) {
    options_print_help(out, NULL);
}

START_TEST(the_help_stays_within_80_columns_and_names_every_flag) {
    char *text = printed(print_all_help), name[OPTION_NAME_SIZE];
    size_t n_options;
    const Option *all = options_all(&n_options);

    for (size_t i = 0; i < n_options; i++)
        ck_assert_ptr_nonnull(strstr(text, option_spell(name, &all[i], OPTION_FLAG)));
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
        ck_assert_msg(strcspn(line, "\n") <= 80, "too long: %.*s", (int)strcspn(line, "\n"), line);
    free(text);
}
END_TEST

static void print_document(FILE *out) {
    FILE *document = fopen(OPTIONS_PATH, "re");
    char chunk[4096];
    size_t n_chunk;

    ck_assert_ptr_nonnull(document);
    while ((n_chunk = fread(chunk, 1, sizeof(chunk), document)) > 0)
        fwrite(chunk, 1, n_chunk, out);
    fclose(document);
}

START_TEST(the_table_in_the_document_is_the_table_of_the_program) {
    char *table = printed(options_print_markdown), *document = printed(print_document);

    ck_assert_msg(strstr(document, table), "put the output of barker check-config --options into deploy/OPTIONS.md");
    free(table);
    free(document);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("app/options");
    TCase *tcase = tcase_create("options");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_test(tcase, one_key_has_three_spellings);
    tcase_add_test(tcase, an_option_of_namespaces_is_found_with_any_name_in_it);
    tcase_add_test(tcase, an_option_of_namespaces_is_shown_with_a_place_for_the_name);
    tcase_add_test(tcase, every_row_is_found_by_every_spelling);
    tcase_add_test(tcase, the_distance_counts_edits_and_swaps_up_to_its_limit);
    tcase_add_test(tcase, a_limit_changes_no_distance_below_it);
    tcase_add_test(tcase, a_misspelled_name_finds_its_neighbour_and_nonsense_none);
    tcase_add_test(tcase, the_password_of_a_url_is_masked_however_it_is_written);
    tcase_add_test(tcase, a_section_is_matched_whole);
    tcase_add_test(tcase, the_help_stays_within_80_columns_and_names_every_flag);
    tcase_add_test(tcase, the_table_in_the_document_is_the_table_of_the_program);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
