#include "app/metrics_table.h"

#include "app/process_figures.h"
#include "dialect/dialect.h"
#include "session/audit.h"

static const char *state_of(unsigned i) {
    static const char *const names[READY_STATES] = {"connecting", "open", "closing", "closed"};
    return names[i];
}

static const char *cause_of(unsigned i) {
    return cause_name((Cause)i);
}

static const char *redis_cause_of(unsigned i) {
    return redis_cause_name((RedisCause)i);
}

static const char *policy_of(unsigned i) {
    static const char *const names[SLOW_POLICIES] = {"close", "drop-oldest", "latest"};
    return names[i];
}

static uint64_t read_one(const MetricsSources *sources) {
    return 1;
}

static uint64_t read_healthy(const MetricsSources *sources) {
    return sources->is_healthy;
}

static uint64_t read_ready(const MetricsSources *sources) {
    return sources->is_ready;
}

static uint64_t read_draining(const MetricsSources *sources) {
    return sources->is_draining;
}

static uint64_t read_workers(const MetricsSources *sources) {
    return sources->n_workers;
}

static uint64_t read_started(const MetricsSources *sources) {
    return sources->started_wall_ms;
}

static uint64_t read_memory(const MetricsSources *sources) {
    return process_memory_bytes();
}

static uint64_t read_descriptors(const MetricsSources *sources) {
    return process_descriptors();
}

static uint64_t read_descriptor_limit(const MetricsSources *sources) {
    return process_descriptor_limit();
}

static uint64_t read_cpu(const MetricsSources *sources) {
    return process_cpu_us();
}

static uint64_t read_findings(const MetricsSources *sources) {
    uint64_t n = 0;
    for (uint32_t i = 0; i < sources->n_workers; i++)
        n += audit_findings(&sources->workers[i].sessions.counters);
    return n;
}

enum { MILLI = 1000, MICRO = 1000000 };

#define PROCESS(function) .place = METRIC_OF_PROCESS, .read = (function)
#define WORKERS(member) .place = METRIC_OF_WORKERS, .offset = offsetof(Worker, member)
#define SESSIONS(member) WORKERS(sessions.counters.member)
#define HUB(member) WORKERS(sessions.hub.counters.member)
#define WS(member) WORKERS(ws_counters.member)
#define LOOPS(member) .place = METRIC_OF_LOOPS, .offset = offsetof(Loop, member), .label = "thread"
#define BUS(member) .place = METRIC_OF_BUS, .offset = offsetof(BusThread, member)
#define PRESENCE(member) .place = METRIC_OF_PRESENCE, .offset = offsetof(PresenceCounters, member)
#define REDIS(member) .place = METRIC_OF_REDIS, .offset = offsetof(RedisCounters, member)
#define REDIS_SERVER(member) .place = METRIC_OF_REDIS_SERVERS, .offset = offsetof(RedisServerCounters, member)
#define DESK_HTTP(member) .place = METRIC_OF_DESK_HTTP, .offset = offsetof(HttpServerCounters, member)
#define DESK(member) .place = METRIC_OF_DESK, .offset = offsetof(DeskCounters, member)
#define CERTIFICATES(member) .place = METRIC_OF_CERTIFICATES, .offset = offsetof(Certificates, member)
#define RELOAD(member) .place = METRIC_OF_RELOAD, .offset = offsetof(ReloadCounters, member)
#define ITEMS(name, count, function) .label = (name), .n_items = (count), .item = (function)
#define IS(name, text) .label = (name), .value = (text)

