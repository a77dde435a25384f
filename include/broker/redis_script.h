/* RedisScript: how our functions (deploy/redis/barker.lua) are called at one server: as a Functions library, which is loaded there
   if it is missing or older than ours, or where that is not allowed by EVALSHA. Owner: the bus thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "broker/redis_commander.h"

enum { REDIS_SCRIPT_WORDS_MAX = 24 };

typedef enum RedisScriptMode {
    REDIS_SCRIPT_UNKNOWN,
    REDIS_SCRIPT_SETTLING, /* asked what is there */
    REDIS_SCRIPT_FUNCTIONS,
    REDIS_SCRIPT_EVAL,
} RedisScriptMode;

typedef struct RedisScript {
    RedisScriptMode mode;
    RedisCommander *commander;
    bool may_load;       /* FUNCTION was not refused */
    bool must_send_text; /* the server does not know the script by its hash */
    void (*settled)(void *context);
    void *context;
} RedisScript;

/* settled: the functions can be called, one way or the other. */
void redis_script_init(RedisScript *script, RedisCommander *commander, void (*settled)(void *context), void *context);
void redis_script_begin(RedisScript *script); /* the commander has become ready */
void redis_script_reset(RedisScript *script); /* the commander is lost */
bool redis_script_is_settled(const RedisScript *script);

/* words: the key, in one or several spans, and the function's arguments; with them at most REDIS_SCRIPT_WORDS_MAX - 4. As
   redis_commander_call, and BROKER_UNAVAILABLE unless it is settled. */
BrokerResult redis_script_call(RedisScript *script, const char *function, const RedisCommand *call);
/* A call was answered with this error: true when it says that our functions are not there (any more), or not to be called that
   way: the same call may be made again once it is settled. */
bool redis_script_repair(RedisScript *script, const redisReply *error);
