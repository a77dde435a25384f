/* RedisCounters: how this node's links to Redis fare, and why they were lost. Owner: the bus thread; any thread may read. */
#pragma once

#include "base/label.h"
#include "base/metrics.h"

/* Why a link was lost. */
typedef enum RedisCause {
    REDIS_CAUSE_RESOLVE,          /* its name has no address */
    REDIS_CAUSE_CONNECT,          /* nobody there, or refused */
    REDIS_CAUSE_CONNECT_TIMEOUT,  /* no connection in time, TLS included */
    REDIS_CAUSE_TLS,              /* the handshake failed */
    REDIS_CAUSE_GREETING,         /* AUTH or what else comes first was answered with an error */
    REDIS_CAUSE_GREETING_TIMEOUT, /* and not in time */
    REDIS_CAUSE_NOT_MASTER,       /* where a master is needed */
    REDIS_CAUSE_REPLY_TIMEOUT,    /* a command was not answered in time */
    REDIS_CAUSE_CANARY,           /* what was published was not heard in time, or was refused */
    REDIS_CAUSE_CLOSED,           /* by Redis */
    REDIS_CAUSE_SOCKET,           /* an error of the socket */
    REDIS_CAUSE_PROTOCOL,         /* what came is not what Redis says, or not now */
    REDIS_CAUSE_OVERFLOW,         /* too much waited to be sent, or came */
    REDIS_CAUSE_MEMORY,
    REDIS_CAUSE_MOVED, /* the server is elsewhere now */
    REDIS_CAUSES,
} RedisCause;

const char *redis_cause_name(RedisCause cause); /* a word for metrics, with '_' */

enum { REDIS_SERVERS_COUNTED = 64 };

/* One server, from its creation to the end of the backend. */
typedef struct RedisServerCounters {
    Label endpoint; /* host:port, or a path; "": nowhere for now */
    Counter up;     /* gauge: 1 or 0 */
    Counter downs;  /* times that it was up and is not any more */
    Counter canary_lag_ms;
} RedisServerCounters;

typedef struct RedisCounters {
    Counter links_up; /* gauge: of two for each server */
    Counter links_made;
    Counter links_lost[REDIS_CAUSES];
    Counter canaries_heard;
    Counter canary_lag_ms; /* gauge: from publish to hearing, of the last */
    Counter canary_lag_max_ms;
    Counter subscribed; /* channels that Redis acknowledged, again after each outage */
    Counter moved;      /* subscriptions that ended since their slot moved */
    Counter calls;      /* commands */
    Counter overloaded; /* commands that were not sent: too much was unanswered */
    Counter redirected; /* commands that were answered MOVED or ASK */
    Counter scripts_loaded;
    Counter n_servers;
    RedisServerCounters servers[REDIS_SERVERS_COUNTED];
} RedisCounters;
