#include "base/utf8.h"
#include "session/limits.h"
#include "session/session.h"
#include "session/table.h"

enum { GATHERED_KEPT = 4096 }; /* bytes; a larger message's memory is given back at once */

static void clear(Session *session) {
    session->is_gathering = false;
    if (session->gathered.n_allocated > GATHERED_KEPT)
        buf_finish(&session->gathered);
    else
        buf_clear(&session->gathered);
}

static void refuse(Session *session, Cause cause) {
    clear(session);
    session_close(session, cause);
}

static bool begins_or_continues(Session *session, bool is_first, bool is_binary) {
    if (is_first == session->is_gathering)
        return false;
    if (is_first) {
        session->is_gathering = true;
        session->is_binary = is_binary;
    }
    return true;
}

static void limited(Session *session) {
    counter_add(&session->table->counters.limited_messages, 1);
    refuse(session, CAUSE_RATE_LIMITED);
}

/* A little too much is answered where the dialect can; who goes on all the same, for a burst more, is closed. */
static void pass_on_over_rate(Session *session, size_t n_bytes, int charged) {
    if (charged == QUOTA_SPENT || !session->dialect->limited) {
        limited(session);
        return;
    }
    counter_add(&session->table->counters.limited_messages, 1);
    session->dialect->limited(session, (char *)session->gathered.bytes, n_bytes, session->is_binary);
    clear(session);
}

/* Whole: checked, and with the NUL that the dialect is promised. */
static void pass_on(Session *session) {
    Buf *gathered = &session->gathered;
    size_t n_bytes = gathered->n_bytes;
    if (buf_append(gathered, "", 1) != BUF_OK) {
        refuse(session, CAUSE_OUT_OF_MEMORY);
        return;
    }
    if (!session->is_binary && !utf8_is_valid(gathered->bytes, n_bytes)) {
        refuse(session, CAUSE_BAD_UTF8);
        return;
    }
    SessionTable *table = session->table;
    counter_add(&table->counters.received_messages, 1);
    const QuotaLimit rate = limits_of_messages(&table->options, session->token);
    int charged = quota_take(&session->messages, &rate, 1, table->now_ms);
    if (charged != QUOTA_OK) {
        pass_on_over_rate(session, n_bytes, charged);
        return;
    }
    session->dialect->received(session, (char *)gathered->bytes, n_bytes, session->is_binary);
    clear(session);
}

void session_receive(Session *session, const void *bytes, size_t n_bytes, bool is_first, bool is_final, bool is_binary) {
    watchdog_heard(session, session->table->now_ms);
    if (session->state != READY_STATE_OPEN)
        return;
    counter_add(&session->table->counters.received_bytes, n_bytes);
    if (!begins_or_continues(session, is_first, is_binary)) {
        refuse(session, CAUSE_PROTOCOL_ERROR);
        return;
    }
    const QuotaLimit rate = limits_of_bytes(&session->table->options, session->token);
    if (quota_take(&session->bytes, &rate, (uint32_t)n_bytes, session->table->now_ms) != QUOTA_OK) {
        limited(session);
        return;
    }
    if (n_bytes + session->gathered.n_bytes > session->table->options.message_limit_bytes) {
        refuse(session, CAUSE_MESSAGE_TOO_BIG);
        return;
    }
    if (buf_append(&session->gathered, bytes, n_bytes) != BUF_OK) {
        refuse(session, CAUSE_OUT_OF_MEMORY);
        return;
    }
    if (is_final)
        pass_on(session);
}
