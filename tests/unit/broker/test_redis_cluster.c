#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/redis_slots.h"
#include "loopback.h"
#include "real_nodes.h"
#include "suite.h"
#include "topology_fixture.h"

/* Two masters with half of the slots each, and one with the last slot alone. */
static RealCluster cluster;
static const unsigned first[] = {0, 8000, REDIS_SLOTS - 1};
static const char *name; /* that is moved */
static unsigned moved_to;

enum { UP_MS = 10000, LAST = REDIS_SLOTS - 1 };

static void given_a_cluster(void) {
    char url[96];
    real_cluster_start(&cluster, first);
    snprintf(url, sizeof url, "redis-cluster://127.0.0.1:1,127.0.0.1:%u", cluster.nodes[1].port);
    topology_given(redis_cluster_new, url);
    ck_assert_msg(topology_until(topology_is_up, UP_MS), "%s", topology_trouble);
}

static void finish(void) {
    topology_finish();
    real_cluster_finish(&cluster);
}

/* A channel in that slot; the memory is the next call's. */
static const char *name_in(unsigned slot) {
    static char names[8][32];
    static unsigned n_names;
    char *text = names[n_names++ % 8];
    for (unsigned i = 0; i < 1 << 20; i++) {
        int n = snprintf(text, sizeof names[0], "barker:{%x}", i);
        if (redis_slot_of(text, (size_t)n) == slot)
            return text;
    }
    ck_abort_msg("no name for slot %u", slot);
}

static void ck_at(const char *which, unsigned node) {
    ck_assert_uint_eq(topology_place(which)->port, cluster.nodes[node].port);
}

static bool has_moved(void) {
    return topology_is_up() && topology_place(name)->port == cluster.nodes[moved_to].port;
}

static void move(const char *which, unsigned from, unsigned to) {
    name = which;
    moved_to = to;
    real_cluster_move(&cluster, redis_slot_of(which, strlen(which)), from, to);
    ck_assert_msg(topology_until(has_moved, UP_MS), "%s", topology_trouble);
}

START_TEST(each_name_is_at_the_master_of_its_slot) {
    given_a_cluster();
    const char *const names[] = {name_in(0), name_in(7999), name_in(8000), name_in(LAST - 1), name_in(LAST)};
    const unsigned nodes[] = {0, 0, 1, 1, 2};
    for (size_t i = 0; i < N_ELEMENTS(names); i++) {
        ck_at(names[i], nodes[i]);
        ck_assert(topology_carries(names[i], true));
    }
    ck_assert(topology_carries("barker/control", true));
    const RedisEndpoint *place = topology_place(names[0]);
    ck_assert_ptr_eq(topology->ops->server_at(topology, place), topology_route(names[0]));
    const RedisEndpoint nowhere = {.host = "127.0.0.1", .port = 1};
    ck_assert_ptr_null(topology->ops->server_at(topology, &nowhere));
    finish();
}
END_TEST

START_TEST(a_slot_that_moves_is_followed_and_the_others_stay) {
    given_a_cluster();
    const char *moving = name_in(100);
    ck_assert(topology_carries(moving, true));
    unsigned n_changed = topology_n_changed;
    move(moving, 0, 1);
    ck_assert_uint_eq(topology_n_changed, n_changed + 1);
    ck_assert(topology_carries(moving, true));
    ck_at(name_in(101), 0);
    ck_assert(!topology_is_troubled());
    finish();
}
END_TEST

START_TEST(a_master_that_gives_its_last_slot_away_is_left_and_found_again) {
    given_a_cluster();
    const char *last = name_in(LAST);
    topology_subscribe(last);
    move(last, 2, 0);
    ck_assert(topology_carries(last, true));
    real_redis_kill(&cluster.nodes[2], SIGSTOP); /* whom nobody needs */
    topology_trouble[0] = '\0';
    ck_assert(!topology_until(topology_is_troubled, 1500));
    ck_assert(topology_is_up());
    real_redis_kill(&cluster.nodes[2], SIGCONT);
    move(last, 0, 2);
    ck_assert(topology_carries(last, true));
    finish();
}
END_TEST

/* The slot of the canary of node 0, as the node tells. */
static const char *canary(void) {
    static char text[128];
    redisReply *reply = real_redis_ask(&cluster.nodes[0], "PUBSUB SHARDCHANNELS barker/canary/*");
    ck_assert_uint_eq(reply->elements, 1);
    snprintf(text, sizeof text, "%s", reply->element[0]->str);
    freeReplyObject(reply);
    return text;
}

START_TEST(a_canary_whose_slot_moves_gets_another) {
    given_a_cluster();
    char old[128];
    snprintf(old, sizeof old, "%s", canary());
    move(old, 0, 1);
    ck_assert_msg(topology_until(topology_is_up, UP_MS), "%s", topology_trouble);
    ck_assert_str_ne(canary(), old);
    const char *other = name_in(101);
    ck_at(other, 0);
    ck_assert(topology_carries(other, true));
    finish();
}
END_TEST

static bool is_down(void) {
    return !topology_is_up();
}

START_TEST(a_node_that_dies_is_down_and_comes_back) {
    given_a_cluster();
    real_redis_kill(&cluster.nodes[0], SIGKILL);
    ck_assert(topology_until(is_down, UP_MS));
    ck_at(name_in(0), 0);
    ck_assert(!redis_server_is_up(topology_route(name_in(0))));
    real_redis_start(&cluster.nodes[0]);
    ck_assert_msg(topology_until(topology_is_up, 2 * UP_MS), "%s", topology_trouble);
    ck_assert(topology_carries(name_in(0), true));
    finish();
}
END_TEST

START_TEST(a_replica_that_takes_over_is_followed) {
    static RealRedis replica;
    given_a_cluster();
    real_cluster_add_replica(&cluster, &replica, 0);
    cluster.nodes[0].port = replica.port; /* where has_moved looks */
    name = name_in(0);
    moved_to = 0;
    ck_assert(!has_moved());
    real_redis_kill(&cluster.nodes[0], SIGKILL);
    ck_assert_msg(topology_until(has_moved, 2 * UP_MS), "%s", topology_trouble);
    ck_assert(topology_carries(name, true));
    real_redis_finish(&replica);
    finish();
}
END_TEST

START_TEST(a_redis_that_is_no_cluster_is_reported) {
    RealRedis alone = {0};
    char url[64];
    real_redis_start(&alone);
    snprintf(url, sizeof url, "redis-cluster://127.0.0.1:%u", alone.port);
    topology_given(redis_cluster_new, url);
    ck_assert(topology_until(topology_is_troubled, UP_MS));
    ck_assert_msg(strstr(topology_trouble, "cluster support disabled"), "%s", topology_trouble);
    ck_assert_ptr_null(topology_route("barker:a"));
    topology_finish();
    real_redis_finish(&alone);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        each_name_is_at_the_master_of_its_slot,
        a_slot_that_moves_is_followed_and_the_others_stay,
        a_master_that_gives_its_last_slot_away_is_left_and_found_again,
        a_canary_whose_slot_moves_gets_another,
        a_node_that_dies_is_down_and_comes_back,
        a_replica_that_takes_over_is_followed,
        a_redis_that_is_no_cluster_is_reported,
    };
    return run_suite("redis_cluster", tests, N_ELEMENTS(tests));
}
