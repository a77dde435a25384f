#include "session/flush.h"
#include "session/session.h"
#include "session/slow.h"
#include "session/table.h"

static int refuse(Session *session, Cause cause) {
    counter_add(&session->table->counters.refused_sends[session->state], 1);
    if (cause != CAUSE_NONE)
        session_close(session, cause);
    return SESSION_REFUSED;
}

static int push_again(Session *session, Frame *frame, int r) {
    if (r == OUTBOX_FULL && slow_make_room(session, frame))
        r = outbox_push(&session->outbox, frame);
    if (r != OUTBOX_OK)
        return refuse(session, r == OUTBOX_FULL ? CAUSE_SLOW_CONSUMER : CAUSE_OUT_OF_MEMORY);
    session_mark_dirty(session);
    return SESSION_SENT;
}

int session_send(Session *session, Frame *frame) {
    if (session->state != READY_STATE_OPEN)
        return refuse(session, CAUSE_NONE);
    int r = outbox_push(&session->outbox, frame);
    if (r != OUTBOX_OK)
        return push_again(session, frame, r);
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

int session_send_message(Session *session, const Channel *channel, const Message *message) {
    if (session->state != READY_STATE_OPEN)
        return refuse(session, CAUSE_NONE);
    Frame *frame;
    if (hub_encode(&frame, session->subscriber.encoder, channel, message) < 0)
        return refuse(session, CAUSE_OUT_OF_MEMORY);
    int r = frame ? session_send(session, frame) : SESSION_SENT;
    frame_unref(frame);
    return r;
}

int session_send_gap(Session *session, const Channel *channel, GapReason reason) {
    if (session->state != READY_STATE_OPEN)
        return refuse(session, CAUSE_NONE);
    if (!session->dialect->gap_frame)
        return SESSION_SENT;
    Frame *frame;
    if (session->dialect->gap_frame(&frame, channel, reason) < 0)
        return refuse(session, CAUSE_OUT_OF_MEMORY);
    frame->slow = (uint8_t)channel->namespace->slow; /* makes room as a message would; of no channel, it stays itself */
    int r = session_send(session, frame);
    frame_unref(frame);
    return r;
}

int session_ping(Session *session) {
    if (session->state != READY_STATE_OPEN)
        return refuse(session, CAUSE_NONE);
    if (outbox_push_control(&session->outbox, session->table->ping) == OUTBOX_OK) {
        counter_add(&session->table->counters.pings, 1);
        session_mark_dirty(session);
    }
    return SESSION_SENT;
}
