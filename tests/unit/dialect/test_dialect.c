#include "dialect/dialect.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/channel.h"

static Buf channels;
static const DialectOps *found;
static const char *reason;

static void setup(void) {
    buf_init(&channels, DIALECT_CHANNELS_BYTES);
    found = NULL;
    reason = NULL;
}

static void teardown(void) {
    buf_finish(&channels);
}

/* The query is written with ampersands here, each of which stands for a NUL. */
static int find(const char *path, const char *query) {
    static char parameters[2048];
    found = NULL;
    size_t n = strlen(query);
    for (size_t i = 0; i <= n; i++)
        parameters[i] = query[i] == '&' ? '\0' : query[i];
    DialectRequest request = {path, strlen(path), parameters, n};
    return dialect_find(&found, &request, &channels, &reason);
}

/* The names found, each followed by a bar. */
static const char *names(void) {
    static char text[DIALECT_CHANNELS_BYTES + 1];
    memcpy(text, channels.bytes ? (const char *)channels.bytes : "", channels.n_bytes);
    for (size_t i = 0; i < channels.n_bytes; i++)
        if (text[i] == '\0')
            text[i] = '|';
    text[channels.n_bytes] = '\0';
    return text;
}

static void expect(const char *path, const char *query, const DialectOps *dialect, const char *expected) {
    ck_assert_int_eq(find(path, query), DIALECT_OK);
    ck_assert_ptr_eq(found, dialect);
    ck_assert_str_eq(names(), expected);
}

static void expect_bad(const char *path, const char *query, const char *part_of_reason) {
    ck_assert_int_eq(find(path, query), DIALECT_BAD_REQUEST);
    ck_assert_ptr_nonnull(strstr(reason, part_of_reason));
    ck_assert_ptr_null(found);
}

START_TEST(raw_takes_its_channel_from_the_path) {
    expect("/raw/chat:1", "", &dialect_raw, "chat:1|");
}
END_TEST

START_TEST(everything_behind_raw_is_one_name) {
    expect("/raw/a/b//c/", "", &dialect_raw, "a/b//c/|");
}
END_TEST

START_TEST(raw_takes_channels_from_the_query) {
    expect("/raw", "channel=a&channel=b", &dialect_raw, "a|b|");
    expect("/raw/", "channel=a", &dialect_raw, "a|");
}
END_TEST

START_TEST(raw_joins_path_and_query) {
    expect("/raw/a", "channel=b&channel=c", &dialect_raw, "a|b|c|");
}
END_TEST

START_TEST(the_same_channel_counts_once) {
    expect("/raw/a", "channel=a&channel=b&channel=a&channel=b", &dialect_raw, "a|b|");
}
END_TEST

START_TEST(other_parameters_are_ignored) {
    expect("/raw/a", "t=123&&channels=x&CHANNEL=y&channel=b&channel", &dialect_raw, "a|b|");
}
END_TEST

START_TEST(names_are_taken_as_they_are) {
    expect("/raw/%61+b", "channel=c=d", &dialect_raw, "%61+b|c=d|");
}
END_TEST

START_TEST(bad_names_are_refused) {
    expect_bad("/raw/\n", "", "channel name");
    expect_bad("/raw/\xff", "", "channel name");
    expect_bad("/raw/\xed\xa0\x80", "", "channel name");
    expect_bad("/raw/a", "channel=", "channel name");
    expect_bad("/ws", "channel=\x7f", "channel name");
}
END_TEST

START_TEST(a_name_may_have_255_bytes_and_no_more) {
    char path[5 + 256 + 1] = "/raw/";
    memset(path + 5, 'x', 255);
    ck_assert_int_eq(find(path, ""), DIALECT_OK);
    ck_assert_uint_eq(channels.n_bytes, 256);
    path[5 + 255] = 'x';
    ck_assert_int_eq(find(path, ""), DIALECT_BAD_REQUEST);
}
END_TEST

START_TEST(a_nul_in_the_path_is_refused) {
    DialectRequest request = {"/raw/a\0b", 8, "", 0};
    ck_assert_int_eq(dialect_find(&found, &request, &channels, &reason), DIALECT_BAD_REQUEST);
}
END_TEST

START_TEST(raw_without_a_channel_is_refused) {
    expect_bad("/raw", "", "name a channel");
    expect_bad("/raw/", "t=1", "name a channel");
}
END_TEST

