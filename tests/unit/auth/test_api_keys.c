#include "auth/api_keys.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/suite.h"

static ApiKeys *keys;
static Buf problems;

static void begin(void) {
    buf_init(&problems, 4096);
    ck_assert_int_eq(api_keys_new(&keys), 0);
}

static void end(void) {
    keys = api_keys_free(keys);
    buf_finish(&problems);
}

static unsigned check(const char *secret) {
    return api_keys_check(keys, secret, strlen(secret));
}

static void expect_bad(const char *text, const char *why) {
    buf_clear(&problems);
    ck_assert_msg(api_keys_add(keys, text, "api.keys", &problems) == API_KEYS_BAD, "%s", text);
    ck_assert_int_eq(buf_append(&problems, "", 1), BUF_OK);
    ck_assert_msg(strstr((const char *)problems.bytes, why) != NULL, "%s", (const char *)problems.bytes);
    ck_assert_ptr_null(strstr((const char *)problems.bytes, "hunter"));
}

START_TEST(a_secret_opens_its_scopes_and_no_others) {
    begin();
    ck_assert_int_eq(api_keys_add(keys, "publish:0123456789abcdef", "api.keys", &problems), API_KEYS_OK);
    ck_assert_int_eq(api_keys_add(keys, "read,metrics:fedcba9876543210", "api.keys", &problems), API_KEYS_OK);
    ck_assert_int_eq(api_keys_add(keys, "all:a:secret:with:colons", "api.keys", &problems), API_KEYS_OK);
    ck_assert_uint_eq(api_keys_count(keys), 3);
    ck_assert_uint_eq(check("0123456789abcdef"), API_PUBLISH);
    ck_assert_uint_eq(check("fedcba9876543210"), API_READ | API_METRICS);
    ck_assert_uint_eq(check("a:secret:with:colons"), API_ALL);
    end();
}
END_TEST

START_TEST(what_is_no_secret_opens_nothing) {
    begin();
    ck_assert_uint_eq(check("0123456789abcdef"), 0);
    ck_assert_int_eq(api_keys_add_secret(keys, API_ALL, "0123456789abcdef", "admin.token", &problems), API_KEYS_OK);
    ck_assert_uint_eq(check("0123456789abcdef"), API_ALL);
    ck_assert_uint_eq(check(""), 0);
    ck_assert_uint_eq(check("0123456789abcde"), 0);
    ck_assert_uint_eq(check("0123456789abcdef0"), 0);
    ck_assert_uint_eq(check("0123456789abcdeF"), 0);
    end();
}
END_TEST

START_TEST(a_bad_key_is_named_without_its_secret) {
    begin();
    expect_bad("hunter2hunter2hunter2", "SCOPES:SECRET");
    expect_bad("publish,:hunter2hunter2hunter2", "SCOPES:SECRET");
    expect_bad("everything:hunter2hunter2hunter2", "SCOPES:SECRET");
    expect_bad(":hunter2hunter2hunter2", "SCOPES:SECRET");
    expect_bad("publish:hunter2", "at least 16");
    expect_bad("publish:hunter2 hunter2 hunter2", "without spaces");
    char longest[API_SECRET_MAX + 16] = "read:";
    memset(longest + 5, 'x', API_SECRET_MAX + 1);
    expect_bad(longest, "at most 1024");
    ck_assert_uint_eq(api_keys_count(keys), 0);
    end();
}
END_TEST

START_TEST(one_secret_is_one_key) {
    begin();
    ck_assert_int_eq(api_keys_add(keys, "read:hunter2hunter2hunter2", "api.keys", &problems), API_KEYS_OK);
    expect_bad("all:hunter2hunter2hunter2", "twice");
    ck_assert_uint_eq(check("hunter2hunter2hunter2"), API_READ);
    end();
}
END_TEST

START_TEST(there_are_at_most_64) {
    char text[64];
    begin();
    for (unsigned i = 0; i < API_KEYS_MAX; i++) {
        snprintf(text, sizeof(text), "read:hunter2hunter2-%u", i);
        ck_assert_int_eq(api_keys_add(keys, text, "api.keys", &problems), API_KEYS_OK);
    }
    expect_bad("read:hunter2hunter2-more", "more than 64");
    end();
}
END_TEST

START_TEST(a_file_has_one_a_line) {
    static const char content[] = "# of the shop\npublish:0123456789abcdef\r\n\nread:short\nmetrics:fedcba9876543210";
    char path[] = "/tmp/barker-api-keys-XXXXXX";
    char expected[128];
    begin();
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, content, sizeof(content) - 1), (ssize_t)sizeof(content) - 1);
    close(fd);
    ck_assert_int_eq(api_keys_add_file(keys, path, &problems), API_KEYS_BAD);
    unlink(path);
    snprintf(expected, sizeof(expected), "%s:4: a secret has at least 16 characters\n", path);
    ck_assert_uint_eq(problems.n_bytes, strlen(expected));
    ck_assert_int_eq(memcmp(problems.bytes, expected, problems.n_bytes), 0);
    ck_assert_uint_eq(check("0123456789abcdef"), API_PUBLISH);
    ck_assert_uint_eq(check("fedcba9876543210"), API_METRICS);
    ck_assert_int_eq(api_keys_add_file(keys, "/nonexistent/keys", &problems), API_KEYS_BAD);
    end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_secret_opens_its_scopes_and_no_others,
        what_is_no_secret_opens_nothing,
        a_bad_key_is_named_without_its_secret,
        one_secret_is_one_key,
        there_are_at_most_64,
        a_file_has_one_a_line,
    };
    return run_suite("api_keys", tests, N_ELEMENTS(tests));
}
