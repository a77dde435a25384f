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
    ck_assert_str_eq(url.endpoints[0].host, "redis.internal");
    ck_assert_uint_eq(url.endpoints[0].port, 6379);
    ck_assert_uint_eq(url.database, 0);
    ck_assert_int_eq(url.scheme, REDIS_STANDALONE);
    ck_assert_uint_eq(url.n_endpoints, 1);
    ck_assert(!url.is_tls);
    ck_assert_str_eq(url.endpoints[0].path, "");
    ck_assert_ptr_null(url.user);
    ck_assert_ptr_null(url.password);
    redis_url_finish(&url);
}
END_TEST

START_TEST(user_password_host_port_and_database_are_taken_apart) {
    parse("redis://joe:secret@127.0.0.1:7000/3");
    ck_assert_str_eq(url.user, "joe");
    ck_assert_str_eq(url.password, "secret");
    ck_assert_str_eq(url.endpoints[0].host, "127.0.0.1");
    ck_assert_uint_eq(url.endpoints[0].port, 7000);
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
    ck_assert_str_eq(url.endpoints[0].host, "host");
    redis_url_finish(&url);
}
END_TEST

START_TEST(an_ipv6_address_stands_in_brackets) {
    parse("redis://:pw@[::1]:6380/1");
    ck_assert_str_eq(url.endpoints[0].host, "::1");
    ck_assert_uint_eq(url.endpoints[0].port, 6380);
    ck_assert_uint_eq(url.database, 1);
    redis_url_finish(&url);
    refuse("redis://[::1", "brackets");
}
END_TEST

START_TEST(a_unix_socket_may_have_credentials_and_a_database) {
    parse("unix:/run/redis/redis.sock");
    ck_assert_str_eq(url.endpoints[0].host, "");
    ck_assert_str_eq(url.endpoints[0].path, "/run/redis/redis.sock");
    redis_url_finish(&url);
    parse("redis+unix://joe:pw@/run/redis.sock?db=4");
    ck_assert_str_eq(url.user, "joe");
    ck_assert_str_eq(url.password, "pw");
    ck_assert_str_eq(url.endpoints[0].path, "/run/redis.sock");
    ck_assert_uint_eq(url.database, 4);
    redis_url_finish(&url);
    parse("unix:///run/redis.sock");
    ck_assert_str_eq(url.endpoints[0].path, "/run/redis.sock");
    redis_url_finish(&url);
}
END_TEST

static void ck_endpoint(unsigned i, const char *host, unsigned port) {
    const RedisEndpoint expected = {.port = port};
    RedisEndpoint endpoint = url.endpoints[i];
    ck_assert_str_eq(endpoint.host, host);
    memset(endpoint.host, 0, sizeof endpoint.host);
    ck_assert(redis_endpoint_equal(&endpoint, &expected));
}

START_TEST(sentinels_are_hosts_and_the_name_of_a_master) {
    parse("redis-sentinel://joe:pw@one,[::2]:7000,three:1/my-master/2?sentinel_user=s%26&sentinel_password=t");
    ck_assert_int_eq(url.scheme, REDIS_SENTINEL);
    ck_assert_uint_eq(url.n_endpoints, 3);
    ck_endpoint(0, "one", 26379);
    ck_endpoint(1, "::2", 7000);
    ck_endpoint(2, "three", 1);
    ck_assert_str_eq(url.master_name, "my-master");
    ck_assert_uint_eq(url.database, 2);
    ck_assert_str_eq(url.user, "joe");
    ck_assert_str_eq(url.password, "pw");
    ck_assert_str_eq(url.sentinel_user, "s&");
    ck_assert_str_eq(url.sentinel_password, "t");
    redis_url_finish(&url);
    parse("redis-sentinel://one/m/");
    ck_assert_uint_eq(url.n_endpoints, 1);
    ck_assert_ptr_null(url.sentinel_password);
    redis_url_finish(&url);
    refuse("redis-sentinel://one,two", "master's name");
    refuse("redis-sentinel://one,two/", "master's name");
    refuse("redis-sentinel://one,/m", "host");
    refuse("redis-sentinel://one/m/x", "database");
    refuse("redis-sentinel://one/m?ca=x", "sentinel_user and");
    refuse("redis-sentinel://one/m?sentinel_password=", "sentinel_password");
    refuse("redis-sentinel://one/m?sentinel_user=a&", "sentinel_user");
    refuse("redis-sentinel://1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17/m", "16 hosts");
}
END_TEST

START_TEST(a_cluster_is_hosts_without_a_database) {
    parse("redis-cluster://:pw@one:7000,two:7001");
    ck_assert_int_eq(url.scheme, REDIS_CLUSTER);
    ck_assert_uint_eq(url.n_endpoints, 2);
    ck_endpoint(0, "one", 7000);
    ck_endpoint(1, "two", 7001);
    redis_url_finish(&url);
    parse("redis-cluster://one/");
    ck_endpoint(0, "one", 6379);
    redis_url_finish(&url);
    refuse("redis-cluster://one/1", "no databases");
    refuse("redis-cluster://", "host");
}
END_TEST

START_TEST(tls_is_asked_for_by_the_scheme_and_told_by_parameters) {
    parse("rediss://host/1");
    ck_assert(url.is_tls && !url.is_unverified);
    ck_assert_ptr_nonnull(url.tls);
    ck_assert_uint_eq(url.database, 1);
    redis_url_finish(&url);
    parse("rediss-sentinel://one/m?verify=no&sentinel_user=s");
    ck_assert(url.is_tls && url.is_unverified);
    ck_assert_int_eq(url.scheme, REDIS_SENTINEL);
    redis_url_finish(&url);
    parse("rediss-cluster://one,two?verify=yes");
    ck_assert(url.is_tls && !url.is_unverified);
    ck_assert_int_eq(url.scheme, REDIS_CLUSTER);
    redis_url_finish(&url);
    refuse("rediss://host?ca=/nowhere/ca%20file.pem",
           "cannot take the certificates in /nowhere/ca file.pem: No such file or directory");
    refuse("rediss://host?cert=/nowhere/cert.pem",
           "cannot take the certificate in /nowhere/cert.pem: No such file or directory");
    refuse("rediss://host?key=/nowhere/key.pem", "cannot take the key in /nowhere/key.pem: No such file or directory");
    refuse("rediss://host?verify=maybe", "verify=yes or no");
    refuse("rediss://host?insecure", "ca=FILE");
    refuse("rediss://host?", "ca=FILE");
}
END_TEST

START_TEST(what_is_wrong_is_refused_with_what_would_be_right) {
    refuse("", "redis://");
    refuse("127.0.0.1:6379", "redis://");
    refuse("http://host", "redis://");
    refuse("redis://one,two", "several URLs");
    refuse("redis://host?verify=no", "nothing may stand behind");
    refuse("redis://#", "host");
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
    refuse("redis-sentinel://h/m?sentinel_pasword=secret", "sentinel_password");
    ck_assert_ptr_null(strstr(error, "=secret"));
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
        sentinels_are_hosts_and_the_name_of_a_master,
        a_cluster_is_hosts_without_a_database,
        tls_is_asked_for_by_the_scheme_and_told_by_parameters,
        what_is_wrong_is_refused_with_what_would_be_right,
        the_complaint_does_not_tell_the_password,
    };
    return run_suite("redis_url", tests, N_ELEMENTS(tests));
}
