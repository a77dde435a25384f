#include "topology_fixture.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "loopback.h"

enum { TICK_MS = 20, CANARY_MS = 300, CANARY_DEADLINE_MS = 700, CONNECT_MS = 1000, PATIENCE_MS = 5000 };

RedisTopology *topology;
char topology_trouble[512];
unsigned topology_n_changed;

static Turn turn;
static RedisUrl url;
static RedisOptions options;
static RedisCounters counters;
static char expected[256]; /* name=payload */
static bool is_subscribed;
static bool is_heard;

static void on_up(void *context, RedisServer *server) {}

static void on_down(void *context, RedisServer *server, const char *reason) {
    snprintf(topology_trouble, sizeof topology_trouble, "%s", reason);
    topology->ops->server_down(topology, server);
}

static void on_subscribed(void *context, RedisServer *server, const char *name, size_t n_name) {
    is_subscribed = true;
}

static void on_refused(void *context, RedisServer *server, const char *name, size_t n_name, const char *error) {
    ck_abort_msg("%.*s was refused: %s", (int)n_name, name, error);
}

static void on_lost(void *context, RedisServer *server, const char *name, size_t n_name) {
    topology->ops->moved(topology);
}

static void on_message(void *context, RedisServer *server, const char *name, size_t n_name, const void *payload,
                       size_t n_payload) {
    char text[256];
    snprintf(text, sizeof text, "%.*s=%.*s", (int)n_name, name, (int)n_payload, (const char *)payload);
    is_heard = is_heard || strcmp(text, expected) == 0;
}

static void on_changed(void *context) {
    topology_n_changed++;
}

static void on_troubled(void *context, const char *reason) {
    snprintf(topology_trouble, sizeof topology_trouble, "%s", reason);
}

static const RedisServerEvents server_events = {
    .up = on_up,
    .down = on_down,
    .subscribed = on_subscribed,
    .refused = on_refused,
    .lost = on_lost,
    .message = on_message,
};

static const RedisTopologyEvents topology_events = {.changed = on_changed, .troubled = on_troubled};

void topology_given(TopologyNew *new, const char *text) {
    char error[256] = "";
    ck_assert_msg(redis_url_parse(&url, text, error, sizeof error) == 0, "%s: %s", text, error);
    loopback_start();
    turn_init(&turn, &loopback_loop);
    options = (RedisOptions){
        .urls = &url,
        .n_urls = 1,
        .prefix = "barker:",
        .connect_ms = CONNECT_MS,
        .reply_ms = CONNECT_MS,
        .backoff_min_ms = 50,
        .backoff_max_ms = 200,
        .publish_limit_bytes = 1 << 20,
        .canary_ms = CANARY_MS,
        .canary_deadline_ms = CANARY_DEADLINE_MS,
        .counters = &counters,
    };
    const RedisTopologyInput input = {
        .loop = &loopback_loop,
        .turn = &turn,
        .options = &options,
        .server_events = &server_events,
        .events = &topology_events,
    };
    ck_assert_int_eq(redis_resolver_new(&options.resolver, &loopback_loop), 0);
    topology_n_changed = 0;
    topology_trouble[0] = '\0';
    ck_assert_int_eq(new (&topology, &input), 0);
}

void topology_finish(void) {
    topology->ops->close(topology);
    turn_close(&turn);
    redis_resolver_close(options.resolver);
    loopback_finish();
    topology = topology->ops->free(topology);
    options.resolver = redis_resolver_free(options.resolver);
    redis_url_finish(&url);
}

bool topology_until(bool (*is_true)(void), unsigned patience_ms) {
    uint64_t start_ms = clock_now_ms();
    uint64_t ticked_ms = 0;
    while (!is_true()) {
        uint64_t now_ms = clock_now_ms();
        if (now_ms - start_ms > patience_ms)
            return false;
        if (now_ms - ticked_ms >= TICK_MS) {
            redis_resolver_tick(options.resolver, now_ms);
            topology->ops->tick(topology, now_ms);
            ticked_ms = now_ms;
        }
        loopback_turns(1);
    }
    return true;
}

bool topology_is_up(void) {
    return topology->ops->is_up(topology);
}

bool topology_is_troubled(void) {
    return topology_trouble[0] != '\0';
}

RedisServer *topology_route(const char *name) {
    return topology->ops->route(topology, name, strlen(name));
}

const RedisEndpoint *topology_place(const char *name) {
    RedisServer *server = topology_route(name);
    const RedisEndpoint *endpoint = server ? redis_server_endpoint(server) : NULL;
    ck_assert_msg(endpoint != NULL, "%s is nobody's", name);
    return endpoint;
}

void topology_subscribe(const char *name) {
    redis_server_subscribe(topology_route(name), name, strlen(name));
}

void topology_publish(const char *name, const char *payload, bool is_sharded) {
    const char *verb = is_sharded ? "SPUBLISH" : "PUBLISH";
    const RedisWord words[] = {
        {.bytes = verb, .n_bytes = strlen(verb)},
        {.bytes = name, .n_bytes = strlen(name)},
        {.bytes = payload, .n_bytes = strlen(payload)},
    };
    const RedisCommand command = {.words = words, .n_words = 3};
    ck_assert_int_eq(redis_server_call(topology_route(name), &command), BROKER_OK);
}

static bool has_subscribed(void) {
    return is_subscribed;
}

static bool has_heard(void) {
    return is_heard;
}

bool topology_carries(const char *name, bool is_sharded) {
    static unsigned number;
    char payload[32];
    snprintf(payload, sizeof payload, "%u", ++number);
    snprintf(expected, sizeof expected, "%s=%s", name, payload);
    is_subscribed = is_heard = false;
    topology_subscribe(name);
    if (!topology_until(has_subscribed, PATIENCE_MS))
        return false;
    topology_publish(name, payload, is_sharded);
    return topology_until(has_heard, PATIENCE_MS);
}
