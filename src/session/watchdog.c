#include "session/watchdog.h"

#include "base/random.h"
#include "session/session.h"
#include "session/table.h"

enum { JITTER_PART = 5, LOOK_PART = 10 };

void watchdog_init(Watchdog *watchdog) {
    *watchdog = (Watchdog){0};
    wheel_entry_init(&watchdog->entry);
}

static const WatchdogOptions *options_of(const Session *session) {
    return &session->table->options.watchdog;
}

static uint64_t nearer(uint64_t due_ms, uint64_t other_due_ms) {
    return other_due_ms && other_due_ms < due_ms ? other_due_ms : due_ms;
}

static void arm(Session *session) {
    Watchdog *watchdog = &session->watchdog;
    uint64_t due_ms = nearer(nearer(watchdog->state_due_ms, watchdog->credential_due_ms), watchdog->look_due_ms);
    wheel_arm(&session->table->wheel, &watchdog->entry, due_ms);
}

/* Less by a random part, so that connections opened together do not ping together, and by a tick at least, so that the late
   tick of the ping does not add to that of the pong's deadline. */
static uint64_t ping_interval_ms(uint32_t ping_ms) {
    uint64_t n_most = ping_ms / JITTER_PART;
    uint64_t n_least = n_most < WHEEL_TICK_MS ? n_most : WHEEL_TICK_MS;
    return ping_ms - n_least - random_below(n_most - n_least + 1);
}

static uint64_t look_interval_ms(const WatchdogOptions *options) {
    uint64_t interval_ms = options->stall_ms / LOOK_PART;
    return interval_ms < WHEEL_TICK_MS ? WHEEL_TICK_MS : interval_ms;
}

void watchdog_state_changed(Session *session, uint64_t now_ms) {
    const WatchdogOptions *options = options_of(session);
    Watchdog *watchdog = &session->watchdog;
    watchdog->credential_due_ms = 0; /* it is of OPEN alone, and asked for in it */
    switch (session->state) {
    case READY_STATE_CONNECTING:
        watchdog->state_due_ms = now_ms + options->handshake_ms;
        break;
    case READY_STATE_OPEN:
        watchdog->state_due_ms = now_ms + ping_interval_ms(options->ping_ms);
        break;
    case READY_STATE_CLOSING:
        watchdog->state_due_ms = now_ms + options->linger_ms;
        break;
    case READY_STATE_CLOSED:
        wheel_disarm(&session->table->wheel, &watchdog->entry);
        return;
    }
    arm(session);
}

void watchdog_hurry(Session *session, uint64_t now_ms, uint32_t linger_ms) {
    Watchdog *watchdog = &session->watchdog;
    if (session->state != READY_STATE_CLOSING || now_ms + linger_ms >= watchdog->state_due_ms)
        return;
    watchdog->state_due_ms = now_ms + linger_ms;
    arm(session);
}

void watchdog_require_auth(Session *session, uint64_t now_ms) {
    session->watchdog.credential_due_ms = now_ms + options_of(session)->auth_ms;
    session->watchdog.credential_cause = CAUSE_AUTH_TIMEOUT;
    arm(session);
}

void watchdog_authenticated(Session *session, uint64_t expires_at_ms) {
    uint32_t grace_ms = options_of(session)->expiry_grace_ms;
    bool is_lasting = expires_at_ms == 0 || expires_at_ms > UINT64_MAX - grace_ms;
    session->watchdog.credential_due_ms = is_lasting ? 0 : expires_at_ms + grace_ms;
    session->watchdog.credential_cause = CAUSE_TOKEN_EXPIRED;
    arm(session);
}

/* A tick early, so that the looks are never further apart than their interval: else the late ticks of the first and the last
   one would add up. */
void watchdog_blocked(Session *session, uint64_t now_ms) {
    const WatchdogOptions *options = options_of(session);
    Watchdog *watchdog = &session->watchdog;
    if (watchdog->look_due_ms || options->stall_ms == 0)
        return;
    watchdog->look_due_ms = now_ms + look_interval_ms(options) - WHEEL_TICK_MS;
    watchdog->progress_ms = 0;
    if (watchdog->look_due_ms < watchdog->entry.due_tick * WHEEL_TICK_MS)
        arm(session);
}

void watchdog_heard(Session *session, uint64_t now_ms) {
    session->watchdog.heard_ms = now_ms;
}

