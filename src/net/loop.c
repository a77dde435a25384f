#include "net/loop.h"

#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/wheel.h"

enum { FINISH_MS = 2000, LOOK_MS = 50 };

static void loop_on_wake(uv_async_t *handle) {
    Loop *loop = handle->data;
    loop->ops->woken(loop->context);
}

static void loop_on_tick(uv_timer_t *handle);

/* At the clock's own ticks, which are the wheel's: a timer with a phase of its own would make deadlines up to a tick later. */
static void loop_arm_tick(Loop *loop) {
    uv_update_time(&loop->uv);
    uint64_t now_ms = clock_now_ms();
    loop->due_ms = now_ms + WHEEL_TICK_MS - now_ms % WHEEL_TICK_MS;
    uv_timer_start(&loop->tick, loop_on_tick, loop->due_ms - now_ms, 0);
}

static void loop_gauge(Counter *gauge, uint64_t value) {
    counter_add(gauge, value - counter_read(gauge));
}

static void loop_on_tick(uv_timer_t *handle) {
    Loop *loop = handle->data;
    uint64_t now_ms = clock_now_ms();
    loop_gauge(&loop->lag_ms, now_ms - loop->due_ms);
    histogram_add(&loop->lag, now_ms - loop->due_ms);
    loop_gauge(&loop->ticked_ms, now_ms);
    loop->ops->tick(loop->context, now_ms);
    loop_arm_tick(loop);
}

/* Before the loop polls again: timers, wakes and sockets of this turn have all been served by now. */
static void loop_on_turn(uv_prepare_t *handle) {
    Loop *loop = handle->data;
    loop->ops->turn(loop->context);
}

int loop_init(Loop *loop, const LoopOps *ops, void *context) {
    int r = uv_loop_init(&loop->uv);
    if (r < 0)
        return error_origin(r);
    loop->ops = ops;
    loop->context = context;
    loop->wake.data = loop->tick.data = loop->turn.data = loop;
    r = uv_async_init(&loop->uv, &loop->wake, loop_on_wake);
    if (r < 0) {
        uv_loop_close(&loop->uv);
        return error_origin(r);
    }
    uv_timer_init(&loop->uv, &loop->tick);
    loop_arm_tick(loop);
    uv_prepare_init(&loop->uv, &loop->turn);
    uv_prepare_start(&loop->turn, loop_on_turn);
    return 0;
}

static void loop_on_look(uv_timer_t *handle) {}

int loop_finish(Loop *loop) {
    uint64_t end_ms = clock_now_ms() + FINISH_MS;
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_close((uv_handle_t *)&loop->turn, NULL);
    uv_timer_start(&loop->tick, loop_on_look, LOOK_MS, LOOK_MS);
    uv_unref((uv_handle_t *)&loop->tick); /* it only makes the loop look at the clock */
    while (uv_run(&loop->uv, UV_RUN_ONCE) != 0 && clock_now_ms() < end_ms) {
    }
    uv_close((uv_handle_t *)&loop->tick, NULL);
    uv_run(&loop->uv, UV_RUN_NOWAIT);
    int r = uv_loop_close(&loop->uv);
    return r < 0 ? error_origin(r) : 0;
}

void loop_run(Loop *loop) {
    loop_gauge(&loop->ticked_ms, clock_now_ms()); /* it runs, though its first tick is up to 100 ms away */
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(Loop *loop) {
    uv_stop(&loop->uv);
}

void loop_wake(void *context) {
    Loop *loop = context;
    uv_async_send(&loop->wake);
}
