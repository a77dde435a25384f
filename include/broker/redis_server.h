/* RedisServer: one Redis server as this node uses it: a link that subscribes, a link that commands, and a canary between them
   that proves that what is published is heard. Owner: the bus thread.
   Up once both links are ready and a canary has been heard. Down at once when the subscriber is lost; when only the commander is,
   commands are refused and the canary tells. Names of channels are with their prefix here. */
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "broker/backend.h"
#include "broker/redis.h"
#include "broker/redis_commander.h"
#include "broker/redis_script.h"
#include "broker/redis_url.h"
#include "broker/turn.h"

typedef struct RedisServer RedisServer;

typedef struct RedisServerEvents {
    void (*up)(void *context, RedisServer *server);
    /* reason is for the log. It comes again while down when the reason changes, and before the first up. */
    void (*down)(void *context, RedisServer *server, const char *reason);
    void (*subscribed)(void *context, RedisServer *server, const char *name, size_t n_name);
    void (*refused)(void *context, RedisServer *server, const char *name, size_t n_name, const char *error);
    /* Sharded: the server ended this subscription by itself, since its slot has moved (SUNSUBSCRIBE that nobody asked for, or
       MOVED), the canary's among them; and each subscription when the link is lost, for by then its slot may belong to another
       server. */
    void (*lost)(void *context, RedisServer *server, const char *name, size_t n_name);
    void (*message)(void *context, RedisServer *server, const char *name, size_t n_name, const void *payload, size_t n_payload);
} RedisServerEvents;

/* options is borrowed. is_sharded: SSUBSCRIBE and SPUBLISH instead of SUBSCRIBE and PUBLISH. canary: the channel's name, copied;
   NULL: it draws one (in a Cluster its slot must be the server's). -ENOMEM; -EINVAL when the canary's name is longer than
   REDIS_CANARY_SIZE - 1. Connects when it has an endpoint and is ticked. */
int redis_server_new(RedisServer **out, uv_loop_t *loop, Turn *turn, const RedisOptions *options, const RedisUrl *credentials,
                     bool is_sharded, const char *canary, const RedisServerEvents *events, void *context);
void redis_server_close(RedisServer *server);        /* answers what is under way; no event follows */
RedisServer *redis_server_free(RedisServer *server); /* once the loop has run dry of its handles; NULL */

/* From now on the greeting asks for the ROLE, and again with each canary: a replica is left (REDIS_CAUSE_NOT_MASTER). */
void redis_server_require_master(RedisServer *server);

/* Another name than before: the slot of the old one is another server's now. It is heard on the links as they are, by the same
   deadline, or on new ones where they were not ready. */
void redis_server_set_canary(RedisServer *server, const char *canary);

/* Where it is; another place than before ends the links, which connect to the new one. NULL: nowhere for now. */
void redis_server_locate(RedisServer *server, const RedisEndpoint *endpoint);
const RedisEndpoint *redis_server_endpoint(const RedisServer *server); /* NULL: nowhere */
bool redis_server_is_up(const RedisServer *server);
void redis_server_tick(RedisServer *server, uint64_t now_ms); /* every 100 ms */

/* Ignored unless it is up. */
void redis_server_subscribe(RedisServer *server, const char *name, size_t n_name);
void redis_server_unsubscribe(RedisServer *server, const char *name, size_t n_name);
/* Copies the words. BROKER_OK: the answer follows, once. Else nothing was sent and no answer comes: BROKER_UNAVAILABLE without a
   link, BROKER_OVERLOADED over the limit of what may be unanswered, or without memory. */
BrokerResult redis_server_call(RedisServer *server, const RedisCommand *command);
RedisScript *redis_server_script(RedisServer *server); /* how to call our functions there */
