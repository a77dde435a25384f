#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "broker/redis_query.h"
#include "broker/redis_slots.h"
#include "broker/redis_subscriber.h"
#include "broker/redis_topology.h"

/* The masters of a Redis Cluster, each with sharded pub/sub, and the map of slots, which any of its nodes tells. It is asked for
   now and then, and at once when a server is lost or says that a slot is elsewhere. News of a slot spreads among the nodes for
   a while, so that it is asked for a few times in a row then, each time of another node. */

enum {
    ASK_MS = 15000,
    ASK_DOWN_MS = 1000, /* while not all is up */
    ASK_AGAIN_MS = 250, /* at the soonest */
    ASK_TIMES = 8,
    CANARY_HEAD_SIZE = 40,
};

/* A server and its place in the table stay while the node is a master. One that is none any more is nowhere, and is taken for the
   next new master: so that they are bounded without ever being freed in the midst. */
typedef struct ClusterServer {
    RedisServer *server;
    unsigned canary_slot;
    bool is_used;
    bool is_named; /* by the map that is being taken */
} ClusterServer;

typedef struct RedisCluster {
    RedisTopology base;
    RedisTopologyInput input;
    const RedisUrl *url;
    ClusterServer servers[REDIS_SERVERS_MAX];
    unsigned n_servers;
    uint8_t owners[REDIS_SLOTS]; /* an index of servers, or REDIS_SLOT_NOBODY */
    unsigned n_covered;
    RedisSlotMap map;  /* as it was told last */
    RedisSlotMap told; /* as it is being told */
    RedisQuery ask;
    unsigned asked; /* which of the known masters and, behind them, of the URL's nodes */
    unsigned n_failed;
    unsigned n_again; /* how often it is still asked for in a row */
    uint64_t now_ms;
    uint64_t asked_ms;
    uint64_t ask_ms;
    char canary_head[CANARY_HEAD_SIZE];
} RedisCluster;

static RedisCluster *redis_cluster(const RedisTopology *topology) {
    return container_of(topology, RedisCluster, base);
}

static void cluster_trouble(RedisCluster *cluster, const char *reason) {
    cluster->input.events->troubled(cluster->input.context, reason);
}

static unsigned cluster_n_candidates(const RedisCluster *cluster) {
    return cluster->map.n_masters + cluster->url->n_endpoints;
}

/* The place of the server of that endpoint, or REDIS_SLOT_NOBODY. */
static unsigned cluster_find(const RedisCluster *cluster, const RedisEndpoint *endpoint) {
    for (unsigned i = 0; i < cluster->n_servers; i++) {
        const RedisEndpoint *known = redis_server_endpoint(cluster->servers[i].server);
        if (cluster->servers[i].is_used && known && redis_endpoint_equal(known, endpoint))
            return i;
    }
    return REDIS_SLOT_NOBODY;
}

/* The next node to ask: one whose server is up, if there is any, since it answers at once. */
static const RedisEndpoint *cluster_next(RedisCluster *cluster) {
    const RedisSlotMap *map = &cluster->map;
    unsigned n_candidates = map->n_masters + cluster->url->n_endpoints;
    for (unsigned i = 0; i < n_candidates; i++) {
        unsigned candidate = (cluster->asked + i) % n_candidates;
        unsigned place = candidate < map->n_masters ? cluster_find(cluster, &map->masters[candidate]) : REDIS_SLOT_NOBODY;
        if (place == REDIS_SLOT_NOBODY || !redis_server_is_up(cluster->servers[place].server))
            continue;
        cluster->asked = candidate;
        return &map->masters[candidate];
    }
    if (cluster->asked >= n_candidates) /* the map has shrunk */
        cluster->asked = 0;
    bool is_master = cluster->asked < map->n_masters;
    return is_master ? &map->masters[cluster->asked] : &cluster->url->endpoints[cluster->asked - map->n_masters];
}

static void cluster_ask(RedisCluster *cluster) {
    const RedisQuestion question = {
        .endpoint = cluster_next(cluster),
        .security = cluster->url,
        .user = cluster->url->user,
        .password = cluster->url->password,
        .words = {"CLUSTER", "SLOTS"},
    };
    cluster->asked_ms = cluster->now_ms;
    cluster->ask_ms = UINT64_MAX;
    redis_query_start(&cluster->ask, &question, cluster->now_ms + cluster->input.options->connect_ms);
}

static void cluster_ask_soon(RedisCluster *cluster) {
    cluster->n_again = ASK_TIMES;
    uint64_t due_ms = cluster->asked_ms + ASK_AGAIN_MS;
    if (!redis_query_is_running(&cluster->ask) && due_ms < cluster->ask_ms)
        cluster->ask_ms = due_ms;
}

