#include "session/flush.h"
#include "session/session.h"
#include "session/table.h"

static int refuse(Session *session, Cause cause) {
    counter_add(&session->table->counters.refused_sends[session->state], 1);
    if (cause != CAUSE_NONE)
        session_close(session, cause);
    return SESSION_REFUSED;
}

int session_send(Session *session, Frame *frame) {
    if (session->state != READY_STATE_OPEN)
        return refuse(session, CAUSE_NONE);
    int r = outbox_push(&session->outbox, frame);
    if (r != OUTBOX_OK)
        return refuse(session, r == OUTBOX_FULL ? CAUSE_SLOW_CONSUMER : CAUSE_OUT_OF_MEMORY);
    session_mark_dirty(session);
    return SESSION_SENT;
}

int session_send_text(Session *session, const char *text, size_t n_text) {
    if (session->state != READY_STATE_OPEN)
        return refuse(session, CAUSE_NONE);
    Frame *frame;
    if (frame_new_copy(&frame, FRAME_TEXT, text, n_text) < 0)
        return refuse(session, CAUSE_OUT_OF_MEMORY);
    int r = session_send(session, frame);
    frame_unref(frame);
    return r;
}
