#include "broker/redis_server.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "broker/redis_subscriber.h"

enum { CANARY_PAYLOAD_MAX = 20, STEP_MS = 1000 };

struct RedisServer {
    const RedisOptions *options;
    uv_loop_t *loop;
    RedisCommander commander;
    RedisSubscriber subscriber;
    RedisScript script;
    bool is_sharded;
    bool is_up;
    bool is_failing;  /* both links are being ended for one reason */
    uint64_t tick_ms; /* of the last tick, as it came */
    uint64_t now_ms;  /* the same without the time that this node slept: that is not held against Redis */
    char canary[REDIS_CANARY_SIZE];
    size_t n_canary;
    uint64_t canary_sent_ms;
    uint64_t canary_heard_ms;                  /* when the latest one that came back was sent */
    uint64_t canary_loop_ms;                   /* the loop's own time when the latest was sent: finer than ticks */
    bool is_heard;                             /* one of this pair of links has come back */
    char commander_reason[REDIS_REASON_BYTES]; /* reported last */
    char subscriber_reason[REDIS_REASON_BYTES];
    const RedisServerEvents *events;
    void *context;
    RedisServerCounters *counters; /* NULL: not counted */
};

static void server_count_up(const RedisServer *server, bool is_up) {
    RedisServerCounters *counters = server->counters;
    if (!counters || (counter_read(&counters->up) == 1) == is_up)
        return;
    if (!is_up)
        counter_add(&counters->downs, 1);
    counter_add(&counters->up, is_up ? 1 : UINT64_MAX);
}

/* last: what the same link said before. */
static void server_down(RedisServer *server, char *last, const char *reason) {
    bool is_news = server->is_up || strcmp(reason, last) != 0;
    server->is_up = false;
    server_count_up(server, false);
    snprintf(last, REDIS_REASON_BYTES, "%s", reason);
    if (is_news)
        server->events->down(server->context, server, last);
}

static bool server_is_linked(const RedisServer *server) {
    return redis_commander_is_ready(&server->commander) && redis_subscriber_is_ready(&server->subscriber);
}

static void server_fail(RedisServer *server, RedisCause cause, const char *reason) {
    server->is_failing = true; /* said once, by the subscriber */
    redis_link_fail(&server->commander.link, cause, reason);
    server->is_failing = false;
    redis_link_fail(&server->subscriber.link, cause, reason);
}

/* Not only both links, but also what passes between them. */
static void server_judge(RedisServer *server) {
    if (server->is_up || !server_is_linked(server) || !server->is_heard || !redis_script_is_settled(&server->script))
        return;
    server->is_up = true;
    server_count_up(server, true);
    server->commander_reason[0] = server->subscriber_reason[0] = '\0';
    server->events->up(server->context, server);
}

/* One whose slot has moved is replaced by the topology, in time or the deadline passes. */
static void server_on_canary_sent(void *context, BrokerResult result, redisReply *reply) {
    RedisServer *server = context;
    if (result != BROKER_REFUSED)
        return;
    if (server->is_sharded && redis_reply_is_error(reply, "MOVED"))
        server->events->lost(server->context, server, server->canary, server->n_canary);
    else
        server_fail(server, REDIS_CAUSE_CANARY, reply->str);
}

static void server_on_role(void *context, BrokerResult result, redisReply *reply) {
    if (result == BROKER_OK && !redis_reply_is_master(reply))
        server_fail(context, REDIS_CAUSE_NOT_MASTER, "not a master any more");
}

static void server_send_canary(RedisServer *server) {
    char payload[CANARY_PAYLOAD_MAX + 1];
    int n = snprintf(payload, sizeof payload, "%" PRIu64, server->now_ms);
    const RedisWord words[] = {
        {.bytes = server->is_sharded ? "SPUBLISH" : "PUBLISH", .n_bytes = server->is_sharded ? 8 : 7},
        {.bytes = server->canary, .n_bytes = server->n_canary},
        {.bytes = payload, .n_bytes = (size_t)n},
    };
    const RedisWord role = {.bytes = "ROLE", .n_bytes = 4};
    const RedisCommand publish = {
        .words = words, .n_words = 3, .answer = server_on_canary_sent, .context = server, .is_urgent = true};
    const RedisCommand ask = {.words = &role, .n_words = 1, .answer = server_on_role, .context = server, .is_urgent = true};
    if (redis_commander_call(&server->commander, &publish) != BROKER_OK)
        return;
    server->canary_sent_ms = server->now_ms;
    server->canary_loop_ms = uv_now(server->loop);
    if (server->commander.must_be_master)
        redis_commander_call(&server->commander, &ask);
}

