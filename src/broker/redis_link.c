#include "broker/redis_link.h"

#include <errno.h>
#include <stdio.h>

#include "base/random.h"

/* Which state may follow which. */
static const unsigned char link_may_follow[] = {
    [REDIS_LINK_WAITING] = 1 << REDIS_LINK_CONNECTING | 1 << REDIS_LINK_CLOSED,
    [REDIS_LINK_CONNECTING] = 1 << REDIS_LINK_GREETING | 1 << REDIS_LINK_WAITING | 1 << REDIS_LINK_CLOSED,
    [REDIS_LINK_GREETING] = 1 << REDIS_LINK_READY | 1 << REDIS_LINK_WAITING | 1 << REDIS_LINK_CLOSED,
    [REDIS_LINK_READY] = 1 << REDIS_LINK_WAITING | 1 << REDIS_LINK_CLOSED,
    [REDIS_LINK_CLOSED] = 0,
};

static bool link_set_state(RedisLink *link, RedisLinkState state) {
    if (!(link_may_follow[link->state] & 1 << state))
        return false;
    link->state = state;
    return true;
}

static void link_on_connected(void *context) {
    RedisLink *link = context;
    if (link_set_state(link, REDIS_LINK_GREETING))
        link->events->greet(link->context);
}

static void link_on_reply(void *context, redisReply *reply) {
    RedisLink *link = context;
    link->events->reply(link->context, reply);
}

static void link_on_ended(void *context, RedisCause cause, const char *reason) {
    redis_link_fail(context, cause, reason);
}

static const RedisConnectionEvents link_connection_events = {
    .connected = link_on_connected,
    .reply = link_on_reply,
    .ended = link_on_ended,
};

void redis_link_init(RedisLink *link, const char *name, const RedisLinkSetting *setting, const RedisLinkEvents *events,
                     void *context) {
    *link = (RedisLink){.name = name, .setting = *setting, .events = events, .context = context};
}

void redis_link_locate(RedisLink *link, const RedisEndpoint *endpoint) {
    if (endpoint ? link->is_located && redis_endpoint_equal(endpoint, &link->endpoint) : !link->is_located)
        return;
    redis_link_fail(link, REDIS_CAUSE_MOVED, "it is elsewhere now");
    link->is_located = endpoint != NULL;
    if (endpoint)
        link->endpoint = *endpoint;
    link->n_attempts = 0;
    link->due_ms = 0;
}

static void link_connect(RedisLink *link) {
    const RedisLinkSetting *setting = &link->setting;
    const RedisTarget target = {
        .endpoint = &link->endpoint, .security = setting->credentials, .resolver = setting->options->resolver};
    link_set_state(link, REDIS_LINK_CONNECTING);
    link->due_ms = link->now_ms + setting->options->connect_ms;
    redisReader *reader = link->events->reader(link->context);
    int r =
        redis_connection_open(&link->connection, setting->loop, setting->turn, &target, reader, &link_connection_events, link);
    if (r < 0)
        redis_link_fail(link, r == -ENOMEM ? REDIS_CAUSE_MEMORY : REDIS_CAUSE_CONNECT, uv_strerror(r));
}

void redis_link_tick(RedisLink *link, uint64_t now_ms) {
    link->now_ms = now_ms;
    if (now_ms < link->due_ms)
        return;
    if (link->state == REDIS_LINK_WAITING && link->is_located)
        link_connect(link);
    else if (link->state == REDIS_LINK_CONNECTING)
        redis_link_fail(link, REDIS_CAUSE_CONNECT_TIMEOUT, "no connection in time");
    else if (link->state == REDIS_LINK_GREETING)
        redis_link_fail(link, REDIS_CAUSE_GREETING_TIMEOUT, "no answer to the greeting in time");
}

void redis_link_ready(RedisLink *link) {
    RedisCounters *counters = link->setting.options->counters;
    link->ready_ms = link->now_ms;
    if (link_set_state(link, REDIS_LINK_READY) && counters) {
        counter_add(&counters->links_made, 1);
        counter_add(&counters->links_up, 1);
    }
}

/* Full jitter, so that the nodes of a restarted Redis do not come back as one. Only a link that has held for a canary's
   time starts anew: one that is accepted and dropped at once goes on backing off. */
static void link_back_off(RedisLink *link, bool was_ready) {
    const RedisOptions *options = link->setting.options;
    if (was_ready && link->now_ms - link->ready_ms >= options->canary_ms)
        link->n_attempts = 0;
    uint64_t ceiling_ms = (uint64_t)options->backoff_min_ms << (link->n_attempts < 20 ? link->n_attempts : 20);
    if (ceiling_ms > options->backoff_max_ms)
        ceiling_ms = options->backoff_max_ms;
    link->n_attempts++;
    link->due_ms = link->now_ms + random_below(ceiling_ms + 1);
}

static void link_count_lost(const RedisLink *link, bool was_ready) {
    RedisCounters *counters = link->setting.options->counters;
    if (!counters)
        return;
    counter_add(&counters->links_lost[link->cause], 1);
    if (was_ready)
        counter_subtract(&counters->links_up, 1);
}

void redis_link_fail(RedisLink *link, RedisCause cause, const char *reason) {
    bool was_ready = link->state == REDIS_LINK_READY;
    if (!link_set_state(link, REDIS_LINK_WAITING))
        return;
    char text[REDIS_REASON_BYTES]; /* written before the connection goes, which may own the reason */
    const RedisEndpoint *endpoint = &link->endpoint;
    if (endpoint->path[0])
        snprintf(text, sizeof text, "%s at %s: %s", link->name, endpoint->path, reason);
    else
        snprintf(text, sizeof text, "%s at %s port %u: %s", link->name, endpoint->host, endpoint->port, reason);
    link->cause = cause;
    link->connection = redis_connection_terminate(link->connection);
    link_count_lost(link, was_ready);
    link_back_off(link, was_ready);
    link->events->lost(link->context, text);
}

void redis_link_close(RedisLink *link) {
    RedisCounters *counters = link->setting.options->counters;
    if (link->state == REDIS_LINK_READY && counters)
        counter_subtract(&counters->links_up, 1);
    link_set_state(link, REDIS_LINK_CLOSED);
    link->connection = redis_connection_close(link->connection);
}

Writer *redis_link_writer(RedisLink *link) {
    return redis_connection_writer(link->connection);
}

unsigned redis_link_authenticate(RedisLink *link) {
    const RedisUrl *url = link->setting.credentials;
    if (!url->user && !url->password)
        return 0;
    Writer *writer = redis_link_writer(link);
    writer_header(writer, '*', url->user ? 3 : 2);
    writer_bulk_text(writer, "AUTH");
    if (url->user)
        writer_bulk_text(writer, url->user);
    writer_bulk_text(writer, url->password ? url->password : ""); /* a user without a password takes any */
    return 1;
}
