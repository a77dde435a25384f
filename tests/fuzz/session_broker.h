/* The broker of fuzz_session.c: it keeps the order that a broker keeps, and answers when it is told to. Owner: the one thread
   there is. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "session/table.h"

typedef struct SessionBroker {
    BrokerPort port;
    uint64_t n_wants, n_unwants, n_entered, n_left;
} SessionBroker;

extern SessionBroker session_broker;

void session_broker_begin(void);

/* Each answers the oldest question of its kind; without one nothing happens. */
void session_broker_acknowledge(SessionTable *table, BrokerResult result);
void session_broker_answer_publish(SessionTable *table, BrokerResult result);
/* A reading that comes behind a want is answered behind it. */
void session_broker_answer_read(SessionTable *table, BrokerResult result, uint32_t n_messages);
void session_broker_answer_presence(SessionTable *table, BrokerResult result, const char *member, size_t n_member);
