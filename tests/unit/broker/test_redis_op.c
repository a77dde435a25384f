#include "broker/redis_op.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "journal.h"
#include "loopback.h"
#include "real_redis.h"
#include "suite.h"

/* Two real servers behind a topology of the test's own: a command runs where its slot is, says the test, and is answered MOVED or
   ASK elsewhere. */
static RealRedis real[2];
static RedisServer *servers[2];
static RedisTopology topology;
static unsigned route_to;
static unsigned n_moved;
static unsigned n_answered;
static RedisOps ops;
static Turn turn;
static RedisUrl urls[2];
static RedisCounters counters;
static RedisOptions options;

enum { PATIENCE_MS = 8000, MANY = 200 };

static const char script[] = "local there = redis.call('GET', 'there') if there then return redis.error_reply(there) end "
                             "return redis.call('RPUSH', 'log', ARGV[1])";

static RedisServer *on_route(RedisTopology *which, const char *name, size_t n_name) {
    return servers[route_to];
}

static RedisServer *on_server_at(RedisTopology *which, const RedisEndpoint *endpoint) {
    for (int i = 0; i < 2; i++) {
        if (endpoint->port == real[i].port)
            return servers[i];
    }
    return NULL;
}

static void on_moved(RedisTopology *which) {
    n_moved++;
}

static void on_server_down(RedisTopology *which, RedisServer *server) {
    journal_add("server_down");
}

static const RedisTopologyOps topology_ops = {
    .route = on_route, .server_at = on_server_at, .moved = on_moved, .server_down = on_server_down};

static void on_up(void *context, RedisServer *server) {}

static void on_down(void *context, RedisServer *server, const char *reason) {}

static const RedisServerEvents events = {.up = on_up, .down = on_down};

static bool until(bool (*is_true)(void)) {
    uint64_t start_ms = clock_now_ms(), ticked_ms = 0;
    while (!is_true()) {
        uint64_t now_ms = clock_now_ms();
        if (now_ms - start_ms > PATIENCE_MS)
            return false;
        if (now_ms - ticked_ms >= 20) {
            redis_server_tick(servers[0], now_ms);
            redis_server_tick(servers[1], now_ms);
            redis_ops_tick(&ops, now_ms);
            ticked_ms = now_ms;
        }
        loopback_turns(1);
    }
    return true;
}

static bool are_up(void) {
    return redis_server_is_up(servers[0]) && redis_server_is_up(servers[1]);
}

static void given_two_servers(void) {
    journal_clear();
    route_to = n_moved = n_answered = 0;
    memset(&counters, 0, sizeof counters);
    options = (RedisOptions){.prefix = "",
                             .connect_ms = 2000,
                             .reply_ms = 2000,
                             .backoff_max_ms = 100,
                             .publish_limit_bytes = 1 << 20,
                             .canary_ms = 1000,
                             .canary_deadline_ms = 2000,
                             .counters = &counters};
    topology = (RedisTopology){.ops = &topology_ops};
    loopback_start();
    turn_init(&turn, &loopback_loop);
    for (int i = 0; i < 2; i++) {
        real_redis_start(&real[i]);
        urls[i] = (RedisUrl){.n_endpoints = 1, .endpoints = {{.host = "127.0.0.1", .port = real[i].port}}};
        ck_assert_int_eq(redis_server_new(&servers[i], &loopback_loop, &turn, &options, &urls[i], false, NULL, &events, NULL),
                         0);
        redis_server_locate(servers[i], &urls[i].endpoints[0]);
    }
    redis_ops_init(&ops, &topology, &options, &turn);
    ck_assert(until(are_up));
}

static void finish(void) {
    ops.is_closed = true;
    for (int i = 0; i < 2; i++)
        redis_server_close(servers[i]);
    redis_ops_close(&ops);
    turn_close(&turn);
    loopback_finish();
    for (int i = 0; i < 2; i++) {
        servers[i] = redis_server_free(servers[i]);
        real_redis_finish(&real[i]);
    }
}

static void on_answer(RedisOp *op, BrokerResult result, redisReply *reply) {
    static const char *const words[] = {"ok", "unavailable", "overloaded", "refused"};
    n_answered++;
    if (op->cookie)
        journal_add("%s %s", (const char *)op->cookie, words[result]);
    else
        ck_assert_int_eq(result, BROKER_OK);
}

static void send_number(int number, char *cookie) {
    RedisOp *op = redis_op_new(&ops, 64, on_answer, NULL, cookie);
    ck_assert_ptr_nonnull(op);
    op->is_ordered = true;
    redis_op_add_text(op, "EVAL");
    redis_op_add_text(op, script);
    redis_op_add_text(op, "0");
    op->name = "name";
    op->n_name = 4;
    redis_op_add_number(op, (uint64_t)number);
    redis_op_send(op);
}

/* What the server answers, from now on, instead of doing anything. */
static void server_says(unsigned which, const char *format, unsigned port) {
    char text[64];
    snprintf(text, sizeof text, format, port);
    real_redis_do(&real[which], "SET there %s", text);
}

static bool is_one_answered(void) {
    return n_answered == 1;
}

static bool are_all_answered(void) {
    return n_answered == MANY;
}

