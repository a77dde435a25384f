/* info: this node's own figures. */
#include "http/api_call.h"

void api_start_info(ApiCall *call) {
    const ApiObject root = api_input_root(&call->input);
    static const char *const names[] = {NULL};
    api_input_members(&call->input, &root, names);
    if (!api_input_is_good(&call->input))
        api_call_fail_input(call);
}

static void write_text(JsonWriter *writer, const char *name, const char *text) {
    json_writer_name(writer, name);
    json_writer_string(writer, text);
}

static void write_number(JsonWriter *writer, const char *name, uint64_t number) {
    json_writer_name(writer, name);
    json_writer_number(writer, number);
}

static void write_health(JsonWriter *writer, const NodeHealth *health) {
    json_writer_name(writer, "healthy");
    json_writer_boolean(writer, !health->unhealthy);
    json_writer_name(writer, "ready");
    json_writer_boolean(writer, !health->unhealthy && !health->unready);
    write_text(writer, "reason", health->unhealthy ? health->unhealthy : health->unready);
}

static void write_broker(JsonWriter *writer, const NodeInfo *info) {
    json_writer_name(writer, "broker");
    json_writer_open(writer, '{');
    write_text(writer, "kind", info->broker);
    json_writer_name(writer, "up");
    json_writer_boolean(writer, info->is_broker_up);
    write_number(writer, "links_lost", info->links_lost);
    write_number(writer, "canary_lag_ms", info->canary_lag_ms);
    json_writer_close(writer, '}');
}

static void write_links(JsonWriter *writer, const NodeInfo *info) {
    json_writer_name(writer, "links");
    json_writer_open(writer, '[');
    for (uint32_t i = 0; i < info->n_links; i++) {
        const NodeLink *link = &info->links[i];
        json_writer_open(writer, '{');
        write_text(writer, "server", link->server);
        json_writer_name(writer, "up");
        json_writer_boolean(writer, link->is_up);
        write_number(writer, "canary_lag_ms", link->canary_lag_ms);
        write_number(writer, "times_down", link->times_down);
        json_writer_close(writer, '}');
    }
    json_writer_close(writer, ']');
}

static void write_connections(JsonWriter *writer, const NodeInfo *info) {
    static const char *const states[] = {"connecting", "open", "closing", "closed"};
    json_writer_name(writer, "connections");
    json_writer_open(writer, '{');
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        write_number(writer, states[i], info->connections[i]);
    json_writer_close(writer, '}');
}

static void write_figures(JsonWriter *writer, const NodeInfo *info) {
    write_number(writer, "workers", info->n_workers);
    write_number(writer, "uptime_ms", info->uptime_ms);
    write_number(writer, "subscriptions", info->subscriptions);
    write_number(writer, "channels", info->channels);
    write_number(writer, "accepted", info->accepted);
    write_number(writer, "received_messages", info->received_messages);
    write_number(writer, "broker_messages", info->broker_messages);
    write_number(writer, "deliveries", info->deliveries);
    write_number(writer, "sent_bytes", info->sent_bytes);
    write_number(writer, "evicted_frames", info->evicted_frames);
    write_number(writer, "audit_findings", info->audit_findings);
    write_number(writer, "outbox_bytes", info->outbox_bytes);
    write_number(writer, "loop_lag_ms", info->loop_lag_ms);
    write_number(writer, "memory_bytes", info->memory_bytes);
}

void api_finish_info(ApiCall *call) {
    const Api *api = call->api;
    NodeInfo info = {0};
    api->node->info(api->context, &info);
    const NodeHealth health = api->node->health(api->context);
    JsonWriter writer;
    json_writer_init(&writer, &call->out);
    json_writer_open(&writer, '{');
    write_text(&writer, "node", info.node_id);
    write_text(&writer, "version", info.version);
    write_health(&writer, &health);
    write_broker(&writer, &info);
    write_links(&writer, &info);
    write_connections(&writer, &info);
    write_figures(&writer, &info);
    json_writer_close(&writer, '}');
    api_call_succeed(call, &writer, false);
}
