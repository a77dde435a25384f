#include "session/audit.h"

#include "session/session.h"
#include "session/table.h"

static bool is_leaving(const TransportFacts *facts) {
    return facts->tcp_state != TRANSPORT_TCP_ESTABLISHED && facts->tcp_state != TRANSPORT_TCP_SYN_RECV;
}

static uint8_t doubt(const Session *session, const TransportFacts *facts) {
    uint8_t doubts = 0;
    bool has_own_deadline = session->state != READY_STATE_OPEN || session->is_blocked;
    if (facts->is_tcp && (facts->tcp_state == TRANSPORT_TCP_CLOSE || (is_leaving(facts) && !has_own_deadline)))
        doubts |= AUDIT_DOUBT_SOCKET;
    if (session->is_blocked && !facts->is_holding && facts->n_unsent_bytes == 0)
        doubts |= AUDIT_DOUBT_BLOCKED;
    return doubts;
}

static Cause judge(Session *session, uint64_t now_ms) {
    TransportFacts facts;
    session->transport->ops->inspect(session->transport, &facts);
    if (!facts.is_alive)
        return CAUSE_AUDIT_UNREPORTED;
    if (!watchdog_is_sound(session, now_ms))
        return CAUSE_AUDIT_DEADLINE;
    uint8_t doubts = doubt(session, &facts);
    uint8_t confirmed = doubts & session->doubts;
    session->doubts = doubts;
    if (confirmed & AUDIT_DOUBT_SOCKET)
        return CAUSE_AUDIT_SOCKET;
    return confirmed & AUDIT_DOUBT_BLOCKED ? CAUSE_AUDIT_BLOCKED : CAUSE_NONE;
}

static void look_at(SessionTable *table, Session *session, uint64_t now_ms) {
    if (session->state == READY_STATE_CLOSED) {
        if (list_is_linked(&session->ending))
            return;
        list_append(&table->ending, &session->ending);
        counter_add(&table->counters.terminated[CAUSE_AUDIT_UNREPORTED], 1);
        return;
    }
    Cause cause = judge(session, now_ms);
    if (cause != CAUSE_NONE)
        session_terminate(session, cause);
}

void audit_run(SessionTable *table, uint64_t now_ms) {
    Audit *audit = &table->audit;
    const Slots *slots = &table->slots;
    uint64_t round_ms = table->options.audit_ms;
    if (round_ms == 0)
        return;
    uint64_t passed_ms = now_ms - audit->began_ms;
    bool is_late = passed_ms >= round_ms;
    uint64_t n_wanted = is_late ? slots->n_slots : slots->n_slots * passed_ms / round_ms;
    for (int i = 0; i < AUDIT_BUDGET && audit->next_slot < n_wanted; i++) {
        Session *session = slots->slots[audit->next_slot++].session;
        if (session)
            look_at(table, session, now_ms);
    }
    if (is_late && audit->next_slot >= slots->n_slots)
        *audit = (Audit){.began_ms = now_ms};
}

uint64_t audit_findings(const SessionCounters *counters) {
    uint64_t n_findings = 0;
    for (Cause cause = CAUSE_AUDIT_UNREPORTED; cause <= CAUSE_AUDIT_BLOCKED; cause++)
        n_findings += counter_read(&counters->terminated[cause]);
    return n_findings;
}
