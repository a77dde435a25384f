#include "session/audit.h"

#include "fake_node.h"
#include "suite.h"

enum { ROUND_MS = 30000, CROWD = 10 };

static FakeTransport fake;

static void begin(void) {
    node_begin(&fake_options);
}

/* No audit finding but that one, which is counted once. */
static void end(Cause expected) {
    for (Cause cause = CAUSE_AUDIT_UNREPORTED; cause <= CAUSE_AUDIT_BLOCKED; cause++)
        ck_assert_uint_eq(count_terminated(cause), cause == expected);
    ck_assert_uint_eq(audit_findings(&node.table.counters), expected != CAUSE_NONE);
    node_end();
}

/* The peer talks, so that no other deadline ends it. Returns how long it took until the transport was terminated. */
static uint64_t wait_for_end(Session *session, uint64_t n_ms) {
    uint64_t begin_ms = node.now_ms;
    while (!fake.n_terminated && node.now_ms - begin_ms < n_ms) {
        if (session)
            session_heard(session);
        node_pass(WHEEL_TICK_MS);
    }
    return node.now_ms - begin_ms;
}

START_TEST(each_session_is_looked_at_once_a_round) {
    static FakeTransport fakes[CROWD];
    begin();
    for (int i = 0; i < CROWD; i++)
        node_open(&fakes[i]);
    for (int i = 0; i < CROWD; i++)
        fakes[i].silent_ms = 0;
    node_pass(ROUND_MS + WHEEL_TICK_MS);
    for (int i = 0; i < CROWD; i++)
        ck_assert_uint_eq(fakes[i].n_inspected, 1);
    node_pass(ROUND_MS);
    for (int i = 0; i < CROWD; i++)
        ck_assert_uint_eq(fakes[i].n_inspected, 2);
    end(CAUSE_NONE);
}
END_TEST

START_TEST(a_round_takes_longer_rather_than_more_slots_a_tick_than_the_budget) {
    enum { N_SESSIONS = 1000 }; /* 1024 slots: four ticks */
    static FakeTransport one;
    SessionOptions options = fake_options;
    options.audit_ms = 100;
    node_begin(&options);
    fake_transport_init(&one);
    for (int i = 0; i < N_SESSIONS; i++) {
        Session *session;
        ck_assert_int_eq(session_new(&session, &node.table, &one.transport), 0);
    }
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 4; i++) {
            uint32_t n_before = one.n_inspected;
            node_pass(WHEEL_TICK_MS);
            ck_assert_uint_eq(one.n_inspected - n_before, i < 3 ? AUDIT_BUDGET : N_SESSIONS - 3 * AUDIT_BUDGET);
        }
    node_end();
}
END_TEST

START_TEST(without_a_round_there_is_no_audit) {
    SessionOptions options = fake_options;
    options.audit_ms = 0;
    node_begin(&options);
    node_open(&fake);
    fake.facts.is_alive = false;
    node_pass(20000);
    ck_assert_uint_eq(fake.n_inspected, 0);
    node_end();
}
END_TEST

START_TEST(a_healthy_session_is_left_alone_for_hours) {
    begin();
    Session *session = node_open(&fake);
    fake.facts.n_unsent_bytes = 100;
    for (int i = 0; i < 2 * 3600; i++) {
        session_heard(session);
        node_pass(1000);
    }
    ck_assert_uint_eq(fake.n_terminated, 0);
    ck_assert_uint_ge(fake.n_inspected, 2 * 3600 / 31);
    end(CAUSE_NONE);
}
END_TEST

START_TEST(an_end_that_was_never_reported_is_found_within_a_round_in_each_state) {
    for (int state = READY_STATE_CONNECTING; state <= READY_STATE_CLOSING; state++) {
        SessionOptions options = fake_options;
        options.audit_ms = 1000;
        node_begin(&options);
        Session *session = (state == READY_STATE_CONNECTING ? node_connect : node_open)(&fake);
        if (state == READY_STATE_CLOSING)
            session_close(session, CAUSE_SHUTDOWN);
        node_pass(700);
        fake.facts = (TransportFacts){.is_alive = false};
        ck_assert_uint_le(wait_for_end(NULL, ROUND_MS), 1000 + WHEEL_TICK_MS);
        ck_assert_uint_eq(session_table_count(&node.table), 0);
        end(CAUSE_AUDIT_UNREPORTED);
    }
}
END_TEST

