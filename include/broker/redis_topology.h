/* RedisTopology: which Redis server a name belongs to, and how the servers are found. Owner: the bus thread.
   Three kinds: fixed (one server, or several sharded by name with a jump consistent hash), sentinel (one, which Redis Sentinel
   names) and cluster (the masters of a Redis Cluster, by hash slot). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/redis_server.h"

enum { REDIS_SERVERS_MAX = 64 };

typedef struct RedisTopology RedisTopology;

typedef struct RedisTopologyOps {
    /* Whose the name (with its prefix) is; NULL: nobody's for now. It may be down. */
    RedisServer *(*route)(RedisTopology *topology, const char *name, size_t n_name);
    /* The server of this endpoint, made if need be; NULL: none to be had. For MOVED and ASK. */
    RedisServer *(*server_at)(RedisTopology *topology, const RedisEndpoint *endpoint);
    /* A server said that the name's slot lives elsewhere, or that its link was lost: look again soon. */
    void (*moved)(RedisTopology *topology);
    void (*server_down)(RedisTopology *topology, RedisServer *server);
    bool (*is_up)(const RedisTopology *topology); /* every server that it knows of is, and it knows where all names live */
    void (*tick)(RedisTopology *topology, uint64_t now_ms);
    void (*close)(RedisTopology *topology);
    RedisTopology *(*free)(RedisTopology *topology); /* once the loop has run dry; NULL */
} RedisTopologyOps;

/* What a topology tells the backend, beside what its servers tell it. */
typedef struct RedisTopologyEvents {
    void (*changed)(void *context);                      /* names have another server now */
    void (*troubled)(void *context, const char *reason); /* it cannot find its servers: for the log */
} RedisTopologyEvents;

struct RedisTopology {
    const RedisTopologyOps *ops;
    const RedisTopologyEvents *events;
    void *context;
};

/* Servers get server_events with the same context. url: several for fixed, one for the others. 0 or -ENOMEM. */
typedef struct RedisTopologyInput {
    uv_loop_t *loop;
    Turn *turn;
    const RedisOptions *options;
    const RedisServerEvents *server_events;
    const RedisTopologyEvents *events;
    void *context;
} RedisTopologyInput;

int redis_fixed_new(RedisTopology **out, const RedisTopologyInput *input);
int redis_sentinel_new(RedisTopology **out, const RedisTopologyInput *input);
int redis_cluster_new(RedisTopology **out, const RedisTopologyInput *input);
