/* Turn: work put off to the end of the loop's turn, so that what one turn gathers leaves in one write.
   Owner: the bus thread. */
#pragma once

#include <uv.h>

#include "base/list.h"

typedef struct TurnTask TurnTask;
struct TurnTask {
    ListNode link;
    void (*run)(TurnTask *task);
};

/* Runs after the loop has polled, and before it polls, for what timers have left. */
typedef struct Turn {
    uv_prepare_t prepare;
    uv_check_t check;
    ListNode tasks;
} Turn;

void turn_init(Turn *turn, uv_loop_t *loop); /* does not keep the loop alive */
void turn_close(Turn *turn);                 /* what waits is forgotten; the memory stays until the loop has run dry */

void turn_task_init(TurnTask *task, void (*run)(TurnTask *task));
/* Runs the task once at the end of this turn, however often it is added; a task added by a task still runs this turn. */
void turn_add(Turn *turn, TurnTask *task);
void turn_cancel(TurnTask *task); /* idempotent */
