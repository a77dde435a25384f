#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_fixture.h"

START_TEST(the_policy_of_all_other_channels_is_that_of_the_outbox) {
    ck_assert_int_eq(config_try(NULL, NULL, "--outbox-slow", "drop-oldest"), CONFIG_OK);
    ck_assert_int_eq(config->namespaces.fallback.slow, SLOW_DROP_OLDEST);
    ck_assert_str_eq(config->namespaces.fallback.name, "");
    ck_assert_uint_eq(config->namespaces.n_items, 0);
}
END_TEST

START_TEST(a_namespace_is_a_section_of_the_file) {
    config_write_file("[namespace.chat]\nslow = latest\n[namespace.a.b]\nslow = drop-oldest\n");
    ck_assert_int_eq(config_try(config_path, NULL, NULL, NULL), CONFIG_OK);
    ck_assert_uint_eq(config->namespaces.n_items, 2);
    ck_assert_str_eq(config->namespaces.items[0].name, "chat");
    ck_assert_int_eq(config->namespaces.items[0].slow, SLOW_LATEST);
    ck_assert_str_eq(config->namespaces.items[1].name, "a.b");
    ck_assert_int_eq(config->namespaces.items[1].slow, SLOW_DROP_OLDEST);
    ck_assert_int_eq(config->namespaces.fallback.slow, SLOW_CLOSE);
}
END_TEST

START_TEST(what_a_namespace_is_not_given_it_inherits_or_has_by_default) {
    config_write_file("[namespace.chat]\nhistory = 100\npresence = yes\n[namespace.tick]\nhistory_local = 5\nslow = close\n"
                      "[outbox]\nslow = latest\n");
    ck_assert_int_eq(config_try(config_path, NULL, NULL, NULL), CONFIG_OK);
    const Namespace *chat = &config->namespaces.items[0], *tick = &config->namespaces.items[1];
    ck_assert_uint_eq(chat->history_limit, 100);
    ck_assert_uint_eq(chat->history_age_ms, 24 * 3600 * 1000);
    ck_assert_uint_eq(chat->local_limit, 0);
    ck_assert(chat->has_presence);
    ck_assert_int_eq(chat->slow, SLOW_LATEST);
    ck_assert_uint_eq(tick->history_limit, 0);
    ck_assert_uint_eq(tick->local_limit, 5);
    ck_assert_uint_eq(tick->local_linger_ms, 60000);
    ck_assert(!tick->has_presence);
    ck_assert_int_eq(tick->slow, SLOW_CLOSE);
    ck_assert(!config->namespaces.fallback.has_presence);
    ck_assert_uint_eq(config->namespaces.fallback.history_limit, 0);
}
END_TEST

START_TEST(a_switch_is_yes_or_no) {
    config_assert_file_problem("[namespace.a]\npresence = on\n", 2,
                               "'on' is not valid for namespace.a.presence: it takes no or yes");
}
END_TEST

START_TEST(a_namespace_of_the_environment_is_lower_cased) {
    char *environment[] = {"BARKER_NAMESPACE_BIG_CHAT_SLOW=latest", NULL};

    ck_assert_int_eq(config_try(NULL, environment, NULL, NULL), CONFIG_OK);
    ck_assert_uint_eq(config->namespaces.n_items, 1);
    ck_assert_str_eq(config->namespaces.items[0].name, "big_chat");
}
END_TEST

START_TEST(one_namespace_may_come_from_every_source_and_a_flag_beats_them_all) {
    char *environment[] = {"BARKER_NAMESPACE_CHAT_SLOW=drop-oldest", NULL};

    config_write_file("[namespace.chat]\nslow = close\n");
    ck_assert_int_eq(config_try(config_path, environment, "--namespace-chat-slow", "latest"), CONFIG_OK);
    ck_assert_uint_eq(config->namespaces.n_items, 1);
    ck_assert_int_eq(config->namespaces.items[0].slow, SLOW_LATEST);
}
END_TEST

START_TEST(a_flag_may_name_a_namespace_with_dashes) {
    ck_assert_int_eq(config_try(NULL, NULL, "--namespace-slow-big_chat-slow", "latest"), CONFIG_OK);
    ck_assert_str_eq(config->namespaces.items[0].name, "slow-big_chat");
}
END_TEST

START_TEST(a_namespace_has_1_to_63_bytes) {
    char text[128], name[65];

    memset(name, 'n', sizeof(name));
    name[63] = '\0';
    snprintf(text, sizeof(text), "[namespace.%s]\nslow = latest\n", name);
    config_write_file(text);
    ck_assert_int_eq(config_try(config_path, NULL, NULL, NULL), CONFIG_OK);
    ck_assert_str_eq(config->namespaces.items[0].name, name);
    config = config_free(config);
    name[63] = 'n';
    name[64] = '\0';
    snprintf(text, sizeof(text), "[namespace.%s]\nslow = latest\n", name);
    config_assert_file_problem(text, 2, "'nnnn");
    config_assert_problem("nnn' is not a namespace's name: it takes 1 to 63 of a-z 0-9 _ - .");
    config_assert_file_problem("[namespace.]\nslow = latest\n", 2, "'' is not a namespace's name");
}
END_TEST

