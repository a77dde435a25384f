#include "app/desk.h"
#include "base/clock.h"

enum { DESK_ALIVE_MS = 2000 }; /* a loop ticks ten times a second */

typedef enum Pulse { PULSE_NONE, PULSE_GOOD, PULSE_LOST } Pulse;

static Pulse desk_pulse(const Loop *loop, uint64_t now_ms) {
    uint64_t ticked_ms = counter_read(&loop->ticked_ms);
    if (ticked_ms == 0)
        return PULSE_NONE;
    return now_ms > ticked_ms + DESK_ALIVE_MS ? PULSE_LOST : PULSE_GOOD;
}

/* At the end workers stop one after another, and nobody should take that for an illness. */
static void desk_look_at_workers(const Desk *desk, uint64_t now_ms, NodeHealth *health) {
    for (uint32_t i = 0; i < desk->options.n_workers && !health->unhealthy; i++) {
        Pulse pulse = desk_pulse(&desk->options.workers[i].loop, now_ms);
        if (pulse == PULSE_NONE)
            health->unready = "starting";
        if (pulse != PULSE_LOST || atomic_load(&desk->is_draining))
            continue;
        health->unhealthy = "worker";
        health->worker = i;
    }
}

/* For the clients' addresses and the watchdog. At the end it stops before the bus. */
static void desk_look_at_itself(const Desk *desk, uint64_t now_ms, NodeHealth *health) {
    Pulse pulse = desk_pulse(&desk->loop, now_ms);
    if (pulse == PULSE_NONE)
        health->unready = "starting";
    if (pulse == PULSE_LOST && !health->unhealthy && !atomic_load(&desk->is_draining))
        health->unhealthy = "desk";
}

NodeHealth desk_health(const Desk *desk) {
    uint64_t now_ms = clock_now_ms();
    NodeHealth health = {.unhealthy = NULL};
    Pulse bus = desk_pulse(&desk->options.bus->loop, now_ms);
    if (bus == PULSE_NONE)
        health.unready = "starting";
    if (bus == PULSE_LOST)
        health.unhealthy = "bus";
    desk_look_at_workers(desk, now_ms, &health);
    desk_look_at_itself(desk, now_ms, &health);
    if (atomic_load(&desk->is_draining))
        health.unready = "draining";
    else if (health.unhealthy)
        health.unready = health.unhealthy;
    else if (!health.unready && counter_read(&desk->options.bus->bus.counters.up) == 0)
        health.unready = "broker";
    return health;
}

NodeHealth desk_health_of(void *desk) {
    return desk_health(desk);
}
