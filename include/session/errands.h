/* Errands: control commands under way, in the order in which they came. What a command does costs writes to sockets, and it may be for
   ten thousand connections, or one of ten thousand: a tick does so many and no more. Owner: the table's worker. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "broker/control.h"

typedef struct SessionTable SessionTable;

enum {
    ERRANDS_MAX = 1 << 16,  /* commands that wait; with one more the first of them is carried out at once */
    ERRANDS_SESSIONS = 250, /* sessions that commands do something to in one tick */
    ERRANDS_SEARCHES = 64,  /* commands for nobody here that are worth one of them */
};

typedef struct Errands {
    ListNode list;
    uint32_t n;
    uint64_t budget;
} Errands;

void errands_init(Errands *errands);
void errands_finish(Errands *errands); /* what waits is not carried out */
void errands_tick(SessionTable *table);
/* Carries it out, or begins to. Returns on how many sessions so far. Whoever joins the user later is not meant. */
size_t errands_begin(SessionTable *table, const Control *control);
