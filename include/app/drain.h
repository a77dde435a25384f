/* Drain: how far the end of a node has come: first it only says so, then it tells its connections to go over a window, then it
   closes what is left. Owner: the main thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef enum DrainPhase {
    DRAIN_NOTICE,      /* connections are still taken, while load balancers notice */
    DRAIN_WINDOW,      /* none are taken, and those that are there are told to go */
    DRAIN_CLOSING,     /* what is left is closed, and given the time to answer */
    DRAIN_TERMINATING, /* not even that */
    DRAIN_KILLED,      /* the process ends where it stands */
} DrainPhase;

typedef struct Drain {
    DrainPhase phase;
    uint32_t window_ms;
    uint64_t ends_ms; /* of the notice or the window */
} Drain;

/* The signal has come. A notice or a window of 0 is left out. */
void drain_begin(Drain *drain, uint32_t notice_ms, uint32_t window_ms, uint64_t now_ms);
/* What time has brought, or another signal: it hurries a notice or a window to the closing, and each later phase to the next.
   Returns the phase. */
DrainPhase drain_turn(Drain *drain, bool is_signalled, uint64_t now_ms);
uint32_t drain_wait_ms(const Drain *drain, uint32_t limit_ms,
                       uint64_t now_ms); /* until there is something to do, limit_ms at most */