static void cluster_on_failed(void *context, const char *reason) {
    RedisCluster *cluster = context;
    cluster->asked++;
    cluster->n_failed++;
    cluster->ask_ms = cluster->now_ms;
    if (cluster->n_failed < cluster_n_candidates(cluster))
        return;
    cluster->n_failed = 0;
    cluster->ask_ms = cluster->now_ms + ASK_AGAIN_MS;
    char text[REDIS_QUERY_REASON_BYTES + 64];
    snprintf(text, sizeof text, "no node tells the cluster's slots, the last at %s", reason);
    cluster_trouble(cluster, text);
}

/* A place that is free, with a server that is nowhere; REDIS_SLOT_NOBODY without memory. */
static unsigned cluster_make(RedisCluster *cluster, const char *canary) {
    for (unsigned i = 0; i < cluster->n_servers; i++) {
        if (!cluster->servers[i].is_used)
            return i;
    }
    if (cluster->n_servers == REDIS_SERVERS_MAX)
        return REDIS_SLOT_NOBODY;
    const RedisTopologyInput *input = &cluster->input;
    RedisServer *server = NULL;
    if (redis_server_new(&server, input->loop, input->turn, input->options, cluster->url, true, canary, input->server_events,
                         input->context) < 0)
        return REDIS_SLOT_NOBODY;
    cluster->servers[cluster->n_servers] = (ClusterServer){.server = server};
    return cluster->n_servers++;
}

/* The server of the map's master, with a canary in a slot of it. */
static unsigned cluster_take_master(RedisCluster *cluster, unsigned master) {
    const RedisEndpoint *endpoint = &cluster->map.masters[master];
    unsigned place = cluster_find(cluster, endpoint);
    if (place != REDIS_SLOT_NOBODY && cluster->map.owners[cluster->servers[place].canary_slot] == master)
        return place;
    char canary[REDIS_CANARY_SIZE];
    if (!redis_slots_name(&cluster->map, master, cluster->canary_head, canary, sizeof canary))
        return REDIS_SLOT_NOBODY;
    if (place == REDIS_SLOT_NOBODY)
        place = cluster_make(cluster, canary);
    if (place == REDIS_SLOT_NOBODY)
        return REDIS_SLOT_NOBODY;
    ClusterServer *known = &cluster->servers[place];
    known->is_used = true;
    known->canary_slot = redis_slot_of(canary, strlen(canary));
    redis_server_set_canary(known->server, canary);
    redis_server_locate(known->server, endpoint);
    return place;
}

/* Whoever has no slots any more goes nowhere, and says so while the slots are still its own: so nobody takes what it carried for
   heard. */
static void cluster_leave(RedisCluster *cluster) {
    for (unsigned i = 0; i < cluster->n_servers; i++) {
        ClusterServer *known = &cluster->servers[i];
        if (!known->is_used || known->is_named)
            continue;
        known->is_used = false;
        redis_server_locate(known->server, NULL);
    }
}

/* places: of the map's masters. True when a slot has another owner than before. */
static bool cluster_take_owners(RedisCluster *cluster, const uint8_t *places) {
    bool has_changed = false;
    cluster->n_covered = 0;
    for (unsigned slot = 0; slot < REDIS_SLOTS; slot++) {
        uint8_t master = cluster->map.owners[slot];
        uint8_t place = master == REDIS_SLOT_NOBODY ? REDIS_SLOT_NOBODY : places[master];
        cluster->n_covered += place != REDIS_SLOT_NOBODY;
        has_changed = has_changed || place != cluster->owners[slot];
        cluster->owners[slot] = place;
    }
    return has_changed;
}

static void cluster_take_map(RedisCluster *cluster) {
    uint8_t places[REDIS_SERVERS_MAX];
    for (unsigned i = 0; i < cluster->n_servers; i++)
        cluster->servers[i].is_named = false;
    for (unsigned i = 0; i < cluster->map.n_masters; i++) {
        unsigned place = cluster_find(cluster, &cluster->map.masters[i]);
        if (place != REDIS_SLOT_NOBODY)
            cluster->servers[place].is_named = true;
    }
    cluster_leave(cluster);
    for (unsigned i = 0; i < cluster->map.n_masters; i++)
        places[i] = (uint8_t)cluster_take_master(cluster, i);
    bool has_changed = cluster_take_owners(cluster, places);
    if (cluster->n_covered < REDIS_SLOTS) {
        char text[80];
        snprintf(text, sizeof text, "no server for %u slots of the cluster", REDIS_SLOTS - cluster->n_covered);
        cluster_trouble(cluster, text);
    }
    if (has_changed)
        cluster->input.events->changed(cluster->input.context);
}

