/* RedisQuery: a connection of its own that asks one Redis or Sentinel one thing, with a deadline, and may listen on.
   Owner: the bus thread. Embedded in whoever looks for servers. */
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "broker/redis_connection.h"
#include "broker/redis_url.h"
#include "broker/turn.h"

enum { REDIS_QUERY_REASON_BYTES = 512, REDIS_QUERY_WORDS_MAX = 4 };

typedef struct RedisQueryEvents {
    void (*reply)(void *context, redisReply *reply); /* to the words, also an error, and each that follows; freed afterwards */
    void (*failed)(void *context, const char *reason); /* it is over; where it was is in the reason */
} RedisQueryEvents;

/* Endpoint and words are copied; what the words point to is borrowed until the first reply. */
typedef struct RedisQuestion {
    const RedisEndpoint *endpoint;
    const RedisUrl *security; /* its TLS settings count; borrowed */
    const char *user;         /* NULL, as the password: none. Borrowed */
    const char *password;
    const char *words[REDIS_QUERY_WORDS_MAX + 1]; /* NULL at the end */
    size_t n_last;                                /* bytes of the last word; 0: it is a text */
} RedisQuestion;

typedef struct RedisQuery {
    uv_loop_t *loop;
    Turn *turn;
    RedisResolver *resolver;
    const RedisQueryEvents *events;
    void *context;
    RedisQuestion question;
    RedisEndpoint endpoint;
    RedisConnection *connection;
    bool is_running;
    bool is_greeting; /* AUTH is not answered yet */
    bool has_asked;   /* the words have been sent; as it was also when it is over */
    int error;        /* it could not begin: the next tick tells */
    uint64_t due_ms;
} RedisQuery;

void redis_query_init(RedisQuery *query, uv_loop_t *loop, Turn *turn, RedisResolver *resolver, const RedisQueryEvents *events,
                      void *context);
/* What runs is stopped first. No event comes before the return. */
void redis_query_start(RedisQuery *query, const RedisQuestion *question, uint64_t due_ms);
void redis_query_stop(RedisQuery *query); /* idempotent; no event comes any more */
bool redis_query_is_running(const RedisQuery *query);
void redis_query_tick(RedisQuery *query, uint64_t now_ms);
/* Ends it: events->failed with this reason, for a reply that is of no use. */
void redis_query_fail(RedisQuery *query, const char *reason);

/* Another word or more on the same connection, with a new deadline; only in or after the first reply. */
void redis_query_say(RedisQuery *query, const char *const *words, uint64_t due_ms);
void redis_query_set_due(RedisQuery *query, uint64_t due_ms);
