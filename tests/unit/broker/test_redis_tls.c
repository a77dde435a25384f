#include "broker/redis_tls.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "loopback.h"
#include "real_redis.h"
#include "suite.h"
#include "topology_fixture.h"

/* A real Redis with TLS, and a certificate of its own making for 127.0.0.1. */
static RealRedis redis;
static char tls_port[16];
static char certificate[96];
static char key[96];

enum { UP_MS = 8000, BIG_BYTES = 3 << 20 };

static void given_a_certificate(void) {
    char command[512];
    strcpy(redis.folder, "/tmp/barker-redis-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(redis.folder));
    snprintf(certificate, sizeof certificate, "%s/cert.pem", redis.folder);
    snprintf(key, sizeof key, "%s/key.pem", redis.folder);
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=redis "
             "-addext subjectAltName=IP:127.0.0.1 -keyout %s -out %s 2>/dev/null",
             key, certificate);
    ck_assert_int_eq(system(command), 0);
}

static void given_redis_with_tls(const char *clients) {
    unsigned port = 0;
    given_a_certificate();
    close(loopback_listen(&port));
    snprintf(tls_port, sizeof tls_port, "%u", port);
    const char *const arguments[] = {"--tls-port",         tls_port, "--tls-cert-file",    certificate,
                                     "--tls-key-file",     key,      "--tls-ca-cert-file", certificate,
                                     "--tls-auth-clients", clients};
    memcpy(redis.arguments, arguments, sizeof arguments);
    real_redis_start(&redis);
}

static void connect_as(const char *host, const char *parameters) {
    char url[512];
    snprintf(url, sizeof url, "rediss://%s:%s%s", host, tls_port, parameters);
    topology_given(redis_fixed_new, url);
}

static void finish(void) {
    topology_finish();
    real_redis_finish(&redis);
}

START_TEST(what_the_given_authority_vouches_for_is_connected_to_and_carries_messages) {
    given_redis_with_tls("no");
    char parameters[128];
    snprintf(parameters, sizeof parameters, "?ca=%s", certificate);
    connect_as("127.0.0.1", parameters);
    ck_assert_msg(topology_until(topology_is_up, UP_MS), "%s", topology_trouble);
    ck_assert(topology_carries("barker:a", false));
    finish();
}
END_TEST

static bool has_received_all(void) {
    return real_redis_integer(&redis, "STRLEN big") == BIG_BYTES;
}

START_TEST(more_than_one_record_and_one_socket_buffer_passes_whole) {
    given_redis_with_tls("no");
    connect_as("127.0.0.1", "?verify=no");
    ck_assert_msg(topology_until(topology_is_up, UP_MS), "%s", topology_trouble);
    static char big[BIG_BYTES];
    memset(big, 'x', sizeof big);
    const RedisWord words[] = {
        {.bytes = "SET", .n_bytes = 3}, {.bytes = "big", .n_bytes = 3}, {.bytes = big, .n_bytes = sizeof big}};
    const RedisCommand command = {.words = words, .n_words = 3};
    ck_assert_int_eq(redis_server_call(topology_route("x"), &command), BROKER_OK);
    ck_assert(topology_until(has_received_all, UP_MS));
    finish();
}
END_TEST

START_TEST(without_its_authority_it_is_not_trusted) {
    given_redis_with_tls("no");
    connect_as("127.0.0.1", "");
    ck_assert(topology_until(topology_is_troubled, UP_MS));
    ck_assert_msg(strstr(topology_trouble, "the certificate of Redis: self"), "%s", topology_trouble);
    ck_assert(!topology_is_up());
    finish();
}
END_TEST

START_TEST(a_certificate_of_another_name_is_not_taken) {
    given_redis_with_tls("no");
    char parameters[128];
    snprintf(parameters, sizeof parameters, "?ca=%s", certificate);
    connect_as("localhost", parameters);
    ck_assert(topology_until(topology_is_troubled, UP_MS));
    ck_assert_msg(strstr(topology_trouble, "ostname mismatch"), "%s", topology_trouble);
    finish();
}
END_TEST

START_TEST(a_redis_that_asks_for_a_certificate_gets_ours) {
    given_redis_with_tls("yes");
    char parameters[320];
    snprintf(parameters, sizeof parameters, "?ca=%s&cert=%s&key=%s", certificate, certificate, key);
    connect_as("127.0.0.1", parameters);
    ck_assert_msg(topology_until(topology_is_up, UP_MS), "%s", topology_trouble);
    topology_finish();
    snprintf(parameters, sizeof parameters, "?ca=%s", certificate);
    connect_as("127.0.0.1", parameters);
    ck_assert(topology_until(topology_is_troubled, UP_MS));
    ck_assert_msg(strstr(topology_trouble, "TLS: "), "%s", topology_trouble);
    finish();
}
END_TEST

START_TEST(a_port_without_tls_is_given_up) {
    given_redis_with_tls("no");
    snprintf(tls_port, sizeof tls_port, "%u", redis.port);
    connect_as("127.0.0.1", "?verify=no");
    ck_assert(topology_until(topology_is_troubled, UP_MS));
    finish();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        what_the_given_authority_vouches_for_is_connected_to_and_carries_messages,
        more_than_one_record_and_one_socket_buffer_passes_whole,
        without_its_authority_it_is_not_trusted,
        a_certificate_of_another_name_is_not_taken,
        a_redis_that_asks_for_a_certificate_gets_ours,
        a_port_without_tls_is_given_up,
    };
    return run_suite("redis_tls", tests, N_ELEMENTS(tests));
}