/* What Redis no longer lets us hear is found out here, whichever link is to blame. */
static void server_check_canary(RedisServer *server) {
    const RedisOptions *options = server->options;
    if (server->now_ms - server->canary_sent_ms >= options->canary_ms)
        server_send_canary(server);
    if (server->now_ms - server->canary_heard_ms >= (uint64_t)options->canary_ms + options->canary_deadline_ms)
        server_fail(server, REDIS_CAUSE_CANARY, "the canary was not heard in time");
}

static void server_count_lag(const RedisServer *server, uint64_t sent_ms) {
    RedisCounters *counters = server->options->counters;
    if (!counters)
        return;
    bool is_latest = sent_ms == server->canary_sent_ms;
    uint64_t lag_ms = is_latest ? uv_now(server->loop) - server->canary_loop_ms : server->now_ms - sent_ms;
    counter_add(&counters->canaries_heard, 1);
    counter_add(&counters->canary_lag_ms, lag_ms - counter_read(&counters->canary_lag_ms));
    if (server->counters)
        counter_add(&server->counters->canary_lag_ms, lag_ms - counter_read(&server->counters->canary_lag_ms));
    if (lag_ms > counter_read(&counters->canary_lag_max_ms))
        counter_add(&counters->canary_lag_max_ms, lag_ms - counter_read(&counters->canary_lag_max_ms));
}

/* The payload is the time at which it was sent. */
static void server_hear_canary(RedisServer *server, const char *payload, size_t n_payload) {
    char text[CANARY_PAYLOAD_MAX + 1];
    if (n_payload > CANARY_PAYLOAD_MAX)
        return;
    memcpy(text, payload, n_payload);
    text[n_payload] = '\0';
    uint64_t sent_ms = strtoull(text, NULL, 10);
    if (sent_ms < server->canary_heard_ms || sent_ms > server->now_ms)
        return;
    server->canary_heard_ms = sent_ms;
    server->is_heard = true;
    server_count_lag(server, sent_ms);
    server_judge(server);
}

/* Both links are there: what passes between them is tried at once. */
static void server_try(RedisServer *server) {
    if (!server_is_linked(server))
        return;
    if (!server->is_up)
        server->canary_heard_ms = server->now_ms;
    server_send_canary(server);
}

static void server_on_commander_ready(void *context) {
    RedisServer *server = context;
    redis_script_begin(&server->script);
    server_try(server);
}

static void server_on_subscriber_ready(void *context) {
    RedisServer *server = context;
    server->is_heard = false;
    server_try(server);
}

static void server_on_subscriber_lost(void *context, const char *reason) {
    RedisServer *server = context;
    server->is_heard = false;
    server_down(server, server->subscriber_reason, reason);
}

/* A node that hears is not down for want of a commander; if it does not come back, the canary falls silent. */
static void server_on_commander_lost(void *context, const char *reason) {
    RedisServer *server = context;
    redis_script_reset(&server->script);
    if (!server->is_up && !server->is_failing)
        server_down(server, server->commander_reason, reason);
}

static void server_on_settled(void *context) {
    server_judge(context);
}

static bool server_is_canary(const RedisServer *server, const char *name, size_t n_name) {
    return n_name == server->n_canary && memcmp(name, server->canary, n_name) == 0;
}

static void server_on_subscribed(void *context, const char *name, size_t n_name) {
    RedisServer *server = context;
    RedisCounters *counters = server->options->counters;
    if (counters)
        counter_add(&counters->subscribed, 1);
    if (server_is_canary(server, name, n_name))
        server_send_canary(server);
    else if (server->is_up)
        server->events->subscribed(server->context, server, name, n_name);
}

static void server_on_refused(void *context, const char *name, size_t n_name, const char *error) {
    RedisServer *server = context;
    if (server->is_up)
        server->events->refused(server->context, server, name, n_name, error);
}

static void server_on_gone(void *context, const char *name, size_t n_name) {
    RedisServer *server = context;
    RedisCounters *counters = server->options->counters;
    if (counters && redis_subscriber_is_ready(&server->subscriber))
        counter_add(&counters->moved, 1);
    server->events->lost(server->context, server, name, n_name);
}

static void server_on_message(void *context, const char *name, size_t n_name, const void *payload, size_t n_payload) {
    RedisServer *server = context;
    if (server_is_canary(server, name, n_name))
        server_hear_canary(server, payload, n_payload);
    else
        server->events->message(server->context, server, name, n_name, payload, n_payload);
}

static const RedisCommanderEvents server_commander_events = {
    .ready = server_on_commander_ready,
    .lost = server_on_commander_lost,
};

static const RedisSubscriberEvents server_subscriber_events = {
    .ready = server_on_subscriber_ready,
    .lost = server_on_subscriber_lost,
    .subscribed = server_on_subscribed,
    .refused = server_on_refused,
    .gone = server_on_gone,
    .message = server_on_message,
};

