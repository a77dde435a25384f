/* Resume: a worker's questions about the past, and how the answer joins exactly with what that worker is handed next.
   An answer and the live messages come by different ways, in any order. So while a resume is under way the interest remembers
   what it hands on: an answer that ends before the newest of it is completed from there, one that ends behind it is cut, and one
   whose beginning is ahead of it waits. Owner: the bus thread. */
#pragma once

#include "broker/interest.h"

Read *read_new(ReadKind kind, const char *channel, size_t n_channel, const HistoryQuery *query, const BrokerReturn *to);
/* Answers the worker and frees the read. Takes over the reply; NULL: there was no memory for it. */
void read_answer(Bus *bus, Read *read, HistoryReply *reply);
void resume_refuse(Bus *bus, Read *read); /* likewise: not recovered, and where the interest stands, if there is one */

/* The interest is subscribed: asks, or answers at once. The read is in no list. */
void resume_start(Bus *bus, Read *read);
void resume_answered(Bus *bus, Read *read, HistoryReply *reply);      /* frees the read, now or later */
void resume_remember(Bus *bus, Interest *interest, Message *message); /* is being handed on */
void resume_look(Bus *bus, Interest *interest);                       /* the position has changed: early answers may be due */
void resume_forget(Bus *bus, Interest *interest);                     /* it goes: they go on without it */
