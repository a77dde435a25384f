/* Node: what the HTTP layer may ask of the node that it stands in, and what it is told. Owner: the desk's thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "broker/broker.h"
#include "broker/control.h"
#include "hub/message.h"
#include "net/http.h"
#include "session/survey.h"

/* Why the node is not well or not ready; a constant text, NULL when it is. */
typedef struct NodeHealth {
    const char *unhealthy; /* "worker", "bus", "desk": a loop has not turned for 2 s */
    const char *unready;   /* "starting", "draining", "broker": the broker is not heard; or what makes it unhealthy */
    unsigned worker;       /* which, when unhealthy is "worker" */
} NodeHealth;

enum { NODE_LINKS_MAX = 64, NODE_LINK_SERVER_SIZE = 128 };

/* A server of the broker that the node has links to. */
typedef struct NodeLink {
    char server[NODE_LINK_SERVER_SIZE]; /* host:port, or a path; never a credential */
    bool is_up;
    uint64_t canary_lag_ms; /* the last one's */
    uint64_t times_down;    /* that it was up and then was not */
} NodeLink;

/* A few figures that tell how the node fares; more are in /metrics. */
typedef struct NodeInfo {
    const char *node_id;
    const char *version;
    const char *broker; /* "redis" or "embedded" */
    bool is_broker_up;
    uint32_t n_workers;
    uint64_t uptime_ms;
    uint64_t connections[4]; /* by readyState */
    uint64_t subscriptions;
    uint64_t channels; /* that this node hears */
    uint64_t accepted; /* these count up from the start */
    uint64_t received_messages;
    uint64_t broker_messages;
    uint64_t deliveries;
    uint64_t sent_bytes;
    uint64_t evicted_frames;
    uint64_t audit_findings;
    uint64_t links_lost;
    uint64_t outbox_bytes;  /* waiting now, of all connections */
    uint64_t canary_lag_ms; /* the last one's */
    uint64_t loop_lag_ms;   /* the longest of the last second, of any loop */
    uint64_t memory_bytes;  /* resident */
    uint32_t n_links;       /* 0 with the embedded broker */
    NodeLink links[NODE_LINKS_MAX];
} NodeInfo;

/* Calls down. call is the caller's number for the question and comes back with the answer, which may come before the return. */
typedef struct NodeOps {
    /* BROKER_OK: api_published follows; else nothing does. The message is borrowed. */
    BrokerResult (*publish)(void *context, Message *message, uint64_t call, uint64_t item);
    /* BROKER_OK: api_history follows. Of a channel without history it is BROKER_REFUSED, here or there. */
    BrokerResult (*read)(void *context, const char *channel, size_t n_channel, const HistoryQuery *query, uint64_t call);
    BrokerResult (*presence)(void *context, const char *channel, size_t n_channel, uint64_t call);
    /* Said to every node, this one too; api_published follows when the broker has taken it. */
    BrokerResult (*control)(void *context, const Control *control, uint64_t call, uint64_t item);
    /* Asks every worker of this node; api_surveyed follows once for each of info.n_workers, unless it is -ENOMEM. */
    int (*survey)(void *context, Survey *survey, uint64_t call);
    void (*info)(void *context, NodeInfo *info);
    NodeHealth (*health)(void *context);
    int (*metrics)(void *context, Buf *out); /* appends the Prometheus text; 0 or -ENOMEM */
    /* The scopes of the secret in an Authorization header (auth/api_keys.h), NULL or "": of who shows none. */
    unsigned (*scopes)(void *context, const char *authorization);
    /* In the broker, which then knows idempotency keys (message_new_keyed). */
    bool (*keeps_history)(void *context, const char *channel, size_t n_channel);
    bool (*keeps_presence)(void *context, const char *channel, size_t n_channel);
    void (*respond)(void *context, uint64_t exchange, const HttpResponse *response);
} NodeOps;

/* Api: the requests of /api/v1 that are under way. */
typedef struct Api Api;

int api_new(Api **out, const NodeOps *node, void *context, uint32_t timeout_ms, size_t message_limit_bytes); /* 0 or -ENOMEM */
Api *api_free(Api *api); /* NULL, also for NULL */
/* A request whose path begins with /api/v1; ops->respond follows exactly once. */
void api_request(Api *api, uint64_t exchange, const HttpRequest *request, uint64_t now_ms);
/* Of its head alone: whether it would get past method, path and key, and so to its body. */
bool api_wants_body(const Api *api, const HttpRequest *head);
void api_tick(Api *api, uint64_t now_ms);
void api_stop(Api *api); /* answers what is under way, as if its time were up */

/* Answers; ignored when the call has ended meanwhile. The replies are borrowed. */
void api_published(Api *api, uint64_t call, uint64_t item, BrokerResult result, Position position);
void api_history(Api *api, uint64_t call, const HistoryReply *reply);
void api_presence(Api *api, uint64_t call, const PresenceReply *reply);
void api_surveyed(Api *api, uint64_t call, const SurveyReply *reply); /* NULL: that worker had no memory for one */
