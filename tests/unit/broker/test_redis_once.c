#include "broker/redis_once.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/redis_slots.h"
#include "loopback.h"
#include "real_nodes.h"
#include "suite.h"

static char reason[512];
static long long n_received;

static int publish(const char *text, const char *channel, const char *payload) {
    char error[256] = "";
    RedisUrl url;
    ck_assert_msg(redis_url_parse(&url, text, error, sizeof error) == 0, "%s: %s", text, error);
    const RedisOnce once = {
        .channel = channel, .payload = payload, .n_payload = payload ? strlen(payload) : 0, .patience_ms = 500};
    reason[0] = '\0';
    n_received = -1;
    int r = redis_once_publish(&url, &once, &n_received, reason, sizeof reason);
    redis_url_finish(&url);
    return r;
}

static int publish_to(const char *format, unsigned port, const char *channel, const char *payload) {
    char text[128];
    char number[16];
    snprintf(number, sizeof number, "%u", port);
    const char *at = strchr(format, '#');
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - format), format, number, at + 1);
    return publish(text, channel, payload);
}

/* The next message that comes to the subscription. */
static void ck_heard(redisContext *subscription, const char *kind, const char *payload) {
    redisReply *reply = NULL;
    ck_assert_int_eq(redisGetReply(subscription, (void **)&reply), REDIS_OK);
    ck_assert_str_eq(reply->element[0]->str, kind);
    ck_assert_str_eq(reply->element[2]->str, payload);
    freeReplyObject(reply);
}

static redisContext *subscribe(unsigned port, const char *verb, const char *channel) {
    const struct timeval patience = {.tv_sec = 5};
    redisContext *context = redisConnectWithTimeout("127.0.0.1", (int)port, patience);
    ck_assert(context && !context->err);
    redisSetTimeout(context, patience);
    freeReplyObject(redisCommand(context, "%s %s", verb, channel));
    return context;
}

START_TEST(one_server_tells_how_many_heard) {
    RealRedis redis = {0};
    real_redis_start(&redis);
    redisContext *subscription = subscribe(redis.port, "SUBSCRIBE", "barker:a");
    ck_assert_int_eq(publish_to("redis://127.0.0.1:#/3", redis.port, "barker:a", "hi"), 0);
    ck_assert_int_eq(n_received, 1);
    ck_heard(subscription, "message", "hi");
    ck_assert_int_eq(publish_to("redis://127.0.0.1:#", redis.port, "barker:a", NULL), 0);
    ck_heard(subscription, "message", "");
    redisFree(subscription);
    real_redis_do(&redis, "CONFIG SET requirepass secret");
    ck_assert_int_eq(publish_to("redis://127.0.0.1:#", redis.port, "barker:a", "x"), -EACCES);
    ck_assert_msg(strstr(reason, "NOAUTH"), "%s", reason);
    ck_assert_int_eq(publish_to("redis://:wrong@127.0.0.1:#", redis.port, "barker:a", "x"), -EACCES);
    ck_assert_int_eq(publish_to("redis://:secret@127.0.0.1:#", redis.port, "barker:a", "x"), 0);
    ck_assert_int_eq(n_received, 0);
    real_redis_finish(&redis);
}
END_TEST

START_TEST(a_sentinel_is_asked_for_the_master) {
    RealRedis redis = {0};
    RealRedis sentinel = {0};
    real_redis_start(&redis);
    real_sentinel_start(&sentinel, redis.port, NULL);
    redisContext *subscription = subscribe(redis.port, "SUBSCRIBE", "barker:a");
    ck_assert_int_eq(publish_to("redis-sentinel://127.0.0.1:1,127.0.0.1:#/mymaster", sentinel.port, "barker:a", "hi"), 0);
    ck_heard(subscription, "message", "hi");
    redisFree(subscription);
    ck_assert_int_eq(publish_to("redis-sentinel://127.0.0.1:#/other", sentinel.port, "barker:a", "hi"), -EHOSTUNREACH);
    ck_assert_msg(strstr(reason, "knows no master"), "%s", reason);
    real_redis_finish(&sentinel);
    real_redis_finish(&redis);
}
END_TEST

START_TEST(a_cluster_sends_to_the_master_of_the_slot) {
    static RealCluster cluster;
    const unsigned first[] = {0, 8000, 16000};
    real_cluster_start(&cluster, first);
    for (unsigned i = 0; i < REAL_CLUSTER_NODES; i++) {
        char name[32];
        do {
            static unsigned number;
            snprintf(name, sizeof name, "barker:%u", number++);
        } while (redis_slot_of(name, strlen(name)) < first[i] ||
                 (i + 1 < REAL_CLUSTER_NODES && redis_slot_of(name, strlen(name)) >= first[i + 1]));
        redisContext *subscription = subscribe(cluster.nodes[i].port, "SSUBSCRIBE", name);
        ck_assert_int_eq(publish_to("redis-cluster://127.0.0.1:1,127.0.0.1:#", cluster.nodes[1].port, name, "hi"), 0);
        ck_heard(subscription, "smessage", "hi");
        redisFree(subscription);
    }
    real_cluster_finish(&cluster);
}
END_TEST

START_TEST(whoever_refuses_or_says_nothing_is_named) {
    unsigned port = 0;
    int listener = loopback_listen(&port);
    ck_assert_int_eq(publish_to("redis://127.0.0.1:#", port, "a", "b"), -EHOSTUNREACH);
    ck_assert_msg(strstr(reason, "no answer in time"), "%s", reason);
    close(listener);
    ck_assert_int_eq(publish_to("redis://127.0.0.1:#", port, "a", "b"), -EHOSTUNREACH);
    ck_assert_msg(strstr(reason, "connection refused"), "%s", reason);
    ck_assert_int_eq(publish("unix:/nowhere/redis.sock", "a", "b"), -EHOSTUNREACH);
    ck_assert_msg(strstr(reason, "/nowhere/redis.sock: no such file"), "%s", reason);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        one_server_tells_how_many_heard,
        a_sentinel_is_asked_for_the_master,
        a_cluster_sends_to_the_master_of_the_slot,
        whoever_refuses_or_says_nothing_is_named,
    };
    return run_suite("redis_once", tests, N_ELEMENTS(tests));
}
