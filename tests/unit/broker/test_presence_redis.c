/* Presence of two nodes on a real Redis: bus, backend and functions together. */
#include "broker/presence.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "broker/bus.h"
#include "broker/redis.h"
#include "loopback.h"
#include "real_redis.h"
#include "suite.h"

enum { NODES = 2, TICK_MS = 50 };

typedef struct Node {
    Bus bus;
    Backend *backend; /* NULL: it does not run */
    bool is_up;
    bool is_granted;
    unsigned n_joins, n_leaves;
    unsigned n_members, n_connections; /* the last answer */
    BrokerResult result;
} Node;

static Node nodes[NODES];
static RealRedis redis;
static RedisUrl url;
static Namespaces namespaces = {.fallback = {.has_presence = true}};

static void on_deliver(void *context, uint32_t worker, Message *message) {
    Node *node = context;
    if (message->kind == MESSAGE_JOIN)
        node->n_joins++;
    else if (message->kind == MESSAGE_LEAVE)
        node->n_leaves++;
}

static void on_acknowledged(void *context, uint32_t worker, const char *channel, size_t n_channel, uint64_t token,
                            BrokerResult result, Position position) {
    ((Node *)context)->is_granted = result == BROKER_OK;
}

static void on_gap(void *context, uint32_t worker, const char *channel, size_t n_channel, Position position) {}

static void on_presence(void *context, const BrokerReturn *to, const char *channel, size_t n_channel, PresenceReply *reply) {
    Node *node = context;
    node->result = reply->result;
    node->n_members = reply->n_members;
    node->n_connections = 0;
    for (uint32_t i = 0; i < reply->n_members; i++)
        node->n_connections += reply->members[i].n_connections;
}

static void on_link(void *context, bool is_up, const char *reason) {
    ((Node *)context)->is_up = is_up;
}

static void on_complained(void *context, const BrokerComplaint *complaint) {
    ck_abort_msg("%s: %s", complaint->command, complaint->code);
}

static const BusOps ops = {
    .deliver = on_deliver,
    .acknowledged = on_acknowledged,
    .gap = on_gap,
    .presence = on_presence,
    .link = on_link,
    .complained = on_complained,
};

static uv_timer_t ticker;

static void on_tick(uv_timer_t *timer) {
    for (unsigned i = 0; i < NODES; i++) {
        if (!nodes[i].backend)
            continue;
        nodes[i].backend->ops->tick(nodes[i].backend, clock_now_ms());
        bus_tick(&nodes[i].bus, clock_now_ms());
    }
}

/* Returns how long it took; fails the test when it has not come true in time. */
static uint64_t until(bool (*is_true)(void), uint64_t patience_ms, const char *what) {
    uint64_t start_ms = clock_now_ms();
    while (!is_true()) {
        ck_assert_msg(clock_now_ms() - start_ms < patience_ms, "not in time: %s", what);
        uv_run(&loopback_loop, UV_RUN_ONCE);
    }
    return clock_now_ms() - start_ms;
}

static void pass(uint64_t n_ms) {
    for (uint64_t end_ms = clock_now_ms() + n_ms; clock_now_ms() < end_ms;)
        uv_run(&loopback_loop, UV_RUN_ONCE);
}

static void change(unsigned i, const char *user, bool has_entered) {
    char member[64];
    int n_member = snprintf(member, sizeof member, "{\"user\":\"%s\"}", user);
    PresenceChange changed = {.channel = "room",
                              .n_channel = 4,
                              .user = user,
                              .n_user = strlen(user),
                              .member = member,
                              .n_member = (size_t)n_member,
                              .has_entered = has_entered};
    bus_present(&nodes[i].bus, 0, &changed);
}

static bool are_granted(void) {
    return nodes[0].is_granted && nodes[1].is_granted;
}

static void start_node(unsigned i) {
    Node *node = &nodes[i];
    memset(node, 0, sizeof *node);
    BusOptions bus_options = {.n_workers = 1,
                              .subscribe_ms = 5000,
                              .hold_limit_bytes = 1 << 20,
                              .history_limit = 100,
                              .node_id = i ? "b" : "a",
                              .namespaces = &namespaces};
    RedisOptions options = {.urls = &url,
                            .n_urls = 1,
                            .prefix = "barker:",
                            .connect_ms = 1000,
                            .reply_ms = 1000,
                            .backoff_min_ms = 50,
                            .backoff_max_ms = 500,
                            .publish_limit_bytes = 1 << 20,
                            .canary_ms = 500,
                            .canary_deadline_ms = 1000};
    ck_assert_int_eq(bus_init(&node->bus, &bus_options, &ops, node), 0);
    ck_assert_int_eq(redis_backend_new(&node->backend, &loopback_loop, &options, &bus_backend_events, &node->bus), 0);
    ck_assert_int_eq(bus_attach(&node->bus, node->backend), 0);
    bus_want(&node->bus, 0, "room", 4, 1);
}

