/* RedisCommander: the link that speaks. Owner: the bus thread.
   Commands are pipelined and each is answered once: by Redis, or with BROKER_UNAVAILABLE when the link is lost. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/redis_link.h"

/* A word of a command; several spans in a row may form one word: has_more joins it with the next. */
typedef struct RedisWord {
    const void *bytes;
    size_t n_bytes;
    bool has_more;
} RedisWord;

/* reply NULL: the link was lost (BROKER_UNAVAILABLE). An error reply comes as BROKER_REFUSED with the reply. Freed afterwards. */
typedef void RedisAnswer(void *context, BrokerResult result, redisReply *reply);

typedef struct RedisCommand {
    const RedisWord *words;
    size_t n_words;      /* as they are joined: spans */
    RedisAnswer *answer; /* NULL: nobody waits for it */
    void *context;
    bool is_urgent; /* not held to the limit of what may be unanswered: few, and small */
} RedisCommand;

/* A command under way; Redis answers in order. */
typedef struct RedisCall {
    RedisAnswer *answer;
    void *context;
    uint64_t sent_ms;
    size_t n_bytes;
} RedisCall;

typedef struct RedisCommanderEvents {
    void (*ready)(void *context);
    void (*lost)(void *context, const char *reason); /* what was under way has been answered */
} RedisCommanderEvents;

typedef struct RedisCommander {
    RedisLink link;
    bool must_be_master; /* the greeting asks for the ROLE, and takes no replica */
    RedisCall *calls;    /* a ring */
    size_t n_allocated;  /* a power of two, or 0 */
    size_t first;
    size_t n_calls;
    size_t n_unanswered_bytes;
    const RedisCommanderEvents *events;
    void *context;
} RedisCommander;

/* Its link, the commander's, is located and ticked by redis_link_locate and redis_commander_tick. */
void redis_commander_init(RedisCommander *commander, const RedisLinkSetting *setting, const RedisCommanderEvents *events,
                          void *context);
void redis_commander_close(RedisCommander *commander); /* answers what is under way with BROKER_UNAVAILABLE */
void redis_commander_tick(RedisCommander *commander, uint64_t now_ms);
bool redis_commander_is_ready(const RedisCommander *commander);

/* Copies the words. BROKER_OK: the answer follows, once. Else nothing was sent and no answer comes: BROKER_UNAVAILABLE unless
   the link is ready, BROKER_OVERLOADED past the limit or without memory. */
BrokerResult redis_commander_call(RedisCommander *commander, const RedisCommand *command);

/* Whether the answer to ROLE is a master's. */
bool redis_reply_is_master(const redisReply *reply);
/* Whether an error reply begins with that word. */
bool redis_reply_is_error(const redisReply *reply, const char *word);
