/* A real redis-server of the test's own, on a free port in a folder of its own. Owner: the main thread of the test. */
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/types.h>

enum { REAL_REDIS_ARGUMENTS_MAX = 16 };

typedef struct RealRedis {
    unsigned port;
    pid_t pid; /* 0: it does not run */
    char folder[64];
    const char *arguments[REAL_REDIS_ARGUMENTS_MAX]; /* more of them, NULL-terminated */
    redisContext *control;                           /* a connection of the test's, made when it is needed */
} RealRedis;

/* Fails the test when it does not come up. What is there already, port and folder, stays: so it is restarted. */
void real_redis_start(RealRedis *redis);
void real_redis_kill(RealRedis *redis, int signal); /* and waits for its end when the signal ends it */
void real_redis_finish(RealRedis *redis);           /* removes the folder, too */

/* Blocking, to be freed by freeReplyObject. An error reply fails the test. */
redisReply *real_redis_ask(RealRedis *redis, const char *format, ...);
void real_redis_do(RealRedis *redis, const char *format, ...);
long long real_redis_integer(RealRedis *redis, const char *format, ...);
