#include "app/node_status.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

enum { LINKS_PRINTED = 8 }; /* a screen has other lines, too */

typedef enum Unit { UNIT_NONE, UNIT_BYTES, UNIT_MS } Unit;

typedef struct Row {
    const char *key;   /* in the JSON; behind a point, of an object in it */
    const char *label; /* NULL: it stands in the line at the top */
    Unit unit;
    bool counts_up; /* and has a rate */
} Row;

static const Row rows[STATUS_VALUES] = {
    [STATUS_WORKERS] = {"workers", NULL, UNIT_NONE, false},
    [STATUS_UPTIME_MS] = {"uptime_ms", NULL, UNIT_NONE, false},
    [STATUS_CONNECTING] = {"connections.connecting", "connecting", UNIT_NONE, false},
    [STATUS_OPEN] = {"connections.open", "open", UNIT_NONE, false},
    [STATUS_CLOSING] = {"connections.closing", "closing", UNIT_NONE, false},
    [STATUS_CLOSED] = {"connections.closed", "closed", UNIT_NONE, false},
    [STATUS_SUBSCRIPTIONS] = {"subscriptions", "subscriptions", UNIT_NONE, false},
    [STATUS_CHANNELS] = {"channels", "channels heard", UNIT_NONE, false},
    [STATUS_ACCEPTED] = {"accepted", "accepted", UNIT_NONE, true},
    [STATUS_RECEIVED_MESSAGES] = {"received_messages", "from clients", UNIT_NONE, true},
    [STATUS_BROKER_MESSAGES] = {"broker_messages", "from the broker", UNIT_NONE, true},
    [STATUS_DELIVERIES] = {"deliveries", "deliveries", UNIT_NONE, true},
    [STATUS_SENT_BYTES] = {"sent_bytes", "sent", UNIT_BYTES, true},
    [STATUS_EVICTED_FRAMES] = {"evicted_frames", "evicted frames", UNIT_NONE, true},
    [STATUS_AUDIT_FINDINGS] = {"audit_findings", "audit findings", UNIT_NONE, false},
    [STATUS_LINKS_LOST] = {"broker.links_lost", "broker outages", UNIT_NONE, false},
    [STATUS_OUTBOX_BYTES] = {"outbox_bytes", "waiting", UNIT_BYTES, false},
    [STATUS_CANARY_LAG_MS] = {"broker.canary_lag_ms", "canary lag", UNIT_MS, false},
    [STATUS_LOOP_LAG_MS] = {"loop_lag_ms", "loop lag", UNIT_MS, false},
    [STATUS_MEMORY_BYTES] = {"memory_bytes", "memory", UNIT_BYTES, false},
};

static const json_t *member_of(const json_t *object, const char *key) {
    const char *point = strchr(key, '.');
    char outer[64];
    if (!point)
        return json_object_get(object, key);
    snprintf(outer, sizeof(outer), "%.*s", (int)(point - key), key);
    return json_object_get(json_object_get(object, outer), point + 1);
}

static void copy_text(char *out, size_t n_out, const json_t *text) {
    snprintf(out, n_out, "%s", json_is_string(text) ? json_string_value(text) : "");
    for (; *out; out++)
        if ((unsigned char)*out < 0x20 || (unsigned char)*out >= 0x7f)
            *out = '?';
}

static uint64_t number_of(const json_t *number) { /* 0 for what is none */
    json_int_t value = json_integer_value(number);
    return value > 0 ? (uint64_t)value : 0;
}

static void parse_links(NodeStatus *status, const json_t *links) {
    for (size_t i = 0; i < json_array_size(links) && i < STATUS_LINKS_MAX; i++) {
        const json_t *told = json_array_get(links, i);
        StatusLink *link = &status->links[status->n_links++];
        copy_text(link->server, sizeof(link->server), json_object_get(told, "server"));
        link->is_up = json_is_true(json_object_get(told, "up"));
        link->canary_lag_ms = number_of(json_object_get(told, "canary_lag_ms"));
        link->times_down = number_of(json_object_get(told, "times_down"));
    }
}

