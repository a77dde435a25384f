#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "loopback.h"
#include "real_nodes.h"
#include "suite.h"
#include "topology_fixture.h"

static RealRedis master;
static RealRedis replica;
static RealRedis sentinel;
static char master_port[16];

enum { UP_MS = 8000, FAILOVER_MS = 15000 };

static bool is_replica_ready(void) {
    redisReply *reply = real_redis_ask(&sentinel, "SENTINEL REPLICAS mymaster");
    bool is_known = reply->elements == 1;
    freeReplyObject(reply);
    reply = real_redis_ask(&replica, "INFO replication");
    bool is_linked = strstr(reply->str, "master_link_status:up") != NULL;
    freeReplyObject(reply);
    return is_known && is_linked;
}

static void given_a_master_with_a_replica(void) {
    real_redis_start(&master);
    snprintf(master_port, sizeof master_port, "%u", master.port);
    const char *const arguments[] = {"--replicaof", "127.0.0.1", master_port, "--repl-diskless-sync-delay", "0"};
    memcpy(replica.arguments, arguments, sizeof arguments);
    real_redis_start(&replica);
    real_sentinel_start(&sentinel, master.port, NULL);
    for (int i = 0; i < 1500 && !is_replica_ready(); i++)
        usleep(10000);
    ck_assert(is_replica_ready());
}

static void connect_to(const char *hosts, const char *rest) {
    char url[256];
    snprintf(url, sizeof url, "redis-sentinel://%s127.0.0.1:%u/%s", hosts, sentinel.port, rest);
    topology_given(redis_sentinel_new, url);
}

static void finish(void) {
    topology_finish();
    real_redis_finish(&sentinel);
    real_redis_finish(&replica);
    real_redis_finish(&master);
}

static bool is_at_replica(void) {
    return topology_is_up() && topology_place("x")->port == replica.port;
}

START_TEST(a_failover_after_the_masters_death_is_followed) {
    given_a_master_with_a_replica();
    connect_to("", "mymaster");
    ck_assert_msg(topology_until(topology_is_up, UP_MS), "%s", topology_trouble);
    ck_assert_uint_eq(topology_place("x")->port, master.port);
    ck_assert(topology_carries("barker:a", false));
    real_redis_kill(&master, SIGKILL);
    ck_assert_msg(topology_until(is_at_replica, FAILOVER_MS), "%s", topology_trouble);
    ck_assert(topology_carries("barker:a", false));
    finish();
}
END_TEST

START_TEST(a_failover_between_two_that_live_is_followed_at_once) {
    given_a_master_with_a_replica();
    connect_to("", "mymaster");
    ck_assert_msg(topology_until(topology_is_up, UP_MS), "%s", topology_trouble);
    real_redis_do(&sentinel, "SENTINEL FAILOVER mymaster");
    ck_assert_msg(topology_until(is_at_replica, 5000), "%s", topology_trouble);
    ck_assert(topology_carries("barker:a", false));
    finish();
}
END_TEST

START_TEST(sentinels_that_refuse_or_say_nothing_are_skipped) {
    unsigned refusing = 0;
    unsigned silent = 0;
    int listener = loopback_listen(&silent);
    close(loopback_listen(&refusing));
    real_redis_start(&master);
    real_sentinel_start(&sentinel, master.port, NULL);
    char hosts[64];
    snprintf(hosts, sizeof hosts, "127.0.0.1:%u,127.0.0.1:%u,", refusing, silent);
    connect_to(hosts, "mymaster");
    ck_assert_msg(topology_until(topology_is_up, UP_MS), "%s", topology_trouble);
    ck_assert(!topology_is_troubled());
    close(listener);
    topology_finish();
    real_redis_finish(&sentinel);
    real_redis_finish(&master);
}
END_TEST

START_TEST(a_master_that_no_sentinel_knows_is_reported) {
    real_redis_start(&master);
    real_sentinel_start(&sentinel, master.port, NULL);
    connect_to("", "another");
    ck_assert(topology_until(topology_is_troubled, UP_MS));
    ck_assert_msg(strstr(topology_trouble, "it knows no master of that name"), "%s", topology_trouble);
    topology_finish();
    real_redis_finish(&sentinel);
    real_redis_finish(&master);
}
END_TEST

START_TEST(a_sentinel_has_a_password_of_its_own) {
    real_redis_start(&master);
    real_sentinel_start(&sentinel, master.port, "secret");
    connect_to("", "mymaster");
    ck_assert(topology_until(topology_is_troubled, UP_MS));
    ck_assert_msg(strstr(topology_trouble, "NOAUTH"), "%s", topology_trouble);
    topology_finish();
    connect_to("", "mymaster?sentinel_password=wrong");
    ck_assert(topology_until(topology_is_troubled, UP_MS));
    ck_assert_msg(strstr(topology_trouble, "WRONGPASS"), "%s", topology_trouble);
    topology_finish();
    connect_to("", "mymaster?sentinel_password=secret");
    ck_assert_msg(topology_until(topology_is_up, UP_MS), "%s", topology_trouble);
    topology_finish();
    real_redis_finish(&sentinel);
    real_redis_finish(&master);
}
END_TEST

START_TEST(closing_in_the_midst_of_the_question_leaves_nothing_on_the_loop) {
    unsigned silent = 0;
    int listener = loopback_listen(&silent);
    char url[64];
    snprintf(url, sizeof url, "redis-sentinel://localhost:%u/m", silent);
    topology_given(redis_sentinel_new, url);
    ck_assert(!topology_until(topology_is_up, 50));
    topology_finish();
    close(listener);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_failover_after_the_masters_death_is_followed,
        a_failover_between_two_that_live_is_followed_at_once,
        sentinels_that_refuse_or_say_nothing_are_skipped,
        a_master_that_no_sentinel_knows_is_reported,
        a_sentinel_has_a_password_of_its_own,
        closing_in_the_midst_of_the_question_leaves_nothing_on_the_loop,
    };
    return run_suite("redis_sentinel", tests, N_ELEMENTS(tests));
}