START_TEST(a_bad_namespace_is_refused_with_its_place) {
    char *environment[] = {"BARKER_NAMESPACE_CH\xc3\x84T_SLOW=latest", NULL};

    config_assert_file_problem("\n[namespace.Chat]\nslow = latest\n", 3, "'Chat' is not a namespace's name");
    ck_assert_int_eq(config_try(NULL, environment, "--namespace-a:b-slow", "latest"), CONFIG_BAD);
    config_assert_problem("environment BARKER_NAMESPACE_CH\xc3\x84T_SLOW: 'ch\xc3\x84t' is not a namespace's name");
    config_assert_problem("flag --namespace-a:b-slow: 'a:b' is not a namespace's name");
}
END_TEST

START_TEST(an_unknown_option_of_a_namespace_is_refused_with_the_nearest) {
    config_assert_file_problem("[namespace.chat]\nslwo = latest\n", 2,
                               "there is no option 'namespace.chat.slwo'; did you mean 'namespace.<name>.slow', in the file "
                               "[namespace.<name>] slow = ?");
    config_assert_file_problem("[namespace]\nslow = latest\n", 2, "there is no option 'namespace.slow'");
    config_assert_file_problem("[namespace.chat]\ncolour = 5\n", 2, "there is no option 'namespace.chat.colour'");
}
END_TEST

START_TEST(a_bad_value_of_a_namespace_is_told_with_its_key) {
    config_assert_file_problem("[namespace.chat]\nslow = fast\n", 2,
                               "'fast' is not valid for namespace.chat.slow: it takes close, drop-oldest or latest");
}
END_TEST

START_TEST(an_option_of_a_namespace_twice_is_refused) {
    config_assert_file_problem("[namespace.chat]\nslow = latest\n[namespace.chat]\nslow = latest\n", 4,
                               "'namespace.chat.slow' was given already, in line 2");
}
END_TEST

static void write_namespaces(int n_namespaces) {
    FILE *file = fopen(config_path, "we");

    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < n_namespaces; i++)
        fprintf(file, "[namespace.n%d]\nslow = latest\n", i);
    fclose(file);
}

START_TEST(there_may_be_256_namespaces) {
    write_namespaces(256);
    ck_assert_int_eq(config_try(config_path, NULL, "--namespace-n255-slow", "close"), CONFIG_OK);
    ck_assert_uint_eq(config->namespaces.n_items, 256);
    ck_assert_int_eq(config->namespaces.items[255].slow, SLOW_CLOSE);
    config = config_free(config);
    write_namespaces(257);
    ck_assert_int_eq(config_try(config_path, NULL, NULL, NULL), CONFIG_BAD);
    config_assert_problem("'n256' is one namespace too many: there may be 256");
}
END_TEST

static TCase *case_of_namespaces(void) {
    TCase *tcase = tcase_create("namespaces");

    tcase_add_checked_fixture(tcase, config_set_up, config_tear_down);
    tcase_add_test(tcase, the_policy_of_all_other_channels_is_that_of_the_outbox);
    tcase_add_test(tcase, a_namespace_is_a_section_of_the_file);
    tcase_add_test(tcase, what_a_namespace_is_not_given_it_inherits_or_has_by_default);
    tcase_add_test(tcase, a_switch_is_yes_or_no);
    tcase_add_test(tcase, a_namespace_of_the_environment_is_lower_cased);
    tcase_add_test(tcase, one_namespace_may_come_from_every_source_and_a_flag_beats_them_all);
    tcase_add_test(tcase, a_flag_may_name_a_namespace_with_dashes);
    tcase_add_test(tcase, a_namespace_has_1_to_63_bytes);
    tcase_add_test(tcase, a_bad_namespace_is_refused_with_its_place);
    tcase_add_test(tcase, an_unknown_option_of_a_namespace_is_refused_with_the_nearest);
    tcase_add_test(tcase, a_bad_value_of_a_namespace_is_told_with_its_key);
    tcase_add_test(tcase, an_option_of_a_namespace_twice_is_refused);
    tcase_add_test(tcase, there_may_be_256_namespaces);
    return tcase;
}

int main(void) {
    Suite *suite = suite_create("app/config_namespace");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    suite_add_tcase(suite, case_of_namespaces());
    srunner_run_all(runner, CK_NORMAL);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
