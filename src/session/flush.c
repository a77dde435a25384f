#include "session/flush.h"

#include "session/session.h"
#include "session/slow.h"
#include "session/table.h"

void session_mark_dirty(Session *session) {
    if (!session->is_blocked && !list_is_linked(&session->dirty))
        list_append(&session->table->dirty, &session->dirty);
}

static bool write_out(Session *session, const uint8_t *bytes, size_t n_bytes, uint32_t n_frames) {
    SessionCounters *counters = &session->table->counters;
    int r = session->transport->ops->write(session->transport, bytes, n_bytes);
    if (r == TRANSPORT_FAILED) {
        session_terminate(session, CAUSE_WRITE_FAILED);
        return false;
    }
    session->is_blocked = r == TRANSPORT_BLOCKED;
    counter_add(&counters->writes, 1);
    counter_add(&counters->sent_frames, n_frames);
    counter_add(&counters->sent_bytes, n_bytes);
    return true;
}

/* In CLOSING the end tells more than a notice could. */
static void write_notices(Session *session) {
    uint8_t *scratch = session->table->scratch;
    while (session->subscriber.n_gaps > 0 && session->state == READY_STATE_OPEN && !session->is_blocked) {
        SlowNotices notices;
        if (slow_gather_notices(session, scratch, SESSION_TABLE_SCRATCH, &notices) < 0)
            session_close(session, CAUSE_OUT_OF_MEMORY);
        else
            write_out(session, scratch, notices.n_bytes, notices.n_frames);
    }
}

void session_flush(Session *session) {
    SessionTable *table = session->table;
    list_unlink(&session->dirty);
    if (session->subscriber.n_gaps > 0)
        write_notices(session);
    while (!session->is_blocked && session->state != READY_STATE_CLOSED && !outbox_is_empty(&session->outbox)) {
        OutboxSpan span = outbox_peek(&session->outbox, table->scratch, SESSION_TABLE_SCRATCH);
        if (!write_out(session, span.bytes, span.n_bytes, span.n_frames + span.n_control))
            return;
        outbox_consume(&session->outbox, &span);
    }
    if (session->is_blocked)
        watchdog_blocked(session, table->now_ms);
}
