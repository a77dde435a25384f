/* Watchdog: the nearest deadline of one connection, in its worker's wheel. Owner: the connection's worker.

   CONNECTING             handshake                      terminate
   OPEN, quiet            ping, less up to a fifth       send a ping, await the pong
   OPEN, ping sent        pong + pong_grace              terminate, unless any byte has come since
   CLOSING                linger                         terminate
   Bounds: each deadline + one tick (WHEEL_TICK_MS); a silent peer: ping + pong + pong_grace + one tick, where a ping comes at
   least one tick early so that the two ticks are one. That needs ping_ms of 5 ticks or more, and pong_ms + pong_grace_ms of at
   most 4/5 of ping_ms. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/wheel.h"

typedef struct Session Session;

typedef struct WatchdogOptions { /* milliseconds */
    uint32_t handshake_ms;
    uint32_t ping_ms;
    uint32_t pong_ms;
    uint32_t pong_grace_ms;
    uint32_t linger_ms;
} WatchdogOptions;

typedef struct Watchdog {
    WheelEntry entry;
    uint64_t heard_ms;  /* when the last byte came that the library told us of */
    uint64_t pinged_ms; /* when the unanswered ping was sent; 0: none */
} Watchdog;

void watchdog_init(Watchdog *watchdog);
/* Arms the deadline of the session's state; called at each change of it. */
void watchdog_state_changed(Session *session, uint64_t now_ms);
void watchdog_hurry(Session *session, uint64_t now_ms, uint32_t linger_ms); /* CLOSING: waits no longer than that */
void watchdog_heard(Session *session, uint64_t now_ms); /* touches no list: the deadline looks when it comes */
void watchdog_disarm(Session *session);
void watchdog_expired(WheelEntry *entry, uint64_t now_ms, void *context); /* for wheel_advance; context is not used */
