#include "real_nodes.h"

#include <check.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "loopback.h"

enum { PATIENCE_MS = 20000, SLOTS = 16384 };

extern char **environ;

static void write_sentinel(const char *path, const RealRedis *sentinel, unsigned master_port, const char *password) {
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "port %u\nbind 127.0.0.1\ndir %s\nlogfile log\nloglevel warning\n", sentinel->port, sentinel->folder);
    fprintf(file, "sentinel monitor mymaster 127.0.0.1 %u 1\n", master_port);
    fprintf(file, "sentinel down-after-milliseconds mymaster 500\nsentinel failover-timeout mymaster 4000\n");
    if (password)
        fprintf(file, "requirepass %s\n", password);
    ck_assert_int_eq(fclose(file), 0);
}

static bool accepts(unsigned port) {
    redisContext *context = redisConnect("127.0.0.1", (int)port);
    bool has_accepted = context && !context->err;
    if (context)
        redisFree(context);
    return has_accepted;
}

void real_sentinel_start(RealRedis *sentinel, unsigned master_port, const char *password) {
    char path[96];
    strcpy(sentinel->folder, "/tmp/barker-redis-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(sentinel->folder));
    close(loopback_listen(&sentinel->port));
    snprintf(path, sizeof path, "%s/sentinel.conf", sentinel->folder);
    write_sentinel(path, sentinel, master_port, password);
    char *const arguments[] = {"redis-server", path, "--sentinel", NULL};
    ck_assert_int_eq(posix_spawnp(&sentinel->pid, "redis-server", NULL, NULL, arguments, environ), 0);
    uint64_t start_ms = clock_now_ms();
    while (!accepts(sentinel->port)) {
        ck_assert_msg(clock_now_ms() - start_ms < PATIENCE_MS, "the sentinel does not come up");
        usleep(10000);
    }
}

static bool node_agrees(RealRedis *node) {
    redisReply *reply = real_redis_ask(node, "CLUSTER INFO");
    bool is_ok = strstr(reply->str, "cluster_state:ok") && strstr(reply->str, "cluster_slots_assigned:16384");
    freeReplyObject(reply);
    return is_ok;
}

static void node_start(RealRedis *node, char bus_port[static 16]) {
    unsigned port = 0;
    close(loopback_listen(&port));
    snprintf(bus_port, 16, "%u", port);
    const char *const arguments[] = {"--cluster-enabled",
                                     "yes",
                                     "--cluster-port",
                                     bus_port,
                                     "--cluster-node-timeout",
                                     "2000",
                                     "--cluster-allow-replica-migration",
                                     "no",
                                     "--repl-diskless-sync-delay",
                                     "0"};
    memcpy(node->arguments, arguments, sizeof arguments);
    real_redis_start(node);
}

static void master_start(RealCluster *cluster, unsigned i) {
    RealRedis *node = &cluster->nodes[i];
    node_start(node, cluster->bus_ports[i]);
    redisReply *id = real_redis_ask(node, "CLUSTER MYID");
    snprintf(cluster->ids[i], sizeof cluster->ids[i], "%s", id->str);
    freeReplyObject(id);
    real_redis_do(node, "CLUSTER SET-CONFIG-EPOCH %u", i + 1);
}

void real_cluster_start(RealCluster *cluster, const unsigned *first) {
    uint64_t start_ms = clock_now_ms();
    for (unsigned i = 0; i < REAL_CLUSTER_NODES; i++) {
        unsigned end = i + 1 < REAL_CLUSTER_NODES ? first[i + 1] : SLOTS;
        master_start(cluster, i);
        real_redis_do(&cluster->nodes[i], "CLUSTER ADDSLOTSRANGE %u %u", first[i], end - 1);
    }
    for (unsigned i = 1; i < REAL_CLUSTER_NODES; i++)
        real_redis_do(&cluster->nodes[0], "CLUSTER MEET 127.0.0.1 %u %s", cluster->nodes[i].port, cluster->bus_ports[i]);
    for (unsigned i = 0; i < REAL_CLUSTER_NODES; i++) {
        while (!node_agrees(&cluster->nodes[i])) {
            ck_assert_msg(clock_now_ms() - start_ms < PATIENCE_MS, "the cluster does not come up");
            usleep(20000);
        }
    }
}

void real_cluster_move(RealCluster *cluster, unsigned slot, unsigned from, unsigned to) {
    real_redis_do(&cluster->nodes[to], "CLUSTER SETSLOT %u IMPORTING %s", slot, cluster->ids[from]);
    real_redis_do(&cluster->nodes[from], "CLUSTER SETSLOT %u MIGRATING %s", slot, cluster->ids[to]);
    real_redis_do(&cluster->nodes[to], "CLUSTER SETSLOT %u NODE %s", slot, cluster->ids[to]);
    real_redis_do(&cluster->nodes[from], "CLUSTER SETSLOT %u NODE %s", slot, cluster->ids[to]);
}

static bool answer_has(RealRedis *node, const char *question, const char *text) {
    redisReply *reply = real_redis_ask(node, question);
    bool has_text = strstr(reply->str, text) != NULL;
    freeReplyObject(reply);
    return has_text;
}

void real_cluster_add_replica(RealCluster *cluster, RealRedis *replica, unsigned of) {
    static char bus_port[16];
    uint64_t start_ms = clock_now_ms();
    node_start(replica, bus_port);
    real_redis_do(replica, "CLUSTER MEET 127.0.0.1 %u %s", cluster->nodes[of].port, cluster->bus_ports[of]);
    while (!node_agrees(replica) && clock_now_ms() - start_ms < PATIENCE_MS)
        usleep(20000);
    real_redis_do(replica, "CLUSTER REPLICATE %s", cluster->ids[of]);
    for (unsigned i = 0; i < REAL_CLUSTER_NODES; i++) {
        while (!answer_has(&cluster->nodes[i], "CLUSTER NODES", "slave") ||
               !answer_has(replica, "INFO replication", "master_link_status:up")) {
            ck_assert_msg(clock_now_ms() - start_ms < PATIENCE_MS, "the replica does not come up");
            usleep(20000);
        }
    }
}

void real_cluster_finish(RealCluster *cluster) {
    for (unsigned i = 0; i < REAL_CLUSTER_NODES; i++)
        real_redis_finish(&cluster->nodes[i]);
}
