/* Loop: one thread's event loop: woken by its inbox, ticked by the clock, and told when a turn is over.
   Owner: the thread that runs it; created in the main thread before. */
#pragma once

#include <stdint.h>
#include <uv.h>

#include "base/histogram.h"
#include "base/metrics.h"

typedef struct LoopOps {
    void (*woken)(void *context);                 /* the inbox has something */
    void (*tick)(void *context, uint64_t now_ms); /* at each multiple of WHEEL_TICK_MS */
    void (*turn)(void *context);                  /* everything that was ready has been dispatched: flush, then reap */
} LoopOps;

typedef struct Loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_timer_t tick;
    uv_prepare_t turn;
    uint64_t due_ms;   /* the next tick */
    Counter ticked_ms; /* when it last ticked, or began to run (clock_now_ms); 0: not yet */
    Counter lag_ms;    /* how late that tick was */
    Histogram lag;     /* of all ticks, in milliseconds */
    const LoopOps *ops;
    void *context;
} Loop;

int loop_init(Loop *loop, const LoopOps *ops, void *context); /* 0 or -errno */
/* Runs the loop until all that is closing has closed, for 2 s at most. 0, or -EBUSY: something has not, and may use the loop's
   memory to the end of the process. */
int loop_finish(Loop *loop);

void loop_run(Loop *loop);  /* until loop_stop */
void loop_stop(Loop *loop); /* owner thread */
void loop_wake(void *loop); /* any thread; of the type InboxWake */
