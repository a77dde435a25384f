/* More of real Redis: a sentinel, and the nodes of a cluster without replicas. Owner: the main thread of the test. */
#pragma once

#include "real_redis.h"

/* Watches 127.0.0.1:master_port as "mymaster", with a quorum of one. password NULL: none. Ends as any other RealRedis. */
void real_sentinel_start(RealRedis *sentinel, unsigned master_port, const char *password);

enum { REAL_CLUSTER_NODES = 3 };

typedef struct RealCluster {
    RealRedis nodes[REAL_CLUSTER_NODES];
    char ids[REAL_CLUSTER_NODES][64];
    char bus_ports[REAL_CLUSTER_NODES][16];
} RealCluster;

/* first[i]: of the slots of each, up to before the next one's. Returns once all agree. */
void real_cluster_start(RealCluster *cluster, const unsigned *first);
void real_cluster_move(RealCluster *cluster, unsigned slot, unsigned from, unsigned to); /* a slot without keys */
/* A fourth node, in step with the master when it returns; it ends as any other RealRedis. */
void real_cluster_add_replica(RealCluster *cluster, RealRedis *replica, unsigned of);
void real_cluster_finish(RealCluster *cluster);
