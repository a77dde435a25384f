/* NodeStatus: what a node says of itself at /api/v1/info, for a terminal. Plain values, any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* As NodeInfo (http/node.h), which tells what each means. */
typedef enum StatusValue {
    STATUS_WORKERS,
    STATUS_UPTIME_MS,
    STATUS_CONNECTING,
    STATUS_OPEN,
    STATUS_CLOSING,
    STATUS_CLOSED,
    STATUS_SUBSCRIPTIONS,
    STATUS_CHANNELS,
    STATUS_ACCEPTED,
    STATUS_RECEIVED_MESSAGES,
    STATUS_BROKER_MESSAGES,
    STATUS_DELIVERIES,
    STATUS_SENT_BYTES,
    STATUS_EVICTED_FRAMES,
    STATUS_AUDIT_FINDINGS,
    STATUS_LINKS_LOST,
    STATUS_OUTBOX_BYTES,
    STATUS_CANARY_LAG_MS,
    STATUS_LOOP_LAG_MS,
    STATUS_MEMORY_BYTES,
    STATUS_VALUES,
} StatusValue;

enum { STATUS_LINKS_MAX = 64 };

/* A server of the broker. */
typedef struct StatusLink {
    char server[128];
    bool is_up;
    uint64_t canary_lag_ms;
    uint64_t times_down;
} StatusLink;

typedef struct NodeStatus {
    char node_id[64]; /* these four, and a link's server, without what would do something to a terminal */
    char version[32];
    char broker[16];
    char reason[32]; /* why it is not ready */
    bool is_ready;
    bool is_broker_up;
    uint64_t values[STATUS_VALUES]; /* 0 for what the node did not tell */
    uint32_t n_links;
    StatusLink links[STATUS_LINKS_MAX];
} NodeStatus;

enum { NODE_STATUS_OK, NODE_STATUS_BAD };

/* NODE_STATUS_BAD: this is not what a node says. */
int node_status_parse(NodeStatus *status, const void *json, size_t n_json);

/* What ends each line: "\n", or more where a screen is written over. before: what was told elapsed_ms ago, for rates; NULL: none. */
void node_status_print(FILE *out, const NodeStatus *status, const NodeStatus *before, uint64_t elapsed_ms, const char *end);
