/* RedisLink: a connection to Redis that is made anew whenever it is lost, with a state, deadlines and a backoff.
   Owner: the bus thread. Embedded in the commander and in the subscriber. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "broker/redis.h"
#include "broker/redis_connection.h"

enum { REDIS_REASON_BYTES = 512 };

typedef enum RedisLinkState {
    REDIS_LINK_WAITING,    /* for its next attempt, or for a place to connect to */
    REDIS_LINK_CONNECTING, /* resolving and connecting */
    REDIS_LINK_GREETING,   /* AUTH and what else comes first */
    REDIS_LINK_READY,
    REDIS_LINK_CLOSED, /* for good */
} RedisLinkState;

typedef struct RedisLinkEvents {
    redisReader *(*reader)(void *context); /* a new one for a new connection; NULL without memory */
    void (*greet)(void *context);          /* connected: write the greeting, call redis_link_ready when it has been answered */
    void (*reply)(void *context, redisReply *reply);
    void (*lost)(void *context, const char *reason); /* this attempt is over; the next follows by itself */
} RedisLinkEvents;

/* What all links of a server share; borrowed, each outlives the link. */
typedef struct RedisLinkSetting {
    uv_loop_t *loop;
    Turn *turn;
    const RedisOptions *options;
    const RedisUrl *credentials; /* user, password, database and TLS; not its endpoints */
} RedisLinkSetting;

typedef struct RedisLink {
    RedisLinkState state;
    const char *name;
    RedisLinkSetting setting;
    RedisEndpoint endpoint;
    bool is_located;
    RedisConnection *connection; /* NULL while waiting */
    uint64_t now_ms;             /* of the last tick */
    uint64_t due_ms;             /* waiting: the next attempt; connecting and greeting: the deadline */
    uint64_t ready_ms;           /* when it became ready */
    unsigned n_attempts;
    RedisCause cause; /* of the last loss */
    const RedisLinkEvents *events;
    void *context;
} RedisLink;

/* name, borrowed, stands at the head of each reason. */
void redis_link_init(RedisLink *link, const char *name, const RedisLinkSetting *setting, const RedisLinkEvents *events,
                     void *context);
/* The first tick with a place starts the first attempt. Another place than before ends the connection, and the next tick makes
   a new one. NULL: nowhere for now. */
void redis_link_locate(RedisLink *link, const RedisEndpoint *endpoint);
void redis_link_tick(RedisLink *link, uint64_t now_ms);
void redis_link_ready(RedisLink *link); /* the greeting has been answered */
/* Terminates the connection, reports it lost, waits for the next attempt. Without a connection nothing happens. */
void redis_link_fail(RedisLink *link, RedisCause cause, const char *reason);
void redis_link_close(RedisLink *link);     /* for good, without a report */
Writer *redis_link_writer(RedisLink *link); /* greeting or ready */

/* Writes AUTH when the URL has a user or a password. Returns how many replies will come: 0 or 1. */
unsigned redis_link_authenticate(RedisLink *link);
