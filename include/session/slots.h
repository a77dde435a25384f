/* Slots: ids for the sessions of one worker, and the session of an id in one step. Owner: its worker. */
#pragma once

#include <stdint.h>

typedef struct Session Session;

/* An id is the worker (8 bits), the slot's generation (32 bits, never 0) and the slot (24 bits): a slot that is used again
   gives another id, and no id is 0. The generations begin at random, for ids are told to backends that know many nodes. */
enum { SLOTS_MAX = 1 << 24 };

typedef struct Slot {
    Session *session;    /* NULL while free */
    uint32_t generation; /* of the present or the next use */
    uint32_t next_free;
} Slot;

typedef struct Slots {
    Slot *slots;
    uint32_t n_slots;
    uint32_t n_used;
    uint32_t first_free; /* n_slots: none */
    uint32_t worker;
    uint32_t first_generation;
} Slots;

/* Allocates nothing; worker is below 256, first_generation anything. */
void slots_init(Slots *slots, uint32_t worker, uint32_t first_generation);
void slots_finish(Slots *slots); /* the sessions are the caller's */

/* -ENOMEM, also when SLOTS_MAX are in use. The memory grows by doubling and is kept. */
int slots_take(Slots *slots, Session *session, uint64_t *id);
void slots_release(Slots *slots, uint64_t id);        /* the id is in use */
Session *slots_find(const Slots *slots, uint64_t id); /* NULL when the id is not in use */