static void expect_order_on(unsigned which) {
    redisReply *log = real_redis_ask(&real[which], "LRANGE log 0 -1");
    for (size_t i = 1; i < log->elements; i++) {
        int before = 0, after = 0;
        ck_assert_int_eq(sscanf(log->element[i - 1]->str, "%d", &before), 1);
        ck_assert_int_eq(sscanf(log->element[i]->str, "%d", &after), 1);
        ck_assert_int_lt(before, after);
    }
    freeReplyObject(log);
}

START_TEST(moved_is_followed_and_the_topology_told) {
    given_two_servers();
    server_says(0, "MOVED 1 127.0.0.1:%u", real[1].port);
    send_number(1, "1");
    ck_assert(until(is_one_answered));
    ck_journal("1 ok");
    ck_assert_uint_eq(n_moved, 1);
    ck_assert_uint_eq(counter_read(&counters.redirected), 1);
    ck_assert_int_eq(real_redis_integer(&real[1], "LLEN log"), 1);
    finish();
}
END_TEST

START_TEST(ask_is_followed_once_behind_asking) {
    given_two_servers();
    server_says(0, "ASK 1 127.0.0.1:%u", real[1].port);
    send_number(1, "1");
    ck_assert(until(is_one_answered));
    ck_journal("1 ok");
    ck_assert_uint_eq(n_moved, 0);
    redisReply *info = real_redis_ask(&real[1], "INFO commandstats");
    ck_assert_ptr_nonnull(strstr(info->str, "cmdstat_asking"));
    freeReplyObject(info);
    finish();
}
END_TEST

START_TEST(two_servers_that_send_each_other_the_op_are_given_up) {
    given_two_servers();
    server_says(0, "MOVED 1 127.0.0.1:%u", real[1].port);
    server_says(1, "MOVED 1 127.0.0.1:%u", real[0].port);
    send_number(1, "1");
    ck_assert(until(is_one_answered));
    ck_journal("1 unavailable");
    finish();
}
END_TEST

START_TEST(a_place_that_nobody_knows_is_waited_for_until_the_deadline) {
    given_two_servers();
    server_says(0, "MOVED 1 127.0.0.1:%u", 1);
    uint64_t start_ms = clock_now_ms();
    send_number(1, "1");
    ck_assert(until(is_one_answered));
    ck_journal("1 unavailable");
    ck_assert_uint_ge(clock_now_ms() - start_ms, options.reply_ms - 100);
    ck_assert_uint_le(clock_now_ms() - start_ms, options.reply_ms + 500);
    finish();
}
END_TEST

START_TEST(a_replica_is_reported_and_unavailable) {
    given_two_servers();
    server_says(0, "READONLY You can't write%.0u", 0);
    send_number(1, "1");
    ck_assert(until(is_one_answered));
    ck_journal("server_down; 1 unavailable");
    finish();
}
END_TEST

/* The slot moves while many are under way; the map follows at another moment. */
static void expect_order_when_it_moves(const char *answer, int map_follows_at) {
    given_two_servers();
    for (int i = 0; i < MANY; i++) {
        if (i == MANY / 3) {
            loopback_turns(1);
            server_says(0, answer, real[1].port);
        }
        if (i == map_follows_at)
            route_to = 1;
        send_number(i, NULL);
        if (i % 7 == 0)
            loopback_turns(1);
    }
    ck_assert(until(are_all_answered));
    expect_order_on(0);
    expect_order_on(1);
    ck_assert_int_eq(real_redis_integer(&real[0], "LLEN log") + real_redis_integer(&real[1], "LLEN log"), MANY);
    ck_assert_int_ge(real_redis_integer(&real[1], "LLEN log"), MANY / 2);
    ck_assert_uint_eq(ops.lanes.n_nodes, 0);
    ck_assert_uint_eq(ops.n_waiting_bytes, 0);
    finish();
}

START_TEST(the_order_is_kept_when_the_map_follows_late) {
    expect_order_when_it_moves("MOVED 1 127.0.0.1:%u", MANY - 20);
}
END_TEST

START_TEST(the_order_is_kept_when_the_map_follows_at_once) {
    expect_order_when_it_moves("MOVED 1 127.0.0.1:%u", MANY / 3 + 1);
}
END_TEST

START_TEST(the_order_is_kept_while_the_slot_migrates) {
    expect_order_when_it_moves("ASK 1 127.0.0.1:%u", MANY);
}
END_TEST

START_TEST(what_would_overtake_waits_within_the_limit) {
    given_two_servers();
    options.publish_limit_bytes = 5000;
    server_says(0, "MOVED 1 127.0.0.1:%u", 1);
    send_number(0, "first");
    loopback_turns(10);
    for (int i = 1; i < 20; i++)
        send_number(i, "next");
    ck_assert(journal_has("next overloaded"));
    ck_assert(!journal_has("next ok"));
    journal_clear();
    finish();
    ck_assert(journal_has("first unavailable; next unavailable"));
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        moved_is_followed_and_the_topology_told,
        ask_is_followed_once_behind_asking,
        two_servers_that_send_each_other_the_op_are_given_up,
        a_place_that_nobody_knows_is_waited_for_until_the_deadline,
        a_replica_is_reported_and_unavailable,
        the_order_is_kept_when_the_map_follows_late,
        the_order_is_kept_when_the_map_follows_at_once,
        the_order_is_kept_while_the_slot_migrates,
        what_would_overtake_waits_within_the_limit,
    };
    return run_suite("redis_op", tests, N_ELEMENTS(tests));
}
