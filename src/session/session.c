#include "session/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "session/authenticate.h"
#include "session/flush.h"
#include "session/table.h"

enum {
    CODE_PROTOCOL_ERROR = 1002,
    CODE_ABSENT = 1005,      /* RFC 6455 section 7.4.1: never on the wire */
    BROKEN_LINGER_MS = 1000, /* the peer has broken the protocol: little to wait for */
};

/* The only place that changes a state, and so the only one that moves a session between the table's lists. */
static bool session_change(Session *session, ReadyEvent event) {
    SessionTable *table = session->table;
    int next = readystate_next(session->state, event);
    if (next < 0)
        return false;
    counter_subtract(&table->counters.in_state[session->state], 1);
    counter_add(&table->counters.in_state[next], 1);
    session->state = (ReadyState)next;
    list_unlink(&session->member);
    list_append(&table->members[next], &session->member);
    if (next >= READY_STATE_CLOSING && !list_is_linked(&session->ending))
        list_append(&table->ending, &session->ending);
    if (next == READY_STATE_CLOSED)
        list_unlink(&session->dirty);
    watchdog_state_changed(session, table->now_ms);
    return true;
}

static void keep_cause(Session *session, Cause cause) {
    if (session->cause == CAUSE_NONE)
        session->cause = cause;
}

int session_new(Session **out, SessionTable *table, Transport *transport) {
    Session *session = calloc(1, sizeof(*session));
    if (!session)
        return error_origin(-ENOMEM);
    int r = slots_take(&table->slots, session, &session->id);
    if (r < 0) {
        free(session);
        return error_trace(r);
    }
    subscriber_init(&session->subscriber, NULL);
    outbox_init(&session->outbox, table->options.outbox_limit_bytes, &table->counters.waiting);
    buf_init(&session->gathered, (size_t)table->options.message_limit_bytes + 1);
    quota_init(&session->messages, &table->options.message_rate, table->now_ms);
    quota_init(&session->bytes, &table->options.byte_rate, table->now_ms);
    watchdog_init(&session->watchdog);
    list_init(&session->dirty);
    list_init(&session->ending);
    list_init(&session->member);
    list_init(&session->fellow);
    session->transport = transport;
    session->table = table;
    session->accepted_ms = table->now_ms;
    list_append(&table->members[READY_STATE_CONNECTING], &session->member);
    counter_add(&table->counters.in_state[READY_STATE_CONNECTING], 1);
    counter_add(&table->counters.accepted, 1);
    watchdog_state_changed(session, table->now_ms);
    *out = session;
    return 0;
}

void session_open(Session *session, const DialectOps *dialect, const char *channels, size_t n_channels) {
    if (!session_change(session, READY_EVENT_OPENED))
        return;
    session->dialect = dialect;
    session->subscriber.encoder = &dialect->encoder;
    counter_add(&session->table->counters.in_dialect[dialect->encoder.index], 1);
    authenticate_opened(session);
    dialect->opened(session, channels, n_channels);
}

/* The last frame of a session: what it waits behind was accepted while OPEN. */
static void say_goodbye(Session *session, ReadyEvent event, Cause cause, uint16_t code, const char *reason) {
    Frame *frame;
    int r = frame_new_close(&frame, code, reason);
    if (r == 0) {
        r = outbox_push_last(&session->outbox, frame);
        frame_unref(frame);
    }
    if (r < 0) {
        session_terminate(session, cause);
        return;
    }
    keep_cause(session, cause);
    session_change(session, event);
    counter_add(&session->table->counters.closed[cause], 1);
    session_mark_dirty(session);
}

void session_close(Session *session, Cause cause) {
    session_close_with(session, cause, cause_code(cause), cause_reason(cause));
}

static void close_session(Session *session, Cause cause, uint16_t code, const char *reason, uint32_t reconnect_after_ms) {
    if (session->state == READY_STATE_CONNECTING)
        session_terminate(session, cause);
    if (session->state != READY_STATE_OPEN || session->is_ending)
        return;
    session->is_ending = true;
    if (cause == CAUSE_SLOW_CONSUMER)
        outbox_discard(&session->outbox);
    else if (session->dialect->closing)
        session->dialect->closing(session, code, reason, reconnect_after_ms);
    if (session->state == READY_STATE_OPEN) /* the last words may have terminated it */
        say_goodbye(session, READY_EVENT_CLOSE, cause, code, reason);
}

void session_close_with(Session *session, Cause cause, uint16_t code, const char *reason) {
    close_session(session, cause, code, reason, 0);
}

void session_drain(Session *session, uint32_t reconnect_after_ms) {
    close_session(session, CAUSE_SHUTDOWN, cause_code(CAUSE_SHUTDOWN), cause_reason(CAUSE_SHUTDOWN), reconnect_after_ms);
}

void session_terminate(Session *session, Cause cause) {
    if (!session_change(session, READY_EVENT_TERMINATE))
        return;
    keep_cause(session, cause);
    counter_add(&session->table->counters.terminated[cause], 1);
}

/* RFC 6455 section 7.4: what may stand in a close frame. */
static bool code_is_valid(uint16_t code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static uint16_t answer_to(uint16_t code) {
    if (code == 0 || code == CODE_ABSENT)
        return 0;
    return code_is_valid(code) ? code : CODE_PROTOCOL_ERROR;
}

void session_heard(Session *session) {
    watchdog_heard(session, session->table->now_ms);
}

void session_require_auth(Session *session) {
    if (session->state == READY_STATE_OPEN)
        watchdog_require_auth(session, session->table->now_ms);
}

void session_authenticated(Session *session, uint64_t expires_at_ms) {
    if (session->state == READY_STATE_OPEN)
        watchdog_authenticated(session, expires_at_ms);
}

void session_peer_closed(Session *session, uint16_t code) {
    session_heard(session);
    if (session->state == READY_STATE_OPEN) {
        outbox_discard(&session->outbox);
        say_goodbye(session, READY_EVENT_PEER_CLOSED, CAUSE_CLIENT_CLOSED, answer_to(code), "");
    }
    if (session->state == READY_STATE_CLOSING)
        session_flush(session); /* ours may still wait for the turn's end, which the transport does not live to see */
}

void session_broken(Session *session) {
    if (session_change(session, READY_EVENT_CLOSE)) {
        keep_cause(session, CAUSE_PROTOCOL_ERROR);
        counter_add(&session->table->counters.closed[CAUSE_PROTOCOL_ERROR], 1);
    }
    outbox_discard(&session->outbox);
    list_unlink(&session->dirty);
    watchdog_hurry(session, session->table->now_ms, BROKEN_LINGER_MS);
}

void session_writeable(Session *session) {
    session->is_blocked = false;
    session->doubts &= (uint8_t)~AUDIT_DOUBT_BLOCKED;
    if (session->state != READY_STATE_CLOSED && !outbox_is_empty(&session->outbox))
        session_mark_dirty(session);
}

void session_gone(Session *session) {
    bool was_closing = session->state == READY_STATE_CLOSING;
    session->transport = NULL;
    if (!session_change(session, READY_EVENT_GONE))
        return;
    keep_cause(session, CAUSE_CLIENT_GONE);
    if (!was_closing)
        counter_add(&session->table->counters.terminated[CAUSE_CLIENT_GONE], 1);
}

const char *session_id_text(const Session *session, char text[SESSION_ID_TEXT]) {
    snprintf(text, SESSION_ID_TEXT, "%" PRIx64, session->id);
    return text;
}
