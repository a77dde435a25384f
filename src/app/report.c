#include "app/report.h"

#include <stddef.h>

#include "base/log.h"
#include "session/audit.h"

static int64_t report_sum(const Worker *workers, uint32_t n_workers, size_t offset) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n_workers; i++)
        sum += counter_read((const Counter *)((const char *)&workers[i] + offset));
    return (int64_t)sum;
}

#define report_counter(name, field) log_number(name, report_sum(workers, n_workers, offsetof(Worker, field)))
#define report_row(name, field, n) log_number(name, report_sum_row(workers, n_workers, offsetof(Worker, field), n))

static void report_log_causes(const Worker *workers, uint32_t n_workers) {
    for (Cause cause = CAUSE_NONE + 1; cause < CAUSE_COUNT; cause++) {
        size_t slot = sizeof(Counter) * cause;
        int64_t closed = report_sum(workers, n_workers, offsetof(Worker, sessions.counters.closed) + slot);
        int64_t terminated = report_sum(workers, n_workers, offsetof(Worker, sessions.counters.terminated) + slot);
        if (closed > 0 || terminated > 0)
            log_event(LOG_LEVEL_INFO, "ended", log_text("cause", cause_name(cause)), log_number("closed", closed),
                      log_number("terminated", terminated));
    }
}

/* Of n counters in a row, the first at offset. */
static int64_t report_sum_row(const Worker *workers, uint32_t n_workers, size_t offset, size_t n) {
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += report_sum(workers, n_workers, offset + sizeof(Counter) * i);
    return sum;
}

static int64_t report_audit_findings(const Worker *workers, uint32_t n_workers) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n_workers; i++)
        sum += audit_findings(&workers[i].sessions.counters);
    return (int64_t)sum;
}

static void report_log_bus(const BusThread *thread) {
    const BusCounters *bus = &thread->bus.counters;
    log_event(LOG_LEVEL_INFO, "broker_totals", log_number("channels", (int64_t)counter_read(&bus->channels)),
              log_number("received", (int64_t)counter_read(&bus->received)),
              log_number("unwanted", (int64_t)counter_read(&bus->unwanted)),
              log_number("duplicates", (int64_t)counter_read(&bus->duplicates)),
              log_number("caught_up", (int64_t)counter_read(&bus->caught_up)),
              log_number("gaps", (int64_t)counter_read(&bus->gaps)),
              log_number("history_failures", (int64_t)counter_read(&bus->history_failures)),
              log_number("links_lost", (int64_t)counter_read(&bus->links_lost)),
              log_number("published", (int64_t)counter_read(&bus->published)),
              log_number("publish_failures", (int64_t)counter_read(&bus->publish_failures)),
              log_number("dropped", (int64_t)counter_read(&thread->counters.dropped)));
}

/* How the links to Redis fared; nothing of the embedded broker. */
static void report_log_redis(const RedisCounters *redis) {
    if (counter_read(&redis->links_made) == 0)
        return;
    for (RedisCause cause = 0; cause < REDIS_CAUSES; cause++)
        if (counter_read(&redis->links_lost[cause]) > 0)
            log_event(LOG_LEVEL_INFO, "links_lost", log_text("cause", redis_cause_name(cause)),
                      log_number("links", (int64_t)counter_read(&redis->links_lost[cause])));
    log_event(LOG_LEVEL_INFO, "redis_totals", log_number("links_made", (int64_t)counter_read(&redis->links_made)),
              log_number("canaries_heard", (int64_t)counter_read(&redis->canaries_heard)),
              log_number("canary_lag_max_ms", (int64_t)counter_read(&redis->canary_lag_max_ms)),
              log_number("subscribed", (int64_t)counter_read(&redis->subscribed)),
              log_number("calls", (int64_t)counter_read(&redis->calls)),
              log_number("overloaded", (int64_t)counter_read(&redis->overloaded)),
              log_number("redirected", (int64_t)counter_read(&redis->redirected)));
}

/* What the limits kept out, or put off. */
static void report_log_limits(const Worker *workers, uint32_t n_workers) {
    log_event(LOG_LEVEL_INFO, "limits", report_counter("refused_addresses", ws_counters.refused_addresses),
              report_counter("refused_proxies", ws_counters.refused_proxies), report_counter("paced", ws_counters.paced),
              report_counter("limited_messages", sessions.counters.limited_messages),
              report_counter("refused_users", sessions.counters.refused_users),
              report_counter("refused_channels", sessions.counters.refused_channels),
              report_counter("refused_subscriptions", sessions.counters.refused_subscriptions));
}

void report_log_reload(const Reload *reload) {
    const Certificates *certificates = &reload->certificates;
    const ReloadCounters *counters = &reload->counters;
    if (certificates->tls)
        log_event(LOG_LEVEL_INFO, "certificates_totals", log_number("reloads", (int64_t)counter_read(&certificates->reloads)),
                  log_number("refused", (int64_t)counter_read(&certificates->refused_reloads)));
    if (counter_read(&counters->loaded) + counter_read(&counters->refused) + counter_read(&counters->keys_loaded) +
            counter_read(&counters->keys_refused) >
        0)
        log_event(LOG_LEVEL_INFO, "reload_totals", log_number("loaded", (int64_t)counter_read(&counters->loaded)),
                  log_number("refused", (int64_t)counter_read(&counters->refused)),
                  log_number("keys_loaded", (int64_t)counter_read(&counters->keys_loaded)),
                  log_number("keys_refused", (int64_t)counter_read(&counters->keys_refused)));
}

void report_log(const Worker *workers, uint32_t n_workers, const BusThread *bus) {
    report_log_causes(workers, n_workers);
    report_log_bus(bus);
    report_log_redis(&bus->redis);
    report_log_limits(workers, n_workers);
    log_event(LOG_LEVEL_INFO, "totals", report_row("connections", sessions.counters.in_state, READY_STATES),
              report_counter("subscriptions", sessions.hub.counters.subscriptions),
              report_counter("accepted", sessions.counters.accepted), report_counter("refused", ws_counters.refused),
              report_counter("http_requests", ws_counters.requests), report_counter("tls_failed", ws_counters.tls_failed),
              report_counter("unauthorized", ws_counters.unauthorized), report_counter("forbidden", ws_counters.forbidden),
              report_counter("refused_tokens", sessions.counters.refused_tokens),
              report_counter("received_messages", sessions.counters.received_messages),
              report_counter("messages", sessions.hub.counters.messages),
              report_counter("deliveries", sessions.hub.counters.deliveries),
              report_counter("sent_frames", sessions.counters.sent_frames),
              report_counter("sent_bytes", sessions.counters.sent_bytes), report_counter("writes", sessions.counters.writes),
              report_counter("pings", sessions.counters.pings),
              report_row("refused_sends", sessions.counters.refused_sends, READY_STATES),
              report_row("evicted_frames", sessions.counters.evicted_frames, SLOW_POLICIES),
              report_counter("controlled", sessions.counters.controlled),
              log_number("audit_findings", report_audit_findings(workers, n_workers)));
}