/* The first look only takes note: asking the kernel at each write that blocks would cost more than it tells. */
static void look(Session *session, uint64_t now_ms) {
    const WatchdogOptions *options = options_of(session);
    Watchdog *watchdog = &session->watchdog;
    if (!session->is_blocked && outbox_is_empty(&session->outbox)) {
        watchdog->look_due_ms = 0;
        return;
    }
    uint64_t interval_ms = look_interval_ms(options);
    uint64_t patience_ms = options->stall_ms > interval_ms ? options->stall_ms - interval_ms : 0;
    uint64_t n_acknowledged_bytes = session->transport->ops->acknowledged_bytes(session->transport);
    if (watchdog->progress_ms == 0 || n_acknowledged_bytes != watchdog->n_acknowledged_bytes) {
        watchdog->progress_ms = now_ms;
        watchdog->n_acknowledged_bytes = n_acknowledged_bytes;
    } else if (now_ms - watchdog->progress_ms >= patience_ms) {
        session_terminate(session, CAUSE_STALLED);
        return;
    }
    watchdog->look_due_ms = nearer(now_ms + interval_ms - WHEEL_TICK_MS, watchdog->progress_ms + patience_ms);
}

/* The library tells us of data and pongs only; the kernel knows of every byte, half a message of a slow sender among them. */
static bool has_answered(const Session *session, uint64_t now_ms) {
    const Watchdog *watchdog = &session->watchdog;
    if (watchdog->heard_ms >= watchdog->pinged_ms)
        return true;
    int64_t silent_ms = session->transport->ops->silent_ms(session->transport);
    return silent_ms >= 0 && (uint64_t)silent_ms <= now_ms - watchdog->pinged_ms;
}

static void beat(Session *session, uint64_t now_ms) {
    const WatchdogOptions *options = options_of(session);
    Watchdog *watchdog = &session->watchdog;
    if (!watchdog->pinged_ms) {
        session_ping(session);
        watchdog->pinged_ms = now_ms;
        watchdog->state_due_ms = now_ms + options->pong_ms + options->pong_grace_ms;
    } else if (has_answered(session, now_ms)) {
        watchdog->state_due_ms = watchdog->pinged_ms + ping_interval_ms(options->ping_ms);
        watchdog->pinged_ms = 0;
    } else {
        session_terminate(session, CAUSE_PONG_TIMEOUT);
    }
}

static void state_expired(Session *session, uint64_t now_ms) {
    switch (session->state) {
    case READY_STATE_CONNECTING:
        session_terminate(session, CAUSE_HANDSHAKE_TIMEOUT);
        break;
    case READY_STATE_OPEN:
        beat(session, now_ms);
        break;
    case READY_STATE_CLOSING:
        session_terminate(session, CAUSE_LINGER_TIMEOUT);
        break;
    case READY_STATE_CLOSED: /* disarmed when it became so */
        break;
    }
}

static bool is_due(uint64_t due_ms, uint64_t now_ms) {
    return due_ms != 0 && due_ms <= now_ms;
}

void watchdog_expired(WheelEntry *entry, uint64_t now_ms, void *context) {
    Watchdog *watchdog = container_of(entry, Watchdog, entry);
    Session *session = container_of(watchdog, Session, watchdog);
    if (is_due(watchdog->state_due_ms, now_ms))
        state_expired(session, now_ms);
    if (session->state != READY_STATE_CLOSED && is_due(watchdog->look_due_ms, now_ms))
        look(session, now_ms);
    if (session->state == READY_STATE_OPEN && is_due(watchdog->credential_due_ms, now_ms))
        session_close(session, watchdog->credential_cause);
    if (session->state != READY_STATE_CLOSED)
        arm(session);
}

static uint32_t longest_ms(const Session *session) {
    const WatchdogOptions *options = options_of(session);
    uint32_t answer_ms = options->pong_ms + options->pong_grace_ms;
    switch (session->state) {
    case READY_STATE_CONNECTING:
        return options->handshake_ms;
    case READY_STATE_OPEN:
        return options->ping_ms > answer_ms ? options->ping_ms : answer_ms;
    default:
        return options->linger_ms;
    }
}

/* The audit takes a deadline beyond the longest for a mistake. Who waits for its ping gets a random part off, as ever: all
   connections come here at once. */
void watchdog_reconsider(Session *session, uint64_t now_ms) {
    Watchdog *watchdog = &session->watchdog;
    bool is_quiet = session->state == READY_STATE_OPEN && !watchdog->pinged_ms;
    uint64_t due_ms = now_ms + (is_quiet ? ping_interval_ms(longest_ms(session)) : longest_ms(session));
    if (watchdog->state_due_ms <= due_ms)
        return;
    watchdog->state_due_ms = due_ms;
    arm(session);
}

bool watchdog_is_sound(const Session *session, uint64_t now_ms) {
    const WheelEntry *entry = &session->watchdog.entry;
    uint64_t last_tick = (now_ms + longest_ms(session)) / WHEEL_TICK_MS + 1;
    return wheel_is_armed(entry) && entry->due_tick > session->table->wheel.tick && entry->due_tick <= last_tick;
}
