/* Ring: messages of one channel in the order in which they came, the oldest dropped first. Owner: the bus thread.
   A zeroed one is empty and has no memory. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "broker/broker.h"

typedef struct Ring {
    Message **slots;
    uint32_t n_slots; /* a power of two, or 0 */
    uint32_t first;
    uint32_t n;
    size_t n_bytes; /* what its messages take */
} Ring;

int ring_push(Ring *ring, Message *message);    /* takes its own reference; -ENOMEM: nothing has changed */
Message *ring_at(const Ring *ring, uint32_t i); /* 0: the oldest; borrowed */
void ring_drop(Ring *ring, uint32_t n);         /* the n oldest */
void ring_finish(Ring *ring);                   /* empty and without memory; may be used again */

/* Drops the oldest until one of n_bytes more fits the limit, or none is left. Returns how many went. */
uint32_t ring_make_room(Ring *ring, size_t n_bytes, size_t limit_bytes);
size_t ring_cost(const Message *message);

/* The answer of a ring that ends at head, numbers without a hole. NULL without memory. */
HistoryReply *ring_history(const Ring *ring, Position head, const HistoryQuery *query);