int node_status_parse(NodeStatus *status, const void *json, size_t n_json) {
    *status = (NodeStatus){.is_broker_up = false};
    json_t *info = json_loadb(json, n_json, 0, NULL);
    bool is_info = json_is_string(json_object_get(info, "node"));
    if (is_info) {
        copy_text(status->node_id, sizeof(status->node_id), json_object_get(info, "node"));
        copy_text(status->version, sizeof(status->version), json_object_get(info, "version"));
        copy_text(status->broker, sizeof(status->broker), member_of(info, "broker.kind"));
        copy_text(status->reason, sizeof(status->reason), json_object_get(info, "reason"));
        status->is_ready = json_is_true(json_object_get(info, "ready"));
        status->is_broker_up = json_is_true(member_of(info, "broker.up"));
        for (int i = 0; i < STATUS_VALUES; i++)
            status->values[i] = number_of(member_of(info, rows[i].key));
        parse_links(status, json_object_get(info, "links"));
    }
    json_decref(info);
    return is_info ? NODE_STATUS_OK : NODE_STATUS_BAD;
}

/* 1023 B, 1.5 KiB, 20.0 MiB */
static void format_bytes(char *text, size_t n_text, uint64_t bytes) {
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes / 1024;
    unsigned i = 0;
    for (; value >= 1024 && i < 3; i++)
        value /= 1024;
    if (bytes < 1024)
        snprintf(text, n_text, "%" PRIu64 " B", bytes);
    else
        snprintf(text, n_text, "%.1f %s", value, units[i]);
}

static void format_value(char *text, size_t n_text, uint64_t value, Unit unit) {
    if (unit == UNIT_BYTES)
        format_bytes(text, n_text, value);
    else
        snprintf(text, n_text, "%" PRIu64 "%s", value, unit == UNIT_MS ? " ms" : "");
}

/* 5 s, 3 min, 2 h 5 min, 12 d 4 h */
static void format_uptime(char *text, size_t n_text, uint64_t ms) {
    uint64_t s = ms / 1000;
    if (s < 60)
        snprintf(text, n_text, "%" PRIu64 " s", s);
    else if (s < 3600)
        snprintf(text, n_text, "%" PRIu64 " min", s / 60);
    else if (s < 86400)
        snprintf(text, n_text, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s / 60 % 60);
    else
        snprintf(text, n_text, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s / 3600 % 24);
}

static void print_head(FILE *out, const NodeStatus *status, const char *end) {
    char uptime[48];
    format_uptime(uptime, sizeof(uptime), status->values[STATUS_UPTIME_MS]);
    fprintf(out, "%-16s %s, barker %s, up %s, %" PRIu64 " %s%s", "node", status->node_id, status->version, uptime,
            status->values[STATUS_WORKERS], status->values[STATUS_WORKERS] == 1 ? "worker" : "workers", end);
    fprintf(out, "%-16s %s%s%s", "state", status->is_ready ? "ready" : "not ready: ", status->is_ready ? "" : status->reason,
            end);
    fprintf(out, "%-16s %s, %s%s", "broker", status->broker, status->is_broker_up ? "up" : "DOWN", end);
}

static uint32_t print_links_that(FILE *out, const NodeStatus *status, bool are_up, uint32_t n_room, const char *end) {
    uint32_t n_printed = 0;
    for (uint32_t i = 0; i < status->n_links && n_printed < n_room; i++) {
        const StatusLink *link = &status->links[i];
        if (link->is_up != are_up)
            continue;
        fprintf(out, "%-16s %s, %s, canary %" PRIu64 " ms, was down %" PRIu64 " %s%s", "link", link->server,
                are_up ? "up" : "DOWN", link->canary_lag_ms, link->times_down, link->times_down == 1 ? "time" : "times", end);
        n_printed++;
    }
    return n_printed;
}

/* Those that are down come first. */
static void print_links(FILE *out, const NodeStatus *status, const char *end) {
    uint32_t n_printed = print_links_that(out, status, false, LINKS_PRINTED, end);
    n_printed += print_links_that(out, status, true, LINKS_PRINTED - n_printed, end);
    if (n_printed < status->n_links)
        fprintf(out, "%-16s and %" PRIu32 " more%s", "link", status->n_links - n_printed, end);
}

void node_status_print(FILE *out, const NodeStatus *status, const NodeStatus *before, uint64_t elapsed_ms, const char *end) {
    print_head(out, status, end);
    print_links(out, status, end);
    for (int i = 0; i < STATUS_VALUES; i++) {
        char value[48], rate[48] = "";
        const Row *row = &rows[i];
        if (!row->label)
            continue;
        format_value(value, sizeof(value), status->values[i], row->unit);
        if (row->counts_up && before && elapsed_ms > 0 && status->values[i] >= before->values[i])
            format_value(rate, sizeof(rate), (status->values[i] - before->values[i]) * 1000 / elapsed_ms, row->unit);
        fprintf(out, "%-16s %14s", row->label, value);
        if (rate[0])
            fprintf(out, " %14s/s", rate);
        fputs(end, out);
    }
}