static RedisServerCounters *server_take_counters(RedisCounters *counters) {
    if (!counters || counter_read(&counters->n_servers) == REDIS_SERVERS_COUNTED)
        return NULL;
    counter_add(&counters->n_servers, 1);
    return &counters->servers[counter_read(&counters->n_servers) - 1];
}

int redis_server_new(RedisServer **out, uv_loop_t *loop, Turn *turn, const RedisOptions *options, const RedisUrl *credentials,
                     bool is_sharded, const char *canary, const RedisServerEvents *events, void *context) {
    const RedisLinkSetting setting = {.loop = loop, .turn = turn, .options = options, .credentials = credentials};
    if (canary && strlen(canary) >= REDIS_CANARY_SIZE)
        return error_origin(-EINVAL);
    RedisServer *server = calloc(1, sizeof *server);
    if (!server)
        return error_origin(-ENOMEM);
    server->options = options;
    server->counters = server_take_counters(options->counters);
    server->loop = loop;
    server->is_sharded = is_sharded;
    server->events = events;
    server->context = context;
    if (canary)
        server->n_canary = (size_t)snprintf(server->canary, sizeof server->canary, "%s", canary);
    else
        server->n_canary = (size_t)snprintf(server->canary, sizeof server->canary, "barker/canary/%016" PRIx64, random_u64());
    redis_commander_init(&server->commander, &setting, &server_commander_events, server);
    redis_subscriber_init(&server->subscriber, &setting, is_sharded, server->canary, &server_subscriber_events, server);
    redis_script_init(&server->script, &server->commander, server_on_settled, server);
    *out = server;
    return 0;
}

void redis_server_close(RedisServer *server) {
    server->is_up = false;
    server_count_up(server, false);
    redis_subscriber_close(&server->subscriber);
    redis_commander_close(&server->commander);
}

RedisServer *redis_server_free(RedisServer *server) {
    free(server);
    return NULL;
}

void redis_server_require_master(RedisServer *server) {
    server->commander.must_be_master = true;
}

/* Links that are ready stay: what else they carry is not touched by it. */
void redis_server_set_canary(RedisServer *server, const char *canary) {
    bool is_ready = redis_subscriber_is_ready(&server->subscriber);
    if (strcmp(server->canary, canary) == 0)
        return;
    if (!is_ready)
        server_fail(server, REDIS_CAUSE_MOVED, "the slot of its canary has moved");
    server->n_canary = (size_t)snprintf(server->canary, sizeof server->canary, "%s", canary);
    if (is_ready)
        redis_subscriber_want(&server->subscriber, true, server->canary, server->n_canary);
}

/* Without the credentials: they are not the endpoint's. */
static void server_name_endpoint(const RedisServer *server, const RedisEndpoint *endpoint) {
    char text[LABEL_BYTES] = "";
    if (!server->counters)
        return;
    if (endpoint && endpoint->path[0])
        snprintf(text, sizeof text, "%.*s", LABEL_BYTES - 1, endpoint->path);
    else if (endpoint)
        snprintf(text, sizeof text, "%.*s:%u", LABEL_BYTES - 12, endpoint->host, endpoint->port);
    label_set(&server->counters->endpoint, text);
}

void redis_server_locate(RedisServer *server, const RedisEndpoint *endpoint) {
    server_name_endpoint(server, endpoint);
    server->is_failing = true; /* said once, by the subscriber */
    redis_link_locate(&server->commander.link, endpoint);
    server->is_failing = false;
    redis_link_locate(&server->subscriber.link, endpoint);
}

const RedisEndpoint *redis_server_endpoint(const RedisServer *server) {
    const RedisLink *link = &server->subscriber.link;
    return link->is_located ? &link->endpoint : NULL;
}

bool redis_server_is_up(const RedisServer *server) {
    return server->is_up && redis_subscriber_is_ready(&server->subscriber);
}

void redis_server_tick(RedisServer *server, uint64_t now_ms) {
    uint64_t step_ms = now_ms - server->tick_ms;
    server->now_ms = server->tick_ms ? server->now_ms + (step_ms < STEP_MS ? step_ms : STEP_MS) : now_ms;
    server->tick_ms = now_ms;
    redis_commander_tick(&server->commander, server->now_ms);
    redis_subscriber_tick(&server->subscriber, server->now_ms);
    if (server->is_up || server_is_linked(server))
        server_check_canary(server);
}

void redis_server_subscribe(RedisServer *server, const char *name, size_t n_name) {
    if (server->is_up)
        redis_subscriber_want(&server->subscriber, true, name, n_name);
}

void redis_server_unsubscribe(RedisServer *server, const char *name, size_t n_name) {
    if (server->is_up)
        redis_subscriber_want(&server->subscriber, false, name, n_name);
}

BrokerResult redis_server_call(RedisServer *server, const RedisCommand *command) {
    return redis_commander_call(&server->commander, command);
}

RedisScript *redis_server_script(RedisServer *server) {
    return &server->script;
}
