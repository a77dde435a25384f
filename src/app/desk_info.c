#include "app/desk.h"
#include "app/process_figures.h"
#include "base/clock.h"
#include "session/audit.h"

_Static_assert((int)NODE_LINK_SERVER_SIZE == (int)LABEL_BYTES, "a link's server is read as a label");

static uint64_t desk_sum(const Desk *desk, size_t offset) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < desk->options.n_workers; i++)
        sum += counter_read((const Counter *)((const char *)&desk->options.workers[i] + offset));
    return sum;
}

#define desk_total(field) desk_sum(desk, offsetof(Worker, field))

static uint64_t desk_longest_lag(const Desk *desk) {
    uint64_t longest_ms = 0;
    for (unsigned i = 0; i < DESK_LAGS; i++)
        longest_ms = desk->lags_ms[i] > longest_ms ? desk->lags_ms[i] : longest_ms;
    return longest_ms;
}

static uint64_t desk_canary_lag(const Desk *desk) {
    const BusThread *bus = desk->options.bus;
    return bus->n_urls > 0 ? counter_read(&redis_backend_counters(bus->backend)->canary_lag_ms) : 0;
}

static void desk_tell_links(const Desk *desk, NodeInfo *info) {
    const BusThread *bus = desk->options.bus;
    if (bus->n_urls == 0)
        return;
    const RedisCounters *redis = redis_backend_counters(bus->backend);
    uint64_t n_servers = counter_read(&redis->n_servers);
    for (uint64_t i = 0; i < n_servers && i < REDIS_SERVERS_COUNTED && info->n_links < NODE_LINKS_MAX; i++) {
        const RedisServerCounters *server = &redis->servers[i];
        NodeLink *link = &info->links[info->n_links];
        label_read(&server->endpoint, link->server);
        if (!link->server[0])
            continue; /* it is nowhere for now */
        link->is_up = counter_read(&server->up) != 0;
        link->canary_lag_ms = counter_read(&server->canary_lag_ms);
        link->times_down = counter_read(&server->downs);
        info->n_links++;
    }
}

void desk_note_lags(Desk *desk) {
    uint64_t longest_ms = counter_read(&desk->loop.lag_ms);
    uint64_t bus_ms = counter_read(&desk->options.bus->loop.lag_ms);
    longest_ms = bus_ms > longest_ms ? bus_ms : longest_ms;
    for (uint32_t i = 0; i < desk->options.n_workers; i++) {
        uint64_t lag_ms = counter_read(&desk->options.workers[i].loop.lag_ms);
        longest_ms = lag_ms > longest_ms ? lag_ms : longest_ms;
    }
    desk->lags_ms[desk->next_lag] = longest_ms < UINT32_MAX ? (uint32_t)longest_ms : UINT32_MAX;
    desk->next_lag = (desk->next_lag + 1) % DESK_LAGS;
}

void desk_info(Desk *desk, NodeInfo *info) {
    const BusCounters *bus = &desk->options.bus->bus.counters;
    *info = (NodeInfo){
        .node_id = desk->options.node_id,
        .version = BARKER_VERSION,
        .broker = desk->options.config->redis_url[0] ? "redis" : "embedded",
        .is_broker_up = counter_read(&bus->up) != 0,
        .n_workers = desk->options.n_workers,
        .uptime_ms = clock_now_ms() - desk->started_ms,
        .subscriptions = desk_total(sessions.hub.counters.subscriptions),
        .channels = counter_read(&bus->channels),
        .accepted = desk_total(sessions.counters.accepted),
        .received_messages = desk_total(sessions.counters.received_messages),
        .broker_messages = counter_read(&bus->received),
        .deliveries = desk_total(sessions.hub.counters.deliveries),
        .sent_bytes = desk_total(sessions.counters.sent_bytes),
        .links_lost = counter_read(&bus->links_lost),
        .outbox_bytes = desk_total(sessions.counters.waiting.bytes),
        .canary_lag_ms = desk_canary_lag(desk),
        .loop_lag_ms = desk_longest_lag(desk),
        .memory_bytes = process_memory_bytes(),
    };
    for (unsigned state = 0; state < READY_STATES; state++)
        info->connections[state] = desk_sum(desk, offsetof(Worker, sessions.counters.in_state) + sizeof(Counter) * state);
    for (unsigned policy = 0; policy < SLOW_POLICIES; policy++)
        info->evicted_frames += desk_sum(desk, offsetof(Worker, sessions.counters.evicted_frames) + sizeof(Counter) * policy);
    for (uint32_t i = 0; i < desk->options.n_workers; i++)
        info->audit_findings += audit_findings(&desk->options.workers[i].sessions.counters);
    desk_tell_links(desk, info);
}
