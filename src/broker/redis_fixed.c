#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/list.h"
#include "broker/redis_shard.h"
#include "broker/redis_topology.h"

typedef struct RedisFixed {
    RedisTopology base;
    unsigned n_servers;
    RedisServer *servers[];
} RedisFixed;

static RedisFixed *fixed_of(const RedisTopology *topology) {
    return container_of(topology, RedisFixed, base);
}

static RedisServer *fixed_route(RedisTopology *topology, const char *name, size_t n_name) {
    RedisFixed *fixed = fixed_of(topology);
    return fixed->servers[redis_shard_of(name, n_name, fixed->n_servers)];
}

static RedisServer *fixed_server_at(RedisTopology *topology, const RedisEndpoint *endpoint) {
    return NULL;
}

static void fixed_moved(RedisTopology *topology) {}

static void fixed_server_down(RedisTopology *topology, RedisServer *server) {}

static bool fixed_is_up(const RedisTopology *topology) {
    const RedisFixed *fixed = fixed_of(topology);
    for (unsigned i = 0; i < fixed->n_servers; i++) {
        if (!redis_server_is_up(fixed->servers[i]))
            return false;
    }
    return true;
}

static void fixed_tick(RedisTopology *topology, uint64_t now_ms) {
    RedisFixed *fixed = fixed_of(topology);
    for (unsigned i = 0; i < fixed->n_servers; i++)
        redis_server_tick(fixed->servers[i], now_ms);
}

static void fixed_close(RedisTopology *topology) {
    RedisFixed *fixed = fixed_of(topology);
    for (unsigned i = 0; i < fixed->n_servers; i++)
        redis_server_close(fixed->servers[i]);
}

static RedisTopology *fixed_free(RedisTopology *topology) {
    if (!topology)
        return NULL;
    RedisFixed *fixed = fixed_of(topology);
    for (unsigned i = 0; i < fixed->n_servers; i++)
        redis_server_free(fixed->servers[i]);
    free(fixed);
    return NULL;
}

static const RedisTopologyOps fixed_ops = {
    .route = fixed_route,
    .server_at = fixed_server_at,
    .moved = fixed_moved,
    .server_down = fixed_server_down,
    .is_up = fixed_is_up,
    .tick = fixed_tick,
    .close = fixed_close,
    .free = fixed_free,
};

static int fixed_add(RedisFixed *fixed, const RedisTopologyInput *input, const RedisUrl *url) {
    RedisServer *server;
    int r = redis_server_new(&server, input->loop, input->turn, input->options, url, false, NULL, input->server_events,
                             input->context);
    if (r < 0)
        return error_trace(r);
    redis_server_locate(server, &url->endpoints[0]);
    fixed->servers[fixed->n_servers++] = server;
    return 0;
}

int redis_fixed_new(RedisTopology **out, const RedisTopologyInput *input) {
    const RedisOptions *options = input->options;
    RedisFixed *fixed = calloc(1, sizeof *fixed + options->n_urls * sizeof fixed->servers[0]);
    if (!fixed)
        return error_origin(-ENOMEM);
    fixed->base = (RedisTopology){.ops = &fixed_ops, .events = input->events, .context = input->context};
    for (unsigned i = 0; i < options->n_urls; i++) {
        int r = fixed_add(fixed, input, &options->urls[i]);
        if (r < 0) {
            fixed_free(&fixed->base); /* nothing of them is on the loop yet */
            return error_trace(r);
        }
    }
    *out = &fixed->base;
    return 0;
}