static bool cluster_is_up(const RedisTopology *topology) {
    const RedisCluster *cluster = redis_cluster(topology);
    bool is_up = cluster->n_covered == REDIS_SLOTS;
    for (unsigned i = 0; is_up && i < cluster->n_servers; i++)
        is_up = !cluster->servers[i].is_used || redis_server_is_up(cluster->servers[i].server);
    return is_up;
}

static void cluster_on_slots(void *context, redisReply *reply) {
    RedisCluster *cluster = context;
    if (redis_slots_parse(&cluster->told, reply, &cluster->ask.endpoint) < 0 || cluster->told.n_covered == 0) {
        redis_query_fail(&cluster->ask, reply->type == REDIS_REPLY_ERROR ? reply->str : "it tells no slots");
        return;
    }
    redis_query_stop(&cluster->ask);
    cluster->n_failed = 0;
    cluster->asked++;
    cluster->map = cluster->told;
    cluster_take_map(cluster);
    bool is_up = cluster_is_up(&cluster->base);
    cluster->ask_ms = cluster->now_ms + (cluster->n_again ? ASK_AGAIN_MS : is_up ? ASK_MS : ASK_DOWN_MS);
    if (cluster->n_again)
        cluster->n_again--;
}

static const RedisQueryEvents cluster_ask_events = {.reply = cluster_on_slots, .failed = cluster_on_failed};

static RedisServer *cluster_route(RedisTopology *topology, const char *name, size_t n_name) {
    RedisCluster *cluster = redis_cluster(topology);
    uint8_t place = cluster->owners[redis_slot_of(name, n_name)];
    return place == REDIS_SLOT_NOBODY ? NULL : cluster->servers[place].server;
}

/* None is made for a node without slots: there is no channel that it could hear its canary on. */
static RedisServer *cluster_server_at(RedisTopology *topology, const RedisEndpoint *endpoint) {
    RedisCluster *cluster = redis_cluster(topology);
    unsigned place = cluster_find(cluster, endpoint);
    return place == REDIS_SLOT_NOBODY ? NULL : cluster->servers[place].server;
}

static void cluster_moved(RedisTopology *topology) {
    cluster_ask_soon(redis_cluster(topology));
}

static void cluster_server_down(RedisTopology *topology, RedisServer *server) {
    cluster_ask_soon(redis_cluster(topology));
}

static void cluster_tick(RedisTopology *topology, uint64_t now_ms) {
    RedisCluster *cluster = redis_cluster(topology);
    cluster->now_ms = now_ms;
    redis_query_tick(&cluster->ask, now_ms);
    for (unsigned i = 0; i < cluster->n_servers; i++)
        redis_server_tick(cluster->servers[i].server, now_ms);
    if (!redis_query_is_running(&cluster->ask) && now_ms >= cluster->ask_ms)
        cluster_ask(cluster);
}

static void cluster_close(RedisTopology *topology) {
    RedisCluster *cluster = redis_cluster(topology);
    redis_query_stop(&cluster->ask);
    for (unsigned i = 0; i < cluster->n_servers; i++)
        redis_server_close(cluster->servers[i].server);
}

static RedisTopology *cluster_free(RedisTopology *topology) {
    RedisCluster *cluster = redis_cluster(topology);
    for (unsigned i = 0; i < cluster->n_servers; i++)
        redis_server_free(cluster->servers[i].server);
    free(cluster);
    return NULL;
}

static const RedisTopologyOps cluster_ops = {
    .route = cluster_route,
    .server_at = cluster_server_at,
    .moved = cluster_moved,
    .server_down = cluster_server_down,
    .is_up = cluster_is_up,
    .tick = cluster_tick,
    .close = cluster_close,
    .free = cluster_free,
};

int redis_cluster_new(RedisTopology **out, const RedisTopologyInput *input) {
    RedisCluster *cluster = calloc(1, sizeof *cluster);
    if (!cluster)
        return error_origin(-ENOMEM);
    cluster->base = (RedisTopology){.ops = &cluster_ops, .events = input->events, .context = input->context};
    cluster->input = *input;
    cluster->url = &input->options->urls[0];
    memset(cluster->owners, REDIS_SLOT_NOBODY, sizeof cluster->owners);
    snprintf(cluster->canary_head, sizeof cluster->canary_head, "barker/canary/%016" PRIx64, random_u64());
    redis_query_init(&cluster->ask, input->loop, input->turn, input->options->resolver, &cluster_ask_events, cluster);
    *out = &cluster->base;
    return 0;
}
