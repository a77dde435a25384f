/* A backend under the bus that writes down what it is told, and answers when the test says so. All of it is reachable, or
   nothing. Presence below the bus is one too. Owner: the main thread of the test. */
#pragma once

#include "broker/bus.h"

enum { LINGER_MS = 1000, SUBSCRIBE_MS = 5000, LOCAL_LINGER_MS = 3000, HOLD_BYTES = 4096, CATCH_UP_LIMIT = 5, LOCAL_LIMIT = 4 };

/* The namespaces: "d:" has a history, "l:" a ring of this node's own, "p:" presence; the rest is live. */
extern Bus bus;
extern Backend fake_backend;
extern bool fake_is_reachable;
extern unsigned fake_n_asked; /* questions */

void given_a_bus(void); /* at the time 0, unreachable */
void given_a_bus_that_is_up(void);
void given_a_channel_of_worker_1_at(uint64_t head); /* d:1, of epoch 5 up to this number; 0: without a history */
void finish_bus(void);                              /* answers what is still asked; the end itself answers nothing */
void after(uint64_t ms);                            /* as many ticks */

void up(void);
void down(void);
void want(uint32_t worker, const char *channel, uint64_t token);
void unwant(uint32_t worker, const char *channel);
void subscribed(const char *channel);
void message(const char *channel, const char *payload);
void numbered(const char *channel, uint64_t epoch, uint64_t seq); /* its payload is the letter of its number: a, b, c */
/* The request is the answer's name in the journal. */
void resume(uint32_t worker, const char *channel, uint64_t epoch, uint64_t seq, uint64_t request);
void history(const char *channel, HistoryQuery query, uint64_t request);
void publish(const char *channel, const void *payload, size_t n_payload, const BrokerReturn *to);

/* Answers the oldest question that is open: with the messages from first to head, both of that epoch. */
void answer_read(bool is_recovered, uint64_t epoch, uint64_t first, uint64_t head);
void answer_reply(HistoryReply *reply); /* takes it over */
void fail_read(BrokerResult result);
unsigned fake_n_open(void); /* questions that are open */
void answer_publish(BrokerResult result, Position position);
HistoryReply *fake_history(const char *channel, bool is_recovered, uint64_t epoch, uint64_t first, uint64_t head);

/* What presence would announce. */
void announce(const char *channel, MessageKind kind, const char *member);
