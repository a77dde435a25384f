#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "broker/redis_query.h"
#include "broker/redis_topology.h"

/* One server, which the sentinels name. One of them is asked now and then, and at once when the server is lost or a failover is
   told by the subscription to a sentinel; the server's own ROLE has the last word, so that a sentinel that was cut off and names
   the old master is passed over for the next one. */

enum {
    ASK_MS = 5000,       /* while all is well */
    ASK_DOWN_MS = 500,   /* while the server is not up */
    ASK_SOON_MS = 100,   /* after it was lost */
    WATCH_PING_MS = 5000 /* a subscription that may be half open */
};

typedef struct RedisSentinel {
    RedisTopology base;
    RedisTopologyInput input;
    const RedisUrl *url;
    RedisServer *server;
    RedisQuery ask;
    RedisQuery watch;
    unsigned asked; /* the sentinel that is asked now, or was last */
    unsigned n_failed;
    unsigned watched;
    unsigned located; /* the sentinel that named the address in use */
    uint64_t located_ms;
    bool is_heard; /* the subscription stands */
    uint64_t now_ms;
    uint64_t ask_ms;
    uint64_t ping_ms;
} RedisSentinel;

static RedisSentinel *redis_sentinel(const RedisTopology *topology) {
    return container_of(topology, RedisSentinel, base);
}

static void sentinel_start(RedisSentinel *sentinel, RedisQuery *query, unsigned i, const char *const *words) {
    const RedisUrl *url = sentinel->url;
    RedisQuestion question = {
        .endpoint = &url->endpoints[i],
        .security = url,
        .user = url->sentinel_user,
        .password = url->sentinel_password,
    };
    for (size_t n = 0; words[n]; n++)
        question.words[n] = words[n];
    redis_query_start(query, &question, sentinel->now_ms + sentinel->input.options->connect_ms);
}

static void sentinel_ask(RedisSentinel *sentinel) {
    const char *const words[] = {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", sentinel->url->master_name, NULL};
    sentinel_start(sentinel, &sentinel->ask, sentinel->asked, words);
}

static void sentinel_ask_by(RedisSentinel *sentinel, uint64_t due_ms) {
    if (due_ms < sentinel->ask_ms)
        sentinel->ask_ms = due_ms;
}

/* A subscription at a sentinel that answers. */
static void sentinel_watch(RedisSentinel *sentinel) {
    static const char *const words[] = {"SUBSCRIBE", "+switch-master", NULL};
    if (redis_query_is_running(&sentinel->watch))
        return;
    sentinel->watched = sentinel->asked;
    sentinel->is_heard = false;
    sentinel_start(sentinel, &sentinel->watch, sentinel->watched, words);
}

static void sentinel_on_ask_failed(void *context, const char *reason) {
    RedisSentinel *sentinel = context;
    sentinel->asked = (sentinel->asked + 1) % sentinel->url->n_endpoints;
    sentinel->n_failed++;
    if (sentinel->n_failed < sentinel->url->n_endpoints) {
        sentinel->ask_ms = sentinel->now_ms;
        return;
    }
    sentinel->n_failed = 0;
    sentinel->ask_ms = sentinel->now_ms + ASK_DOWN_MS;
    char text[REDIS_QUERY_REASON_BYTES + 64];
    snprintf(text, sizeof text, "no sentinel names a master, the last at %s", reason);
    sentinel->input.events->troubled(sentinel->input.context, text);
}

static bool sentinel_take_address(RedisEndpoint *out, const redisReply *reply) {
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
        return false;
    const redisReply *host = reply->element[0];
    const redisReply *port = reply->element[1];
    if (host->type != REDIS_REPLY_STRING || port->type != REDIS_REPLY_STRING || !host->len || host->len >= sizeof out->host)
        return false;
    *out = (RedisEndpoint){.port = (unsigned)strtoul(port->str, NULL, 10)};
    memcpy(out->host, host->str, host->len);
    return out->port > 0 && out->port <= UINT16_MAX;
}

/* Sentinels may differ for a while: the address of one is given its time before that of another replaces it. */
static void sentinel_locate(RedisSentinel *sentinel, const RedisEndpoint *endpoint) {
    const RedisEndpoint *known = redis_server_endpoint(sentinel->server);
    bool is_known = known && redis_endpoint_equal(known, endpoint);
    uint64_t patience_ms = sentinel->input.options->connect_ms;
    if (!is_known &&
        (!known || sentinel->located == sentinel->asked || sentinel->now_ms - sentinel->located_ms >= patience_ms)) {
        sentinel->located = sentinel->asked;
        sentinel->located_ms = sentinel->now_ms;
        redis_server_locate(sentinel->server, endpoint);
    }
    bool is_up = redis_server_is_up(sentinel->server);
    if (is_known && !is_up) /* another may know better */
        sentinel->asked = (sentinel->asked + 1) % sentinel->url->n_endpoints;
    sentinel->ask_ms = sentinel->now_ms + (is_up ? ASK_MS : ASK_DOWN_MS);
}

static void sentinel_on_address(void *context, redisReply *reply) {
    RedisSentinel *sentinel = context;
    RedisEndpoint endpoint;
    bool is_address = sentinel_take_address(&endpoint, reply);
    if (!is_address) {
        redis_query_fail(&sentinel->ask, reply->type == REDIS_REPLY_ERROR ? reply->str : "it knows no master of that name");
        return;
    }
    redis_query_stop(&sentinel->ask);
    sentinel->n_failed = 0;
    sentinel_watch(sentinel);
    sentinel_locate(sentinel, &endpoint);
}

static void sentinel_on_watch_failed(void *context, const char *reason) {
    RedisSentinel *sentinel = context;
    sentinel_ask_by(sentinel, sentinel->now_ms + ASK_DOWN_MS); /* and watch whoever answers then */
}

/* +switch-master: <name> <old address> <old port> <new address> <new port> */
static bool sentinel_is_switch(const RedisSentinel *sentinel, const redisReply *reply) {
    const char *name = sentinel->url->master_name;
    size_t n_name = strlen(name);
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 || reply->element[0]->type != REDIS_REPLY_STRING ||
        strcmp(reply->element[0]->str, "message") != 0 || reply->element[2]->type != REDIS_REPLY_STRING)
        return false;
    const redisReply *text = reply->element[2];
    return text->len > n_name && memcmp(text->str, name, n_name) == 0 && text->str[n_name] == ' ';
}

