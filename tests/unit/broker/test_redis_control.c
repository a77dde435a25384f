#include <stdio.h>
#include <string.h>

#include "broker/control.h"
#include "broker/redis_shard.h"
#include "journal.h"
#include "loopback.h"
#include "real_redis.h"
#include "redis_fixture.h"
#include "suite.h"

static RealRedis real;
static RealRedis other;
static const HistoryLimits limits = {.n_messages = 100, .age_ms = 60000};
static const char *awaited;

enum { PATIENCE_MS = 8000 };

static const char *url_of(const RealRedis *server) {
    static char texts[2][64];
    static unsigned n;
    char *text = texts[n++ % 2];
    snprintf(text, sizeof texts[0], "redis://127.0.0.1:%u", server->port);
    return text;
}

static void given_a_backend_that_is_up(void) {
    real_redis_start(&real);
    redis_given_one(url_of(&real));
    ck_assert(redis_until(redis_is_up, PATIENCE_MS));
    ck_journal("up");
}

static void finish(void) {
    redis_finish();
    real_redis_finish(&real);
}

static bool is_in_journal(void) {
    return journal_has(awaited);
}

static bool await(const char *text) {
    awaited = text;
    return redis_until(is_in_journal, PATIENCE_MS);
}

START_TEST(a_command_reaches_the_node_under_its_own_name) {
    given_a_backend_that_is_up();
    redis_want(CONTROL_CHANNEL);
    ck_assert(await("subscribed " CONTROL_CHANNEL));
    ck_assert_int_eq(real_redis_integer(&real, "PUBLISH barker/control plain"), 1);
    ck_assert(await("message " CONTROL_CHANNEL " 5 bytes"));
    journal_clear();
    redis_send(CONTROL_CHANNEL, "kept", &limits, "1");
    ck_assert(await("published 1 ok at 1"));
    ck_assert(await("message " CONTROL_CHANNEL));
    ck_assert_int_eq(real_redis_integer(&real, "XLEN barker/control"), 1);
    real_redis_do(&real, "FCALL barker_publish 1 barker/control more");
    const HistoryQuery query = {.limit = 10, .order = HISTORY_FORWARD};
    redis->ops->read(redis, CONTROL_CHANNEL, strlen(CONTROL_CHANNEL), &query, (void *)"h");
    ck_assert(await("read h"));
    ck_assert_uint_eq(redis_last_history->n_messages, 2);
    ck_assert_str_eq(message_channel(redis_last_history->messages[1]), CONTROL_CHANNEL);
    redis->ops->unsubscribe(redis, CONTROL_CHANNEL, strlen(CONTROL_CHANNEL));
    ck_assert_int_eq(real_redis_integer(&real, "EXISTS barker:" CONTROL_CHANNEL), 0);
    finish();
}
END_TEST

START_TEST(where_the_prefix_has_no_colon_no_client_gets_at_control) {
    redis_options.prefix = "barker";
    given_a_backend_that_is_up();
    redis_want("/control");
    ck_assert(await("refused /control"));
    redis_send("/control", "x", NULL, "1");
    ck_assert(await("published 1 refused"));
    redis_send("/control", "x", &limits, "2");
    ck_assert(await("published 2 refused"));
    const HistoryQuery query = {.limit = 10, .order = HISTORY_FORWARD};
    redis->ops->read(redis, "/control", 8, &query, (void *)"h");
    ck_assert(await("read h refused"));
    ck_assert_int_eq(real_redis_integer(&real, "EXISTS barker/control"), 0);
    finish();
    redis_options.prefix = "barker:";
}
END_TEST

START_TEST(of_several_servers_one_has_the_commands) {
    real_redis_start(&real);
    real_redis_start(&other);
    const char *const urls[] = {url_of(&real), url_of(&other)};
    redis_given(urls, 2);
    ck_assert(redis_until(redis_is_up, PATIENCE_MS));
    redis_want(CONTROL_CHANNEL);
    ck_assert(await("subscribed " CONTROL_CHANNEL));
    redis_send(CONTROL_CHANNEL, "x", NULL, "1");
    ck_assert(await("message " CONTROL_CHANNEL " 1 bytes"));
    RealRedis *home = redis_shard_of("barker/control", 14, 2) ? &other : &real;
    ck_assert_int_eq(real_redis_integer(home, "PUBLISH barker/control plain"), 1);
    ck_assert(await("message " CONTROL_CHANNEL " 5 bytes"));
    finish();
    real_redis_finish(&other);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_command_reaches_the_node_under_its_own_name,
        where_the_prefix_has_no_colon_no_client_gets_at_control,
        of_several_servers_one_has_the_commands,
    };
    return run_suite("redis_control", tests, N_ELEMENTS(tests));
}
