/* Watchdog: the nearest deadline of one connection, in its worker's wheel. Owner: the connection's worker.

   CONNECTING             handshake                      terminate
   OPEN, token required   auth                           close 4401, unless session_authenticated has come
   OPEN, quiet            ping, less up to a fifth       send a ping, await the pong
   OPEN, ping sent        pong + pong_grace              terminate, unless any byte has come since
   OPEN, token expires    expiry + expiry_grace          close 4402, unless session_authenticated has come again
   OPEN or CLOSING, frames wait that the transport did not take
                          stall                          terminate, unless the peer has acknowledged bytes since
   CLOSING                linger                         terminate
   Bounds: each deadline + one tick (WHEEL_TICK_MS).
   - A silent peer: ping + pong + pong_grace + one tick, where a ping comes at least one tick early so that the two ticks are
     one. That needs ping_ms of 5 ticks or more, and pong_ms + pong_grace_ms of at most 4/5 of ping_ms.
   - A stalled reader: stall + one tick after its last acknowledgement, or after the first write that blocked. Progress is
     looked at every tenth of stall_ms, a tick at least, while frames wait; so a reader that pauses for less than stall_ms
     less such a tenth is never taken for a stalled one.
   All share one entry of the wheel. It is moved when a state changes, when it was due, and when a deadline joins that is nearer:
   never for a message or a byte. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/wheel.h"
#include "session/cause.h"

typedef struct Session Session;

typedef struct WatchdogOptions { /* milliseconds */
    uint32_t handshake_ms;
    uint32_t auth_ms;
    uint32_t ping_ms;
    uint32_t pong_ms;
    uint32_t pong_grace_ms;
    uint32_t stall_ms;
    uint32_t expiry_grace_ms;
    uint32_t linger_ms;
} WatchdogOptions;

typedef struct Watchdog {
    WheelEntry entry;              /* armed for the nearest of the three deadlines */
    uint64_t state_due_ms;         /* handshake, ping or pong, linger: always set */
    uint64_t credential_due_ms;    /* the token's coming or going; 0: none */
    uint64_t look_due_ms;          /* the next look at progress; 0: no frames wait */
    uint64_t heard_ms;             /* when the last byte came that the library told us of */
    uint64_t pinged_ms;            /* when the unanswered ping was sent; 0: none */
    uint64_t progress_ms;          /* the look that last saw progress; 0: there was none yet */
    uint64_t n_acknowledged_bytes; /* at that look */
    Cause credential_cause;        /* what ends it at credential_due_ms */
} Watchdog;

void watchdog_init(Watchdog *watchdog);
/* Arms the deadline of the session's state; called at each change of it. */
void watchdog_state_changed(Session *session, uint64_t now_ms);
void watchdog_hurry(Session *session, uint64_t now_ms, uint32_t linger_ms); /* CLOSING: waits no longer than that */
void watchdog_require_auth(Session *session, uint64_t now_ms);              /* OPEN */
void watchdog_authenticated(Session *session, uint64_t expires_at_ms);      /* OPEN; 0: never */
void watchdog_blocked(Session *session, uint64_t now_ms); /* a flush has left frames waiting. Idempotent and cheap */
void watchdog_heard(Session *session, uint64_t now_ms);   /* touches no list: the deadline looks when it comes */
/* Not CLOSED: the options have changed. What is armed keeps its time, unless it is further away than the longest of its state. */
void watchdog_reconsider(Session *session, uint64_t now_ms);
/* For the audit, after the wheel has been advanced: a deadline is armed, is still to come, and is no further away than the
   longest of the session's state. */
bool watchdog_is_sound(const Session *session, uint64_t now_ms);
void watchdog_expired(WheelEntry *entry, uint64_t now_ms, void *context); /* for wheel_advance; context is not used */
