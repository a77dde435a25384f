#include "session/watchdog.h"

#include "base/random.h"
#include "session/flush.h"
#include "session/session.h"
#include "session/table.h"

enum { JITTER_PART = 5 };

void watchdog_init(Watchdog *watchdog) {
    *watchdog = (Watchdog){0};
    wheel_entry_init(&watchdog->entry);
}

static void arm(Session *session, uint64_t due_ms) {
    wheel_arm(&session->table->wheel, &session->watchdog.entry, due_ms);
}

void watchdog_disarm(Session *session) {
    wheel_disarm(&session->table->wheel, &session->watchdog.entry);
}

/* Less by a random part, so that connections opened together do not ping together, and by a tick at least, so that the late
   tick of the ping does not add to that of the pong's deadline. */
static uint64_t ping_interval_ms(uint32_t ping_ms) {
    uint64_t n_most = ping_ms / JITTER_PART;
    uint64_t n_least = n_most < WHEEL_TICK_MS ? n_most : WHEEL_TICK_MS;
    return ping_ms - n_least - random_below(n_most - n_least + 1);
}

void watchdog_state_changed(Session *session, uint64_t now_ms) {
    const WatchdogOptions *options = &session->table->options.watchdog;
    switch (session->state) {
    case READY_STATE_CONNECTING:
        arm(session, now_ms + options->handshake_ms);
        break;
    case READY_STATE_OPEN:
        arm(session, now_ms + ping_interval_ms(options->ping_ms));
        break;
    case READY_STATE_CLOSING:
        arm(session, now_ms + options->linger_ms);
        break;
    case READY_STATE_CLOSED:
        watchdog_disarm(session);
        break;
    }
}

void watchdog_hurry(Session *session, uint64_t now_ms, uint32_t linger_ms) {
    uint64_t due_ms = now_ms + linger_ms;
    if (session->state == READY_STATE_CLOSING && due_ms < session->watchdog.entry.due_tick * WHEEL_TICK_MS)
        arm(session, due_ms);
}

void watchdog_heard(Session *session, uint64_t now_ms) {
    session->watchdog.heard_ms = now_ms;
}

/* The library tells us of data and pongs only; the kernel knows of every byte, half a message of a slow sender among them. */
static bool has_answered(const Session *session, uint64_t now_ms) {
    const Watchdog *watchdog = &session->watchdog;
    if (watchdog->heard_ms >= watchdog->pinged_ms)
        return true;
    int64_t silent_ms = session->transport->ops->silent_ms(session->transport);
    return silent_ms >= 0 && (uint64_t)silent_ms <= now_ms - watchdog->pinged_ms;
}

/* When OUTBOX_FULL, pings wait already and the peer has to answer those. */
static void ping(Session *session, uint64_t now_ms) {
    const WatchdogOptions *options = &session->table->options.watchdog;
    if (outbox_push_control(&session->outbox, session->table->ping) == OUTBOX_OK) {
        counter_add(&session->table->counters.pings, 1);
        session_mark_dirty(session);
    }
    session->watchdog.pinged_ms = now_ms;
    arm(session, now_ms + options->pong_ms + options->pong_grace_ms);
}

static void open_expired(Session *session, uint64_t now_ms) {
    Watchdog *watchdog = &session->watchdog;
    if (!watchdog->pinged_ms) {
        ping(session, now_ms);
    } else if (has_answered(session, now_ms)) {
        arm(session, watchdog->pinged_ms + ping_interval_ms(session->table->options.watchdog.ping_ms));
        watchdog->pinged_ms = 0;
    } else {
        session_terminate(session, CAUSE_PONG_TIMEOUT);
    }
}

void watchdog_expired(WheelEntry *entry, uint64_t now_ms, void *context) {
    Session *session = container_of(container_of(entry, Watchdog, entry), Session, watchdog);
    switch (session->state) {
    case READY_STATE_CONNECTING:
        session_terminate(session, CAUSE_HANDSHAKE_TIMEOUT);
        break;
    case READY_STATE_OPEN:
        open_expired(session, now_ms);
        break;
    case READY_STATE_CLOSING:
        session_terminate(session, CAUSE_LINGER_TIMEOUT);
        break;
    case READY_STATE_CLOSED: /* disarmed when it became so */
        break;
    }
}
