#include <stdio.h>
#include <string.h>

#include "../base/suite.h"
#include "dialect/dialect.h"
#include "dialect/json_text.h"

static DialectIdentity identity;
static const char *reason;

/* Each ampersand stands for a NUL. */
static int find(const char *query) {
    static char parameters[4096];
    size_t n = strlen(query);
    for (size_t i = 0; i <= n; i++)
        parameters[i] = query[i] == '&' ? '\0' : query[i];
    DialectRequest request = {.path = "/ws", .n_path = 3, .parameters = parameters, .n_parameters = n};
    return dialect_identity(&identity, &request, &reason);
}

static void expect(const char *query, const char *user, const char *member) {
    ck_assert_int_eq(find(query), DIALECT_OK);
    ck_assert_uint_eq(identity.n_user, strlen(user));
    ck_assert_mem_eq(identity.user, user, identity.n_user);
    ck_assert_uint_eq(identity.n_member, strlen(member));
    ck_assert_mem_eq(identity.member, member, identity.n_member);
}

static void expect_bad(const char *query, const char *part) {
    ck_assert_int_eq(find(query), DIALECT_BAD_REQUEST);
    ck_assert_msg(strstr(reason, part) != NULL, "%s: %s", query, reason);
}

START_TEST(who_names_no_user_is_nobody) {
    ck_assert_int_eq(find(""), DIALECT_OK);
    ck_assert_ptr_null(identity.user);
    ck_assert_int_eq(find("channel=a&users=b&userx&user"), DIALECT_OK);
    ck_assert_ptr_null(identity.user);
}
END_TEST

START_TEST(a_user_and_its_info_make_a_member) {
    expect("channel=a&user=ada&x=y", "ada", "{\"user\":\"ada\"}");
    expect("info={\"a\": 1}&user=e\"v\\e", "e\"v\\e", "{\"user\":\"e\\\"v\\\\e\",\"info\":{\"a\": 1}}");
    expect("user=a=b&info=null", "a=b", "{\"user\":\"a=b\",\"info\":null}");
}
END_TEST

START_TEST(a_user_has_1_to_255_good_bytes) {
    char query[300] = "user=";
    memset(query + 5, '"', 255);
    ck_assert_int_eq(find(query), DIALECT_OK);
    ck_assert(json_text_is_valid(identity.member, identity.n_member));
    query[5 + 255] = 'x';
    expect_bad(query, "1 to 255 bytes");
    expect_bad("user=", "1 to 255 bytes");
    expect_bad("user=a\nb", "control");
    expect_bad("user=\xff", "UTF-8");
}
END_TEST

START_TEST(info_is_json_of_at_most_1024_bytes) {
    char query[1200] = "user=a&info=\"";
    size_t n = strlen(query);
    memset(query + n, 'x', 1022);
    query[n + 1022] = '"';
    ck_assert_int_eq(find(query), DIALECT_OK);
    ck_assert(json_text_is_valid(identity.member, identity.n_member));
    query[n + 1022] = 'x';
    query[n + 1023] = '"';
    expect_bad(query, "1024");
    expect_bad("user=a&info=", "JSON");
    expect_bad("user=a&info={a}", "JSON");
    expect_bad("user=a&info=\"\xff\"", "JSON");
    expect_bad("info=1", "needs a user");
}
END_TEST

START_TEST(info_may_not_make_a_member_that_nests_too_deep) {
    char query[1200] = "user=a&info=";
    size_t n = strlen(query);
    memset(query + n, '[', 512);
    memset(query + n + 512, ']', 512);
    expect_bad(query, "deep");
}
END_TEST

START_TEST(each_may_be_named_once) {
    expect_bad("user=a&user=a", "once");
    expect_bad("user=a&info=1&info=1", "once");
    expect_bad("user=a&user=b&user=c", "once");
}
END_TEST

START_TEST(the_longest_of_all_fits) {
    static char query[2000] = "user=";
    memset(query + 5, '\\', 255);
    strcat(query, "&info=\"");
    size_t n = strlen(query);
    memset(query + n, 'x', 1022);
    query[n + 1022] = '"';
    ck_assert_int_eq(find(query), DIALECT_OK);
    ck_assert_uint_le(identity.n_member, DIALECT_MEMBER_MAX);
    ck_assert_uint_le(identity.n_member, PRESENCE_MEMBER_MAX);
    ck_assert(json_text_is_valid(identity.member, identity.n_member));
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        who_names_no_user_is_nobody,
        a_user_and_its_info_make_a_member,
        a_user_has_1_to_255_good_bytes,
        info_is_json_of_at_most_1024_bytes,
        info_may_not_make_a_member_that_nests_too_deep,
        each_may_be_named_once,
        the_longest_of_all_fits,
    };
    return run_suite("dialect_identity", tests, N_ELEMENTS(tests));
}
