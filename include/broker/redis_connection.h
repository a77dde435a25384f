/* RedisConnection: one socket to Redis, from the resolving of its name to its end. Owner: the bus thread.
   The socket is a libuv stream and hiredis does the parsing (redisReader) instead of all the I/O (redisAsyncContext): the
   same code then serves 0.14 and 1.2, names are resolved without blocking, what a turn gathers is one write, a connection
   can be let go at any moment, and there is no look-up in hiredis's own dictionary for each message.
   A connection is never waited for: terminate it and open another. */
#pragma once

#include <hiredis/hiredis.h>
#include <stddef.h>
#include <uv.h>

#include "broker/redis_counters.h"
#include "broker/redis_resolver.h"
#include "broker/redis_url.h"
#include "broker/turn.h"
#include "broker/writer.h"

enum { REDIS_REPLY_LIMIT_BYTES = 64 << 20, REDIS_OUTPUT_LIMIT_BYTES = 512 << 20 };

typedef struct RedisConnection RedisConnection;

/* None comes after redis_connection_terminate; each may terminate the connection. */
typedef struct RedisConnectionEvents {
    void (*connected)(void *context);
    void (*reply)(void *context, redisReply *reply);                    /* freed when it returns */
    void (*ended)(void *context, RedisCause cause, const char *reason); /* at most once, and then terminate it */
} RedisConnectionEvents;

typedef struct RedisTarget {
    const RedisEndpoint *endpoint; /* copied */
    const RedisUrl *security;      /* its TLS settings count; borrowed, outlives the connection */
    RedisResolver *resolver;       /* borrowed, closed after the connection; NULL: its host is a numeric address */
} RedisTarget;

/* Takes the reader, also when it fails. Every address of a name is tried in turn. 0 or -errno. */
int redis_connection_open(RedisConnection **out, uv_loop_t *loop, Turn *turn, const RedisTarget *target, redisReader *reader,
                          const RedisConnectionEvents *events, void *context);
Writer *redis_connection_writer(RedisConnection *connection); /* once connected */
/* Ends it at once; the memory goes when the loop has let go of it. NULL, also for NULL. */
RedisConnection *redis_connection_terminate(RedisConnection *connection);
/* The same, but what the kernel has taken of our words still goes out. */
RedisConnection *redis_connection_close(RedisConnection *connection);
