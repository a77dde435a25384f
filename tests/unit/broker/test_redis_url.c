#include "broker/redis_url.h"

#include <errno.h>
#include <string.h>

#include "suite.h"

static RedisUrl url;
static char error[256];

static void parse(const char *text) {
    ck_assert_msg(redis_url_parse(&url, text, error, sizeof error) == 0, "%s: %s", text, error);
}

static void refuse(const char *text, const char *complaint) {
    error[0] = '\0';
    ck_assert_msg(redis_url_parse(&url, text, error, sizeof error) == -EINVAL, "%s was taken", text);
    ck_assert_msg(strstr(error, complaint) != NULL, "%s: %s", text, error);
}

START_TEST(a_host_alone_gets_the_default_port_and_database) {
    parse("redis://redis.internal");
    ck_assert_str_eq(url.host, "redis.internal");
    ck_assert_uint_eq(url.port, 6379);
    ck_assert_uint_eq(url.database, 0);
    ck_assert_ptr_null(url.path);
    ck_assert_ptr_null(url.user);
    ck_assert_ptr_null(url.password);
    redis_url_finish(&url);
}
END_TEST

START_TEST(user_password_host_port_and_database_are_taken_apart) {
    parse("redis://joe:secret@127.0.0.1:7000/3");
    ck_assert_str_eq(url.user, "joe");
    ck_assert_str_eq(url.password, "secret");
    ck_assert_str_eq(url.host, "127.0.0.1");
    ck_assert_uint_eq(url.port, 7000);
    ck_assert_uint_eq(url.database, 3);
    redis_url_finish(&url);
}
END_TEST

START_TEST(a_password_needs_no_user_and_a_user_no_password) {
    parse("redis://:secret@host/");
    ck_assert_ptr_null(url.user);
    ck_assert_str_eq(url.password, "secret");
    redis_url_finish(&url);
    parse("redis://joe@host");
    ck_assert_str_eq(url.user, "joe");
    ck_assert_ptr_null(url.password);
    redis_url_finish(&url);
}
END_TEST

START_TEST(user_and_password_are_percent_decoded_and_the_last_at_sign_ends_them) {
    parse("redis://j%6fe:p%40ss%2Fw%3aord@x@host:1");
    ck_assert_str_eq(url.user, "joe");
    ck_assert_str_eq(url.password, "p@ss/w:ord@x");
    ck_assert_str_eq(url.host, "host");
    redis_url_finish(&url);
}
END_TEST

START_TEST(an_ipv6_address_stands_in_brackets) {
    parse("redis://:pw@[::1]:6380/1");
    ck_assert_str_eq(url.host, "::1");
    ck_assert_uint_eq(url.port, 6380);
    ck_assert_uint_eq(url.database, 1);
    redis_url_finish(&url);
    refuse("redis://[::1", "brackets");
}
END_TEST

START_TEST(a_unix_socket_may_have_credentials_and_a_database) {
    parse("unix:/run/redis/redis.sock");
    ck_assert_ptr_null(url.host);
    ck_assert_str_eq(url.path, "/run/redis/redis.sock");
    redis_url_finish(&url);
    parse("redis+unix://joe:pw@/run/redis.sock?db=4");
    ck_assert_str_eq(url.user, "joe");
    ck_assert_str_eq(url.password, "pw");
    ck_assert_str_eq(url.path, "/run/redis.sock");
    ck_assert_uint_eq(url.database, 4);
    redis_url_finish(&url);
    parse("unix:///run/redis.sock");
    ck_assert_str_eq(url.path, "/run/redis.sock");
    redis_url_finish(&url);
}
END_TEST

START_TEST(what_is_wrong_is_refused_with_what_would_be_right) {
    refuse("", "redis://");
    refuse("127.0.0.1:6379", "redis://");
    refuse("http://host", "redis://");
    refuse("rediss://host", "TLS");
    refuse("redis://", "host");
    refuse("redis://:pw@", "host");
    refuse("redis://host:", "port");
    refuse("redis://host:0", "port");
    refuse("redis://host:65536", "port");
    refuse("redis://host:6379x", "port");
    refuse("redis://host/one", "database");
    refuse("redis://host/100000", "database");
    refuse("redis://:%zz@host", "hexadecimal");
    refuse("redis://:%4@host", "hexadecimal");
    refuse("redis://:%00@host", "hexadecimal");
    refuse("unix:redis.sock", "'/'");
    refuse("unix:/", "'/'");
    refuse("unix:/sock?database=1", "?db=");
    char text[256] = "unix:/";
    memset(text + 6, 'x', 107);
    refuse(text, "107");
    text[6 + 106] = '\0';
    parse(text);
    redis_url_finish(&url);
}
END_TEST

START_TEST(the_complaint_does_not_tell_the_password) {
    refuse("redis://joe:secret@host:99999", "port");
    ck_assert_ptr_null(strstr(error, "secret"));
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_host_alone_gets_the_default_port_and_database,
        user_password_host_port_and_database_are_taken_apart,
        a_password_needs_no_user_and_a_user_no_password,
        user_and_password_are_percent_decoded_and_the_last_at_sign_ends_them,
        an_ipv6_address_stands_in_brackets,
        a_unix_socket_may_have_credentials_and_a_database,
        what_is_wrong_is_refused_with_what_would_be_right,
        the_complaint_does_not_tell_the_password,
    };
    return run_suite("redis_url", tests, N_ELEMENTS(tests));
}