static void sentinel_on_watched(void *context, redisReply *reply) {
    RedisSentinel *sentinel = context;
    if (reply->type == REDIS_REPLY_ERROR) {
        redis_query_fail(&sentinel->watch, reply->str);
        return;
    }
    /* A failover between the question and the subscription was not told by either. */
    if (!sentinel->is_heard || sentinel_is_switch(sentinel, reply)) {
        redis_query_stop(&sentinel->ask);
        sentinel->asked = sentinel->located = sentinel->watched;
        sentinel->ask_ms = sentinel->now_ms;
    }
    sentinel->is_heard = true;
    sentinel->ping_ms = sentinel->now_ms + WATCH_PING_MS;
    redis_query_set_due(&sentinel->watch, UINT64_MAX);
}

static const RedisQueryEvents sentinel_ask_events = {.reply = sentinel_on_address, .failed = sentinel_on_ask_failed};
static const RedisQueryEvents sentinel_watch_events = {.reply = sentinel_on_watched, .failed = sentinel_on_watch_failed};

static RedisServer *sentinel_route(RedisTopology *topology, const char *name, size_t n_name) {
    return redis_sentinel(topology)->server;
}

static RedisServer *sentinel_server_at(RedisTopology *topology, const RedisEndpoint *endpoint) {
    RedisServer *server = redis_sentinel(topology)->server;
    const RedisEndpoint *known = redis_server_endpoint(server);
    return known && redis_endpoint_equal(known, endpoint) ? server : NULL;
}

static void sentinel_moved(RedisTopology *topology) {
    RedisSentinel *sentinel = redis_sentinel(topology);
    sentinel_ask_by(sentinel, sentinel->now_ms + ASK_SOON_MS);
}

/* The next sentinel: this one may be as cut off as what it named. */
static void sentinel_server_down(RedisTopology *topology, RedisServer *server) {
    RedisSentinel *sentinel = redis_sentinel(topology);
    sentinel_ask_by(sentinel, sentinel->now_ms + ASK_SOON_MS);
}

static bool sentinel_is_up(const RedisTopology *topology) {
    return redis_server_is_up(redis_sentinel(topology)->server);
}

static void sentinel_tick(RedisTopology *topology, uint64_t now_ms) {
    static const char *const ping[] = {"PING", NULL};
    RedisSentinel *sentinel = redis_sentinel(topology);
    sentinel->now_ms = now_ms;
    redis_query_tick(&sentinel->ask, now_ms);
    redis_query_tick(&sentinel->watch, now_ms);
    redis_server_tick(sentinel->server, now_ms);
    if (sentinel->is_heard && redis_query_is_running(&sentinel->watch) && now_ms >= sentinel->ping_ms) {
        sentinel->ping_ms = UINT64_MAX;
        redis_query_say(&sentinel->watch, ping, now_ms + sentinel->input.options->connect_ms);
    }
    if (redis_query_is_running(&sentinel->ask) || now_ms < sentinel->ask_ms)
        return;
    sentinel->ask_ms = UINT64_MAX;
    sentinel_ask(sentinel);
}

static void sentinel_close(RedisTopology *topology) {
    RedisSentinel *sentinel = redis_sentinel(topology);
    redis_query_stop(&sentinel->ask);
    redis_query_stop(&sentinel->watch);
    redis_server_close(sentinel->server);
}

static RedisTopology *sentinel_free(RedisTopology *topology) {
    RedisSentinel *sentinel = redis_sentinel(topology);
    redis_server_free(sentinel->server);
    free(sentinel);
    return NULL;
}

static const RedisTopologyOps sentinel_ops = {
    .route = sentinel_route,
    .server_at = sentinel_server_at,
    .moved = sentinel_moved,
    .server_down = sentinel_server_down,
    .is_up = sentinel_is_up,
    .tick = sentinel_tick,
    .close = sentinel_close,
    .free = sentinel_free,
};

int redis_sentinel_new(RedisTopology **out, const RedisTopologyInput *input) {
    RedisSentinel *sentinel = calloc(1, sizeof *sentinel);
    if (!sentinel)
        return error_origin(-ENOMEM);
    sentinel->base = (RedisTopology){.ops = &sentinel_ops, .events = input->events, .context = input->context};
    sentinel->input = *input;
    sentinel->url = &input->options->urls[0];
    int r = redis_server_new(&sentinel->server, input->loop, input->turn, input->options, sentinel->url, false, NULL,
                             input->server_events, input->context);
    if (r < 0) {
        free(sentinel);
        return error_trace(r);
    }
    redis_server_require_master(sentinel->server);
    redis_query_init(&sentinel->ask, input->loop, input->turn, input->options->resolver, &sentinel_ask_events, sentinel);
    redis_query_init(&sentinel->watch, input->loop, input->turn, input->options->resolver, &sentinel_watch_events, sentinel);
    *out = &sentinel->base;
    return 0;
}
