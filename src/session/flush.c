#include "session/flush.h"

#include "session/session.h"
#include "session/table.h"

void session_mark_dirty(Session *session) {
    if (!session->is_blocked && !list_is_linked(&session->dirty))
        list_append(&session->table->dirty, &session->dirty);
}

void session_flush(Session *session) {
    SessionTable *table = session->table;
    list_unlink(&session->dirty);
    while (!session->is_blocked && session->state != READY_STATE_CLOSED && !outbox_is_empty(&session->outbox)) {
        OutboxSpan span = outbox_peek(&session->outbox, table->scratch, SESSION_TABLE_SCRATCH);
        int r = session->transport->ops->write(session->transport, span.bytes, span.n_bytes);
        if (r == TRANSPORT_FAILED) {
            session_terminate(session, CAUSE_WRITE_FAILED);
            return;
        }
        session->is_blocked = r == TRANSPORT_BLOCKED;
        outbox_consume(&session->outbox, &span);
        counter_add(&table->counters.writes, 1);
        counter_add(&table->counters.sent_frames, span.n_frames + span.n_control);
        counter_add(&table->counters.sent_bytes, span.n_bytes);
    }
}
