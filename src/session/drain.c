/* How a worker's sessions are told to go when the node ends. */
#include "base/random.h"
#include "session/session.h"
#include "session/table.h"

enum {
    DRAIN_SPREAD_MS = 2000, /* who is told to go in one tick does not come back in one tick */
    DRAIN_AWAY_MS = 60000,  /* of a window that was cut short: nobody is asked to wait longer than that */
};

/* The first of the state's list, again and again: each leaves it for the end of another. */
static void drain_some(SessionTable *table, ReadyState state, uint64_t n_sessions, uint64_t spread_ms) {
    ListNode *head = &table->members[state];
    while (n_sessions-- > 0 && !list_is_empty(head)) {
        Session *session = container_of(head->next, Session, member);
        session_drain(session, spread_ms > 0 ? 1 + (uint32_t)random_below(spread_ms) : 0);
        if (head->next == &session->member)
            session_terminate(session, CAUSE_SHUTDOWN);
    }
}

static uint64_t count_in(const SessionTable *table, ReadyState state) {
    return counter_read(&table->counters.in_state[state]);
}

void session_table_drain(SessionTable *table, uint32_t window_ms) {
    if (window_ms > 0) {
        table->drain_ends_ms = table->now_ms + window_ms;
        return;
    }
    uint64_t ends_ms = table->drain_ends_ms, spread_ms = 0;
    if (ends_ms > 0) {
        uint64_t left_ms = ends_ms > table->now_ms ? ends_ms - table->now_ms : 0;
        spread_ms = (left_ms < DRAIN_AWAY_MS ? left_ms : DRAIN_AWAY_MS) + DRAIN_SPREAD_MS;
    }
    table->drain_ends_ms = 0;
    drain_some(table, READY_STATE_CONNECTING, count_in(table, READY_STATE_CONNECTING), 0);
    drain_some(table, READY_STATE_OPEN, count_in(table, READY_STATE_OPEN), spread_ms);
}

void session_table_terminate(SessionTable *table) {
    for (ReadyState state = READY_STATE_CONNECTING; state <= READY_STATE_CLOSING; state++)
        for (ListNode *head = &table->members[state]; !list_is_empty(head);)
            session_terminate(container_of(head->next, Session, member), CAUSE_SHUTDOWN);
}

/* The part that a whole number leaves over is decided by lot, so that the single connection of a worker goes at any moment of the
   window, and those of many workers do not go together. */
void session_table_drain_tick(SessionTable *table) {
    if (table->drain_ends_ms == 0)
        return;
    if (table->now_ms >= table->drain_ends_ms) {
        session_table_drain(table, 0);
        return;
    }
    uint64_t n_ticks = (table->drain_ends_ms - table->now_ms) / WHEEL_TICK_MS + 1;
    uint64_t n_open = count_in(table, READY_STATE_OPEN);
    uint64_t n_sessions = n_open / n_ticks + (random_below(n_ticks) < n_open % n_ticks);
    drain_some(table, READY_STATE_OPEN, n_sessions, DRAIN_SPREAD_MS);
}