START_TEST(a_socket_that_the_kernel_has_closed_is_found_at_the_second_look) {
    for (int state = READY_STATE_OPEN; state <= READY_STATE_CLOSING; state++) {
        SessionOptions options = fake_options;
        options.audit_ms = 1000;
        node_begin(&options);
        Session *session = node_open(&fake);
        if (state == READY_STATE_CLOSING)
            session_close(session, CAUSE_SHUTDOWN);
        fake.facts.tcp_state = TRANSPORT_TCP_CLOSE;
        while (fake.n_inspected == 0)
            node_pass(WHEEL_TICK_MS);
        ck_assert_uint_eq(fake.n_terminated, 0); /* the library may be about to say so */
        ck_assert_uint_le(wait_for_end(NULL, ROUND_MS), 1000 + WHEEL_TICK_MS);
        end(CAUSE_AUDIT_SOCKET);
    }
}
END_TEST

START_TEST(a_peer_that_ended_its_half_is_found_within_two_rounds) {
    const uint8_t leaving[] = {4, 5, 6, TRANSPORT_TCP_CLOSE_WAIT, 9, 11};
    for (size_t i = 0; i < N_ELEMENTS(leaving); i++) {
        begin();
        Session *session = node_open(&fake);
        fake.facts.tcp_state = leaving[i];
        ck_assert_uint_le(wait_for_end(session, 4 * ROUND_MS), 2 * ROUND_MS + WHEEL_TICK_MS);
        end(CAUSE_AUDIT_SOCKET);
    }
}
END_TEST

START_TEST(a_state_seen_once_is_no_finding) {
    begin();
    Session *session = node_open(&fake);
    for (int round = 0; round < 10; round++) {
        uint32_t n_before = fake.n_inspected;
        fake.facts.tcp_state = round % 2 ? TRANSPORT_TCP_ESTABLISHED : TRANSPORT_TCP_CLOSE_WAIT;
        while (fake.n_inspected == n_before) {
            session_heard(session);
            node_pass(WHEEL_TICK_MS);
        }
    }
    ck_assert_uint_eq(fake.n_terminated, 0);
    end(CAUSE_NONE);
}
END_TEST

START_TEST(a_half_closed_peer_is_left_to_the_deadlines_that_already_run) {
    SessionOptions options = fake_options;
    options.audit_ms = 100;
    for (int i = 0; i < 3; i++) {
        node_begin(&options);
        Session *session = (i == 0 ? node_connect : node_open)(&fake);
        fake.facts.tcp_state = TRANSPORT_TCP_CLOSE_WAIT;
        fake.answer = TRANSPORT_BLOCKED;
        if (i == 1)
            session_close(session, CAUSE_SHUTDOWN);
        else if (i == 2)
            node_send(session, "never read");
        node_turn();
        wait_for_end(NULL, 60000);
        const Cause causes[] = {CAUSE_HANDSHAKE_TIMEOUT, CAUSE_LINGER_TIMEOUT, CAUSE_STALLED};
        ck_assert_uint_eq(count_terminated(causes[i]), 1);
        end(CAUSE_NONE);
    }
}
END_TEST

START_TEST(a_unix_socket_has_no_state_to_find) {
    begin();
    Session *session = node_open(&fake);
    fake.facts.is_tcp = false;
    fake.facts.tcp_state = 0;
    wait_for_end(session, 4 * ROUND_MS);
    ck_assert_uint_eq(fake.n_terminated, 0);
    end(CAUSE_NONE);
}
END_TEST

START_TEST(a_session_without_a_deadline_is_found_in_each_state) {
    for (int state = READY_STATE_CONNECTING; state <= READY_STATE_CLOSING; state++) {
        begin();
        Session *session = (state == READY_STATE_CONNECTING ? node_connect : node_open)(&fake);
        if (state == READY_STATE_CLOSING)
            session_close(session, CAUSE_SHUTDOWN);
        wheel_disarm(&node.table.wheel, &session->watchdog.entry);
        ck_assert_uint_le(wait_for_end(NULL, 4 * ROUND_MS), ROUND_MS + WHEEL_TICK_MS);
        end(CAUSE_AUDIT_DEADLINE);
    }
}
END_TEST

START_TEST(a_deadline_that_the_wheel_has_missed_is_found) {
    begin();
    Session *session = node_open(&fake);
    wheel_arm(&node.table.wheel, &session->watchdog.entry, node.now_ms + 1000000);
    session->watchdog.entry.due_tick = node.table.wheel.tick;
    ck_assert_uint_le(wait_for_end(NULL, 4 * ROUND_MS), ROUND_MS + WHEEL_TICK_MS);
    end(CAUSE_AUDIT_DEADLINE);
}
END_TEST