static void given_two_nodes(void) {
    real_redis_start(&redis);
    char text[64], error[256];
    snprintf(text, sizeof text, "redis://127.0.0.1:%u", redis.port);
    ck_assert_int_eq(redis_url_parse(&url, text, error, sizeof error), 0);
    loopback_start();
    uv_timer_init(&loopback_loop, &ticker);
    uv_timer_start(&ticker, on_tick, TICK_MS, TICK_MS);
    for (unsigned i = 0; i < NODES; i++)
        start_node(i);
    until(are_granted, 5000, "both are subscribed");
}

static void end(void) {
    uv_close((uv_handle_t *)&ticker, NULL);
    for (unsigned i = 0; i < NODES; i++)
        if (nodes[i].backend)
            nodes[i].backend->ops->close(nodes[i].backend);
    loopback_finish();
    for (unsigned i = 0; i < NODES; i++) {
        if (!nodes[i].backend)
            continue;
        bus_finish(&nodes[i].bus);
        redis_backend_free(nodes[i].backend);
    }
    redis_url_finish(&url);
    real_redis_finish(&redis);
}

static bool has_heard_joins(void) {
    return nodes[0].n_joins >= 2 && nodes[1].n_joins >= 2;
}

static bool has_heard_leave(void) {
    return nodes[0].n_leaves > 0;
}

static bool is_answered(void) {
    return nodes[0].result != BROKER_OVERLOADED;
}

static void ask(void) {
    nodes[0].result = BROKER_OVERLOADED;
    bus_presence(&nodes[0].bus, "room", 4, &(BrokerReturn){.worker = 0});
    until(is_answered, 2000, "an answer");
    ck_assert_int_eq(nodes[0].result, BROKER_OK);
}

static void given_a_user_of_each(void) {
    given_two_nodes();
    change(0, "ada", true);
    change(1, "bob", true);
    change(1, "ada", true);
    until(has_heard_joins, 3000, "two joins on both");
    pass(200);
    for (unsigned i = 0; i < NODES; i++)
        ck_assert_uint_eq(nodes[i].n_joins, 2);
}

START_TEST(users_join_and_leave_once_and_are_listed_with_their_connections) {
    given_a_user_of_each();
    ask();
    ck_assert_uint_eq(nodes[0].n_members, 2);
    ck_assert_uint_eq(nodes[0].n_connections, 3);
    change(0, "ada", false);
    pass(200);
    ck_assert_uint_eq(nodes[0].n_leaves, 0);
    change(1, "ada", false);
    until(has_heard_leave, 2000, "ada's leave");
    ask();
    ck_assert_uint_eq(nodes[0].n_members, 1);
    end();
}
END_TEST

static bool has_stopped(void) {
    return bus_has_stopped(&nodes[1].bus);
}

START_TEST(a_node_that_stops_in_order_leaves_nothing_behind) {
    given_a_user_of_each();
    change(0, "ada", false);
    bus_stop(&nodes[1].bus);
    until(has_stopped, 1000, "it has stopped");
    pass(200);
    ck_assert_uint_eq(nodes[0].n_leaves, 2);
    ck_assert_int_eq(real_redis_integer(&redis, "ZCARD barker/nodes"), 1);
    end();
}
END_TEST

START_TEST(the_members_of_a_node_that_is_gone_leave_once_its_lease_has_run_out) {
    given_a_user_of_each();
    pass(11000); /* so long it judges nobody */
    nodes[1].backend->ops->close(nodes[1].backend);
    Backend *gone = nodes[1].backend;
    nodes[1].backend = NULL;
    pass(300);
    uint64_t took_ms = until(has_heard_leave, PRESENCE_LEASE_MS + 2000, "bob's leave");
    ck_assert_uint_gt(took_ms, PRESENCE_LEASE_MS - 2000);
    pass(3000);
    ck_assert_uint_eq(nodes[0].n_leaves, 1);
    ask();
    ck_assert_uint_eq(nodes[0].n_members, 1);
    bus_finish(&nodes[1].bus);
    redis_backend_free(gone);
    end();
}
END_TEST

START_TEST(a_redis_that_returns_without_its_data_is_told_anew_and_no_client_notices) {
    given_a_user_of_each();
    real_redis_kill(&redis, SIGKILL);
    pass(1500);
    real_redis_start(&redis);
    pass(14000);
    for (unsigned i = 0; i < NODES; i++) {
        ck_assert_uint_eq(nodes[i].n_joins, 2);
        ck_assert_uint_eq(nodes[i].n_leaves, 0);
    }
    ask();
    ck_assert_uint_eq(nodes[0].n_members, 2);
    ck_assert_uint_eq(nodes[0].n_connections, 3);
    ck_assert_int_eq(real_redis_integer(&redis, "ZCARD barker/nodes"), 2);
    end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        users_join_and_leave_once_and_are_listed_with_their_connections,
        a_node_that_stops_in_order_leaves_nothing_behind,
        the_members_of_a_node_that_is_gone_leave_once_its_lease_has_run_out,
        a_redis_that_returns_without_its_data_is_told_anew_and_no_client_notices,
    };
    return run_suite("presence_redis", tests, N_ELEMENTS(tests));
}