static const Metric metrics[] = {
    {"barker_build_info", METRIC_GAUGE, PROCESS(read_one), IS("version", BARKER_VERSION), .help = "1, for its label."},
    {"barker_healthy", METRIC_GAUGE, PROCESS(read_healthy),
     .help = "1 while /healthz says so: every loop has turned within 2 s."},
    {"barker_ready", METRIC_GAUGE, PROCESS(read_ready),
     .help = "1 while /readyz says so: healthy, the broker is heard, and the node is not about to go."},
    {"barker_draining", METRIC_GAUGE, PROCESS(read_draining),
     .help = "1 from the signal to end on, while clients are sent away."},
    {"barker_workers", METRIC_GAUGE, PROCESS(read_workers), .help = "Worker threads."},
    {"process_start_time_seconds", METRIC_GAUGE, PROCESS(read_started), .per_unit = MILLI,
     .help = "When the process began, in seconds since 1970."},
    {"process_cpu_seconds_total", METRIC_COUNTER, PROCESS(read_cpu), .per_unit = MICRO,
     .help = "CPU time of all threads, in user and kernel."},
    {"process_resident_memory_bytes", METRIC_GAUGE, PROCESS(read_memory), .help = "Memory that is resident."},
    {"process_open_fds", METRIC_GAUGE, PROCESS(read_descriptors), .help = "Open file descriptors; each connection is one."},
    {"process_max_fds", METRIC_GAUGE, PROCESS(read_descriptor_limit), .help = "File descriptors that the process may have."},
    {"barker_loop_lag_seconds", METRIC_HISTOGRAM, LOOPS(lag), .per_unit = MILLI,
     .help = "How late each thread's tick of 100 ms came: what a client may wait for its thread."},

    {"barker_connections", METRIC_GAUGE, SESSIONS(in_state), ITEMS("state", READY_STATES, state_of),
     .help = "Connections of clients, by readyState."},
    {"barker_dialect_connections", METRIC_GAUGE, SESSIONS(in_dialect), ITEMS("dialect", FRAME_ENCODERS_MAX, dialect_name),
     .help = "Connections that have become WebSockets, by dialect."},
    {"barker_connections_accepted_total", METRIC_COUNTER, SESSIONS(accepted), .help = "Connections that were accepted."},
    {"barker_connections_refused_total", METRIC_COUNTER, WS(refused), IS("reason", "limit"),
     .help = "Connections that were closed at once: over limits.connections or without memory, over "
             "limits.connections_per_address, or without a good PROXY header; and those over limits.connections_per_user."},
    {"barker_connections_refused_total", METRIC_COUNTER, WS(refused_addresses), IS("reason", "address")},
    {"barker_connections_refused_total", METRIC_COUNTER, WS(refused_proxies), IS("reason", "proxy")},
    {"barker_connections_refused_total", METRIC_COUNTER, SESSIONS(refused_users), IS("reason", "user")},
    {"barker_accepts_paced_total", METRIC_COUNTER, WS(paced),
     .help = "Times that new connections were left in the kernel's backlog until it was their turn."},
    {"barker_tls_handshakes_failed_total", METRIC_COUNTER, WS(tls_failed),
     .help = "TLS handshakes of clients that did not end well."},
    {"barker_upgrades_refused_total", METRIC_COUNTER, WS(unauthorized), IS("reason", "unauthorized"),
     .help = "WebSocket handshakes that were answered with 401 (no good token) or 403 (a page from elsewhere)."},
    {"barker_upgrades_refused_total", METRIC_COUNTER, WS(forbidden), IS("reason", "forbidden")},
    {"barker_tokens_refused_total", METRIC_COUNTER, SESSIONS(refused_tokens),
     .help = "Tokens that were shown and were not good."},
    {"barker_connections_closed_total", METRIC_COUNTER, SESSIONS(closed), ITEMS("cause", CAUSE_COUNT, cause_of), .first = 1,
     .help = "Connections that ended with a goodbye of either side, by cause."},
    {"barker_connections_terminated_total", METRIC_COUNTER, SESSIONS(terminated), ITEMS("cause", CAUSE_COUNT, cause_of),
     .first = 1, .help = "Connections that ended without one, or were not waited for any longer, by cause."},
    {"barker_audit_findings_total", METRIC_COUNTER, PROCESS(read_findings),
     .help = "Connections that only the audit found dead. Not 0: a defect of Barker."},
    {"barker_pings_total", METRIC_COUNTER, SESSIONS(pings), .help = "Pings that were sent to quiet connections."},

    {"barker_client_messages_total", METRIC_COUNTER, SESSIONS(received_messages), .help = "Messages from clients."},
    {"barker_client_received_bytes_total", METRIC_COUNTER, SESSIONS(received_bytes), .help = "Bytes of these."},
    {"barker_subscriptions_refused_total", METRIC_COUNTER, SESSIONS(refused_subscriptions), IS("reason", "limit"),
     .help =
         "Subscribes over limits.subscriptions; requests that name no good channel, or one longer than limits.channel_name."},
    {"barker_subscriptions_refused_total", METRIC_COUNTER, SESSIONS(refused_channels), IS("reason", "channel")},
    {"barker_client_messages_limited_total", METRIC_COUNTER, SESSIONS(limited_messages),
     .help = "Messages from clients over limits.message_rate or limits.byte_rate."},
    {"barker_channels", METRIC_GAUGE, HUB(channels), .help = "Channels with a subscriber, counted once for each worker."},
    {"barker_subscriptions", METRIC_GAUGE, HUB(subscriptions), .help = "Subscriptions of all connections."},
    {"barker_messages_total", METRIC_COUNTER, HUB(messages), .help = "Messages from the broker, counted once for each worker."},
    {"barker_messages_unwanted_total", METRIC_COUNTER, HUB(unwanted),
     .help = "Those of them that nobody subscribes to any more."},
    {"barker_deliveries_total", METRIC_COUNTER, HUB(deliveries), .help = "Messages handed to subscribers, once for each."},
    {"barker_encode_failures_total", METRIC_COUNTER, HUB(encode_failures),
     .help = "Frames that could not be built for want of memory."},
    {"barker_fan_out_seconds", METRIC_HISTOGRAM, SESSIONS(fan_out_us), .per_unit = MICRO,
     .help = "How long a worker takes to hand one message to all its subscribers."},
    {"barker_fan_out_deliveries", METRIC_HISTOGRAM, SESSIONS(fan_out_deliveries), .help = "How many these are."},
    {"barker_flush_seconds", METRIC_HISTOGRAM, SESSIONS(flush_us), .per_unit = MICRO,
     .help = "How long a worker takes at the end of a turn to write what waits; turns with nothing to write do not count."},
    {"barker_sent_frames_total", METRIC_COUNTER, SESSIONS(sent_frames), .help = "Frames written to clients."},
    {"barker_sent_bytes_total", METRIC_COUNTER, SESSIONS(sent_bytes), .help = "Bytes of these, before TLS."},
    {"barker_writes_total", METRIC_COUNTER, SESSIONS(writes), .help = "Writes by which they went."},
    {"barker_outbox_frames", METRIC_GAUGE, SESSIONS(waiting.frames), .help = "Frames waiting for connections."},
    {"barker_outbox_bytes", METRIC_GAUGE, SESSIONS(waiting.bytes),
     .help = "Bytes of these; a frame counts for each connection."},
    {"barker_evicted_frames_total", METRIC_COUNTER, SESSIONS(evicted_frames), ITEMS("policy", SLOW_POLICIES, policy_of),
     .first = 1, .help = "Frames dropped from the outbox of a slow connection, by the policy of their namespace."},
    {"barker_refused_sends_total", METRIC_COUNTER, SESSIONS(refused_sends), ITEMS("state", READY_STATES, state_of),
     .help = "Frames that were not taken for a connection, by its readyState: it was going, or over its limit."},

    {"barker_broker_up", METRIC_GAUGE, BUS(bus.counters.up), .help = "1 while the broker is heard."},
    {"barker_broker_outages_total", METRIC_COUNTER, BUS(bus.counters.links_lost), .help = "Times that it no longer was."},
    {"barker_broker_channels", METRIC_GAUGE, BUS(bus.counters.channels), .help = "Channels that the node hears."},
    {"barker_broker_messages_total", METRIC_COUNTER, BUS(bus.counters.received), .help = "Messages from the broker."},
    {"barker_broker_messages_unwanted_total", METRIC_COUNTER, BUS(bus.counters.unwanted),
     .help = "Those of channels that nobody here wants any more, while the node stays subscribed a little."},
    {"barker_broker_duplicates_total", METRIC_COUNTER, BUS(bus.counters.duplicates),
     .help = "Messages that had been delivered already."},
    {"barker_broker_caught_up_total", METRIC_COUNTER, BUS(bus.counters.caught_up),
     .help = "Messages that were lost on the way and read from the history."},
    {"barker_broker_reads_waiting", METRIC_GAUGE, BUS(bus.counters.reads_waiting),
     .help = "Channels that wait for their turn to have their history read, after an outage."},
    {"barker_broker_gaps_total", METRIC_COUNTER, BUS(bus.counters.gaps),
     .help = "Times that a channel may have lost messages."},
    {"barker_broker_dropped_messages_total", METRIC_COUNTER, BUS(counters.dropped),
     .help = "Messages dropped since a worker was too far behind; its clients were told of a gap."},
    {"barker_published_total", METRIC_COUNTER, BUS(bus.counters.published),
     .help = "Messages published by clients and the HTTP API."},
    {"barker_publish_failures_total", METRIC_COUNTER, BUS(bus.counters.publish_failures),
     .help = "Those that the broker did not take."},
    {"barker_history_requests_total", METRIC_COUNTER, BUS(bus.counters.histories),
     .help = "Resumes and pages of history asked for."},
    {"barker_history_failures_total", METRIC_COUNTER, BUS(bus.counters.history_failures),
     .help = "Histories that the broker refused to read."},
    {"barker_presence_requests_total", METRIC_COUNTER, BUS(bus.counters.presences), .help = "Lists of members asked for."},
    {"barker_presence_members", METRIC_GAUGE, PRESENCE(members), .help = "Users of this node in channels with presence."},
    {"barker_presence_announced_total", METRIC_COUNTER, PRESENCE(announced), .help = "Joins and leaves told to subscribers."},
    {"barker_presence_lists_total", METRIC_COUNTER, PRESENCE(lists_fetched), .help = "Lists of members read from the broker."},
    {"barker_presence_leases_lost_total", METRIC_COUNTER, PRESENCE(leases_lost),
     .help = "Times that this node's lease ran out."},
    {"barker_presence_nodes_buried_total", METRIC_COUNTER, PRESENCE(buried),
     .help = "Dead nodes whose members this node let leave."},
    {"barker_presence_failures_total", METRIC_COUNTER, PRESENCE(failures), .help = "Members lost for want of memory."},

    {"barker_redis_links_up", METRIC_GAUGE, REDIS(links_up), .help = "Links to Redis that are ready: two for each server."},
    {"barker_redis_links_made_total", METRIC_COUNTER, REDIS(links_made),
     .help = "Links that became ready; each beyond the first two of a server is a reconnect."},
    {"barker_redis_links_lost_total", METRIC_COUNTER, REDIS(links_lost), ITEMS("cause", REDIS_CAUSES, redis_cause_of),
     .help = "Links that were lost or did not become ready, by cause."},
    {"barker_redis_canaries_heard_total", METRIC_COUNTER, REDIS(canaries_heard), .help = "Messages to itself that came back."},
    {"barker_redis_canary_lag_seconds", METRIC_GAUGE, REDIS(canary_lag_ms), .per_unit = MILLI,
     .help = "How long the last of them took, of any server."},
    {"barker_redis_canary_lag_max_seconds", METRIC_GAUGE, REDIS(canary_lag_max_ms), .per_unit = MILLI,
     .help = "The longest ever."},
    {"barker_redis_server_up", METRIC_GAUGE, REDIS_SERVER(up),
     .help = "1 while both links to that server are ready and it is heard."},
    {"barker_redis_server_downs_total", METRIC_COUNTER, REDIS_SERVER(downs), .help = "Times that it no longer was."},
    {"barker_redis_server_canary_lag_seconds", METRIC_GAUGE, REDIS_SERVER(canary_lag_ms), .per_unit = MILLI,
     .help = "How long its last canary took."},
    {"barker_redis_subscribed_total", METRIC_COUNTER, REDIS(subscribed),
     .help = "Subscriptions that Redis acknowledged, again after each outage."},
    {"barker_redis_moved_total", METRIC_COUNTER, REDIS(moved), .help = "Subscriptions that ended since their slot moved."},
    {"barker_redis_calls_total", METRIC_COUNTER, REDIS(calls), .help = "Commands sent to Redis, but for subscriptions."},
    {"barker_redis_overloaded_total", METRIC_COUNTER, REDIS(overloaded),
     .help = "Commands that were not sent: over redis.publish_limit."},
    {"barker_redis_redirected_total", METRIC_COUNTER, REDIS(redirected),
     .help = "Commands that were answered with MOVED or ASK."},
    {"barker_redis_scripts_loaded_total", METRIC_COUNTER, REDIS(scripts_loaded),
     .help = "Times that the functions were loaded into a server."},

    {"barker_http_requests_total", METRIC_COUNTER, WS(requests), IS("listener", "clients"),
     .help = "HTTP requests that are no WebSocket handshake, at listen.address or admin.address."},
    {"barker_http_requests_total", METRIC_COUNTER, DESK_HTTP(requests), IS("listener", "admin")},
    {"barker_admin_connections", METRIC_GAUGE, DESK_HTTP(connections), .help = "Connections to admin.address."},
    {"barker_admin_connections_accepted_total", METRIC_COUNTER, DESK_HTTP(accepted), .help = "Those that were accepted."},
    {"barker_admin_connections_refused_total", METRIC_COUNTER, DESK_HTTP(refused), .help = "Those over the limit."},
    {"barker_admin_connections_overdue_total", METRIC_COUNTER, DESK_HTTP(overdue),
     .help = "Those that were hung up on for being slow."},
    {"barker_control_heard", METRIC_GAUGE, DESK(is_hearing),
     .help = "1 while the broker lets the node hear the control channel."},
    {"barker_control_commands_total", METRIC_COUNTER, DESK(control_commands), IS("result", "carried_out"),
     .help = "Control commands from the broker: carried out, not understood, or lost since the node was too far behind."},
    {"barker_control_commands_total", METRIC_COUNTER, DESK(control_bad), IS("result", "bad")},
    {"barker_control_commands_total", METRIC_COUNTER, DESK(control_lost), IS("result", "lost")},
    {"barker_control_applied_total", METRIC_COUNTER, SESSIONS(controlled),
     .help = "Connections to which a control command has done something."},
    {"barker_certificate_loads_total", METRIC_COUNTER, CERTIFICATES(reloads), IS("result", "loaded"),
     .help = "Certificates that were loaded anew, or refused for what was wrong with them."},
    {"barker_certificate_loads_total", METRIC_COUNTER, CERTIFICATES(refused_reloads), IS("result", "refused")},
    {"barker_configuration_loads_total", METRIC_COUNTER, RELOAD(loaded), IS("result", "loaded"),
     .help = "Configurations that the node has gone by since its start, or has refused for what was wrong with them."},
    {"barker_configuration_loads_total", METRIC_COUNTER, RELOAD(refused), IS("result", "refused")},
    {"barker_key_loads_total", METRIC_COUNTER, RELOAD(keys_loaded), IS("result", "loaded"),
     .help =
         "Readings of the keys for tokens and of the API since the start, with a configuration or since a file has changed."},
    {"barker_key_loads_total", METRIC_COUNTER, RELOAD(keys_refused), IS("result", "refused")},
};

const Metric *metrics_table(size_t *n_metrics) {
    *n_metrics = sizeof(metrics) / sizeof(metrics[0]);
    return metrics;
}
