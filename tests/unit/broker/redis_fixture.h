/* A Redis backend under test, whose events are written to the journal. Owner: the main thread of the test. */
#pragma once

#include <stdbool.h>

#include "broker/redis.h"

extern Backend *redis;
extern char redis_reason[512]; /* the last that link gave */
extern unsigned redis_n_subscribed;
extern bool redis_is_quiet;              /* subscriptions and messages are counted only */
extern HistoryReply *redis_last_history; /* a reference; NULL before the first */
extern RedisOptions redis_options;       /* for the next that is made */
extern Position redis_last_position;     /* of the last publish */
extern unsigned redis_n_published;       /* answers to publishes, of any result */

void redis_given(const char *const *urls, unsigned n_urls); /* also starts the loop and clears the journal */
void redis_given_one(const char *url);
void redis_finish(void); /* also ends the loop */
/* Turns and ticks every 20 ms meanwhile. False when it has not come true within patience_ms. */
bool redis_until(bool (*is_true)(void), unsigned patience_ms);
bool redis_is_up(void);
bool redis_is_down(void);

void redis_want(const char *channel);
/* limits NULL: live. cookie: a word for the journal, or NULL: the answer is counted only. */
void redis_send(const char *channel, const char *payload, const HistoryLimits *limits, const char *cookie);
