/* The broker of the random lives: it answers each question once, in an order that it may keep, with whatever answer. Owner: the
   main thread of the test. */
#pragma once

#include <stdbool.h>

#include "session/table.h"

enum { N_CHANNELS = 4, NAME_BYTES = 2, HISTORY_LIMIT = 3, LIFETIMES_TEXT = 100 };

typedef struct LifetimesBroker {
    BrokerPort port;
    uint32_t n_wants, n_unwants, n_entered, n_left;
} LifetimesBroker;

extern LifetimesBroker lifetimes_broker;
extern const char *const lifetimes_channels[N_CHANNELS]; /* each a namespace of its own */
extern const Namespaces lifetimes_namespaces;

void lifetimes_deliver(SessionTable *table, const char *channel);
void lifetimes_acknowledge(SessionTable *table, const char *channel);
void lifetimes_answer_reading(SessionTable *table);
void lifetimes_tell_gap(SessionTable *table, const char *channel);

/* The test's: chance, rules, and the next numbered message (how many bytes of it). */
uint32_t lifetimes_pick(uint32_t n_limit);
void lifetimes_must(bool is_kept, const char *rule);
size_t lifetimes_number(char text[static LIFETIMES_TEXT]);
void lifetimes_control(SessionTable *table, const char *channel); /* some command for the user u */