START_TEST(a_deadline_that_is_too_far_away_is_found_in_each_state) {
    SessionOptions options = fake_options;
    options.audit_ms = 1000;
    const uint32_t longest_ms[] = {options.watchdog.handshake_ms, options.watchdog.ping_ms, options.watchdog.linger_ms};
    for (int state = READY_STATE_CONNECTING; state <= READY_STATE_CLOSING; state++) {
        node_begin(&options);
        Session *session = (state == READY_STATE_CONNECTING ? node_connect : node_open)(&fake);
        if (state == READY_STATE_CLOSING)
            session_close(session, CAUSE_SHUTDOWN);
        wheel_arm(&node.table.wheel, &session->watchdog.entry, node.now_ms + longest_ms[state] + 3000);
        ck_assert_uint_le(wait_for_end(NULL, 4 * ROUND_MS), 1000 + WHEEL_TICK_MS);
        end(CAUSE_AUDIT_DEADLINE);
    }
}
END_TEST

START_TEST(a_session_that_waits_for_nothing_to_be_written_is_found_within_two_rounds) {
    SessionOptions options = fake_options;
    options.audit_ms = 3000;
    node_begin(&options);
    Session *session = node_open(&fake);
    fake.answer = TRANSPORT_BLOCKED;
    node_send(session, "gone long ago");
    node_turn();
    fake.facts.is_holding = false;
    ck_assert_uint_le(wait_for_end(session, 60000), 2 * 3000 + WHEEL_TICK_MS);
    end(CAUSE_AUDIT_BLOCKED);
}
END_TEST

START_TEST(a_writeable_in_between_clears_the_doubt) {
    SessionOptions options = fake_options;
    options.audit_ms = 1000;
    node_begin(&options);
    Session *session = node_open(&fake);
    fake.answer = TRANSPORT_BLOCKED;
    fake.facts.is_holding = false;
    fake.n_acknowledged_step = 1;
    for (int i = 0; i < 100; i++) {
        uint32_t n_before = fake.n_inspected;
        node_send(session, "x");
        while (fake.n_inspected == n_before)
            node_pass(WHEEL_TICK_MS);
        session_heard(session);
        session_writeable(session);
    }
    ck_assert_uint_eq(fake.n_terminated, 0);
    end(CAUSE_NONE);
}
END_TEST

START_TEST(a_closed_session_that_the_reaper_missed_is_freed_after_all) {
    begin();
    Session *session = node_open(&fake);
    session_terminate(session, CAUSE_FORBIDDEN);
    list_unlink(&session->ending);
    node_pass(ROUND_MS + WHEEL_TICK_MS);
    ck_assert_uint_eq(session_table_count(&node.table), 0);
    ck_assert_uint_eq(fake.n_terminated, 1);
    ck_assert_uint_eq(count_terminated(CAUSE_FORBIDDEN), 1);
    end(CAUSE_AUDIT_UNREPORTED);
}
END_TEST

START_TEST(a_closed_session_on_its_way_to_the_reaper_is_no_finding) {
    SessionOptions options = fake_options;
    options.audit_ms = 100;
    node_begin(&options);
    Session *session = node_open(&fake);
    session_terminate(session, CAUSE_FORBIDDEN);
    for (int i = 1; i < 10; i++)
        session_table_tick(&node.table, node.now_ms + (uint64_t)i * WHEEL_TICK_MS);
    node_turn();
    ck_assert_uint_eq(session_table_count(&node.table), 0);
    end(CAUSE_NONE);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        each_session_is_looked_at_once_a_round,
        a_round_takes_longer_rather_than_more_slots_a_tick_than_the_budget,
        without_a_round_there_is_no_audit,
        a_healthy_session_is_left_alone_for_hours,
        an_end_that_was_never_reported_is_found_within_a_round_in_each_state,
        a_socket_that_the_kernel_has_closed_is_found_at_the_second_look,
        a_peer_that_ended_its_half_is_found_within_two_rounds,
        a_state_seen_once_is_no_finding,
        a_half_closed_peer_is_left_to_the_deadlines_that_already_run,
        a_unix_socket_has_no_state_to_find,
        a_session_without_a_deadline_is_found_in_each_state,
        a_deadline_that_the_wheel_has_missed_is_found,
        a_deadline_that_is_too_far_away_is_found_in_each_state,
        a_session_that_waits_for_nothing_to_be_written_is_found_within_two_rounds,
        a_writeable_in_between_clears_the_doubt,
        a_closed_session_that_the_reaper_missed_is_freed_after_all,
        a_closed_session_on_its_way_to_the_reaper_is_no_finding,
    };
    return run_suite("audit", tests, N_ELEMENTS(tests));
}