START_TEST(barker_v1_lives_at_ws) {
    expect("/ws", "", &dialect_barker_v1, "");
}
END_TEST

START_TEST(barker_v1_takes_channels_from_the_query) {
    expect("/ws", "channel=chat:1&x=y&channel=b", &dialect_barker_v1, "chat:1|b|");
}
END_TEST

START_TEST(other_paths_are_not_found) {
    static const char *const paths[] = {"", "/", "/rawx", "/RAW/a", "/ws/", "/ws/a", "/wsx", "raw/a", "//raw/a"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        ck_assert_int_eq(find(paths[i], "channel=a"), DIALECT_NOT_FOUND);
        ck_assert_ptr_nonnull(reason);
    }
}
END_TEST

static void write_query(char *query, int n) {
    for (int i = 0; i < n; i++)
        query += sprintf(query, "channel=%d&", i);
}

START_TEST(channels_are_at_most_64) {
    char query[65 * 16];
    write_query(query, DIALECT_CHANNELS_MAX);
    ck_assert_int_eq(find("/ws", query), DIALECT_OK);
    write_query(query, DIALECT_CHANNELS_MAX + 1);
    expect_bad("/ws", query, "too many");
}
END_TEST

START_TEST(the_callers_limit_in_bytes_holds) {
    buf_finish(&channels);
    buf_init(&channels, 4);
    ck_assert_int_eq(find("/raw/abc", ""), DIALECT_OK);
    ck_assert_int_eq(find("/raw/abc", "channel=d"), DIALECT_BAD_REQUEST);
    ck_assert_ptr_nonnull(strstr(reason, "too many"));
}
END_TEST

START_TEST(random_requests_never_give_a_bad_name) {
    static const char bytes[] = "/raw/ws?channel=&%+\x01\xff\x80"
                                "09afAFg";
    srand(7);
    for (int round = 0; round < 100000; round++) {
        char path[32] = "/raw/", query[64] = "channel=";
        size_t n_path = 5 + (size_t)rand() % 20, n_query = 8 + (size_t)rand() % 40;
        for (size_t i = 5; i < n_path; i++)
            path[i] = bytes[(size_t)rand() % sizeof(bytes)];
        for (size_t i = 8; i < n_query; i++)
            query[i] = bytes[(size_t)rand() % sizeof(bytes)];
        DialectRequest request = {path, n_path, query, n_query};
        if (dialect_find(&found, &request, &channels, &reason) != DIALECT_OK)
            continue;
        const char *name = (const char *)channels.bytes, *end = name + channels.n_bytes;
        for (; name < end; name += strlen(name) + 1)
            ck_assert(channel_name_is_valid(name, strlen(name)));
        ck_assert_ptr_eq(name, end);
    }
}
END_TEST

START_TEST(each_dialect_has_its_own_place_for_frames) {
    ck_assert_uint_ne(dialect_raw.encoder.index, dialect_barker_v1.encoder.index);
    ck_assert_uint_lt(dialect_raw.encoder.index, FRAME_ENCODERS_MAX);
    ck_assert_uint_lt(dialect_barker_v1.encoder.index, FRAME_ENCODERS_MAX);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("dialect");
    TCase *tests = tcase_create("find");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, raw_takes_its_channel_from_the_path);
    tcase_add_test(tests, everything_behind_raw_is_one_name);
    tcase_add_test(tests, raw_takes_channels_from_the_query);
    tcase_add_test(tests, raw_joins_path_and_query);
    tcase_add_test(tests, the_same_channel_counts_once);
    tcase_add_test(tests, other_parameters_are_ignored);
    tcase_add_test(tests, names_are_taken_as_they_are);
    tcase_add_test(tests, a_nul_in_the_path_is_refused);
    tcase_add_test(tests, bad_names_are_refused);
    tcase_add_test(tests, a_name_may_have_255_bytes_and_no_more);
    tcase_add_test(tests, raw_without_a_channel_is_refused);
    tcase_add_test(tests, barker_v1_lives_at_ws);
    tcase_add_test(tests, barker_v1_takes_channels_from_the_query);
    tcase_add_test(tests, other_paths_are_not_found);
    tcase_add_test(tests, channels_are_at_most_64);
    tcase_add_test(tests, the_callers_limit_in_bytes_holds);
    tcase_add_test(tests, random_requests_never_give_a_bad_name);
    tcase_add_test(tests, each_dialect_has_its_own_place_for_frames);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
