#include "session/watchdog.h"

#include "fake_node.h"
#include "suite.h"

static FakeTransport fake;

/* Passes time until the next frame is written, at most n_ms. Returns how long it took. */
static uint64_t wait_for_write(uint64_t n_ms) {
    uint32_t n_writes = fake.n_writes;
    uint64_t begin_ms = node.now_ms;
    while (fake.n_writes == n_writes && node.now_ms - begin_ms < n_ms)
        node_pass(WHEEL_TICK_MS);
    return node.now_ms - begin_ms;
}

/* Passes time until the transport is terminated, at most n_ms. Returns how long it took. */
static uint64_t wait_for_end(uint64_t n_ms) {
    uint64_t begin_ms = node.now_ms;
    while (!fake.n_terminated && node.now_ms - begin_ms < n_ms)
        node_pass(WHEEL_TICK_MS);
    return node.now_ms - begin_ms;
}

START_TEST(a_handshake_that_takes_too_long_is_terminated) {
    node_begin(&fake_options);
    node_connect(&fake);
    node_pass(9900);
    ck_assert_uint_eq(fake.n_terminated, 0);
    ck_assert_uint_le(wait_for_end(60000), 100 + WHEEL_TICK_MS);
    ck_assert_uint_eq(count_terminated(CAUSE_HANDSHAKE_TIMEOUT), 1);
    ck_assert_uint_eq(session_table_count(&node.table), 0);
    node_end();
}
END_TEST

START_TEST(a_quiet_session_is_pinged_within_the_interval) {
    for (int i = 0; i < 50; i++) {
        node_begin(&fake_options);
        node_open(&fake);
        uint64_t waited_ms = wait_for_write(60000);
        ck_assert_uint_ge(waited_ms, 20000);
        ck_assert_uint_le(waited_ms, 25000);
        assert_ping(&fake);
        ck_assert_uint_eq(counter_read(&node.table.counters.pings), 1);
        node_end();
    }
}
END_TEST

START_TEST(pings_of_many_sessions_are_spread) {
    uint64_t least_ms = UINT64_MAX, most_ms = 0;
    for (int i = 0; i < 50; i++) {
        node_begin(&fake_options);
        node_open(&fake);
        uint64_t waited_ms = wait_for_write(60000);
        least_ms = waited_ms < least_ms ? waited_ms : least_ms;
        most_ms = waited_ms > most_ms ? waited_ms : most_ms;
        node_end();
    }
    ck_assert_uint_ge(most_ms - least_ms, 1000);
}
END_TEST

START_TEST(a_peer_that_does_not_answer_is_terminated_at_the_pong_deadline) {
    node_begin(&fake_options);
    node_open(&fake);
    wait_for_write(60000);
    node_pass(10900);
    ck_assert_uint_eq(fake.n_terminated, 0);
    ck_assert_uint_le(wait_for_end(60000), 100 + WHEEL_TICK_MS);
    ck_assert_uint_eq(count_terminated(CAUSE_PONG_TIMEOUT), 1);
    node_end();
}
END_TEST

START_TEST(a_silent_peer_is_gone_within_the_published_bound) {
    const WatchdogOptions *options = &fake_options.watchdog;
    for (int i = 0; i < 100; i++) {
        node_begin(&fake_options);
        Session *session = node_open(&fake);
        node_pass(100 * (uint64_t)i);
        node.now_ms += (uint64_t)(7 * i) % 100; /* the last byte comes anywhere within a tick */
        node.table.now_ms = node.now_ms;
        session_heard(session);
        uint64_t waited_ms = wait_for_end(120000);
        ck_assert_uint_le(waited_ms, options->ping_ms + options->pong_ms + options->pong_grace_ms + WHEEL_TICK_MS);
        node_end();
    }
}
END_TEST

START_TEST(a_pong_disarms_it_and_the_next_ping_counts_from_the_former) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    for (int i = 0; i < 20; i++) {
        uint64_t waited_ms = wait_for_write(60000);
        ck_assert_uint_ge(waited_ms, 20000 - 9000);
        ck_assert_uint_le(waited_ms, 25000);
        node_pass(9000);
        session_heard(session);
    }
    ck_assert_uint_eq(fake.n_terminated, 0);
    ck_assert_uint_eq(counter_read(&node.table.counters.pings), 20);
    node_end();
}
END_TEST

START_TEST(any_data_disarms_it_as_well) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    wait_for_write(60000);
    node_pass(500);
    session_receive(session, "a", 1, true, false, false);
    node_pass(12000);
    ck_assert_uint_eq(fake.n_terminated, 0);
    node_end();
}
END_TEST

START_TEST(a_byte_that_only_the_kernel_has_seen_disarms_it) {
    node_begin(&fake_options);
    node_open(&fake);
    wait_for_write(60000);
    fake.silent_ms = 3000; /* at the deadline, 11 s after the ping */
    node_pass(12000);
    ck_assert_uint_eq(fake.n_terminated, 0);
    node_end();
}
END_TEST

START_TEST(a_byte_from_before_the_ping_does_not) {
    node_begin(&fake_options);
    node_open(&fake);
    wait_for_write(60000);
    fake.silent_ms = 12000;
    node_pass(11200);
    ck_assert_uint_eq(fake.n_terminated, 1);
    node_end();
}
END_TEST

START_TEST(the_pong_deadline_runs_while_the_transport_is_blocked) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    fake.answer = TRANSPORT_BLOCKED;
    fake.n_acknowledged_step = 1; /* it reads, and never says a word */
    node_send(session, "fills it");
    node_turn();
    node_pass(25000 + 11000 + WHEEL_TICK_MS);
    ck_assert_uint_eq(fake.n_terminated, 1);
    ck_assert_uint_eq(fake.n_writes, 1);
    ck_assert_uint_eq(count_terminated(CAUSE_PONG_TIMEOUT), 1);
    node_end();
}
END_TEST

START_TEST(a_blocked_session_that_still_talks_is_kept_with_few_pings_waiting) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    fake.answer = TRANSPORT_BLOCKED;
    fake.n_acknowledged_step = 1;
    node_send(session, "fills it");
    for (int i = 0; i < 300; i++) {
        node_pass(1000);
        session_heard(session);
    }
    ck_assert_uint_eq(fake.n_terminated, 0);
    ck_assert_uint_le(session->outbox.n_control, OUTBOX_CONTROL_MAX);
    node_end();
}
END_TEST

START_TEST(a_close_that_nobody_answers_ends_after_the_linger) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    session_close(session, CAUSE_SHUTDOWN);
    node_pass(4900);
    ck_assert_uint_eq(fake.n_terminated, 0);
    ck_assert_uint_le(wait_for_end(60000), 100 + WHEEL_TICK_MS);
    ck_assert_uint_eq(count_closed(CAUSE_SHUTDOWN), 1);
    ck_assert_uint_eq(count_terminated(CAUSE_LINGER_TIMEOUT), 1);
    node_end();
}
END_TEST

START_TEST(a_peer_that_broke_the_protocol_gets_one_second) {
    node_begin(&fake_options);
    session_broken(node_open(&fake));
    node_pass(900);
    ck_assert_uint_eq(fake.n_terminated, 0);
    ck_assert_uint_le(wait_for_end(60000), 100 + WHEEL_TICK_MS);
    node_end();
}
END_TEST

START_TEST(breaking_the_protocol_never_prolongs_the_linger) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    session_close(session, CAUSE_SHUTDOWN);
    node_pass(4800);
    session_broken(session);
    ck_assert_uint_le(wait_for_end(60000), 200 + WHEEL_TICK_MS);
    node_end();
}
END_TEST

START_TEST(a_session_that_sends_no_token_is_closed_with_4401) {
    node_begin(&fake_options);
    session_require_auth(node_open(&fake));
    node_pass(9900);
    assert_silence(&fake);
    ck_assert_uint_le(wait_for_write(60000), 100 + WHEEL_TICK_MS);
    assert_close(&fake, 4401);
    ck_assert_uint_eq(count_closed(CAUSE_AUTH_TIMEOUT), 1);
    ck_assert_uint_le(wait_for_end(60000), 5000 + WHEEL_TICK_MS); /* it lingers like any other */
    node_end();
}
END_TEST

START_TEST(a_token_in_time_ends_the_wait_for_it) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    session_require_auth(session);
    node_pass(9900);
    session_authenticated(session, 0);
    for (int i = 0; i < 600; i++) {
        session_heard(session);
        node_pass(1000);
    }
    ck_assert_int_eq(session->state, READY_STATE_OPEN);
    node_end();
}
END_TEST

START_TEST(an_expired_token_closes_with_4402_after_the_grace) {
    for (uint64_t offset_ms = 0; offset_ms < 100; offset_ms += 33) {
        node_begin(&fake_options);
        Session *session = node_open(&fake);
        session_require_auth(session);
        uint64_t expires_at_ms = node.now_ms + 8000 + offset_ms;
        session_authenticated(session, expires_at_ms);
        while (!fake.n_writes && node.now_ms < expires_at_ms + 60000)
            node_pass(WHEEL_TICK_MS);
        ck_assert_uint_ge(node.now_ms, expires_at_ms + 5000);
        ck_assert_uint_le(node.now_ms, expires_at_ms + 5000 + WHEEL_TICK_MS);
        assert_close(&fake, 4402);
        ck_assert_uint_eq(count_closed(CAUSE_TOKEN_EXPIRED), 1);
        node_end();
    }
}
END_TEST

START_TEST(a_newer_token_in_time_prolongs_it) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    for (int i = 0; i < 100; i++) {
        session_authenticated(session, node.now_ms + 8000);
        for (int talks = 0; talks < 3; talks++) {
            node_pass(4300);
            session_heard(session);
        }
    }
    ck_assert_int_eq(session->state, READY_STATE_OPEN);
    node_pass(200);
    ck_assert_int_eq(session->cause, CAUSE_TOKEN_EXPIRED);
    node_end();
}
END_TEST

START_TEST(a_token_that_has_expired_already_closes_at_the_next_tick) {
    node_begin(&fake_options);
    session_authenticated(node_open(&fake), 1);
    node_pass(WHEEL_TICK_MS);
    assert_close(&fake, 4402);
    node_end();
}
END_TEST

START_TEST(a_token_without_a_nearby_end_disturbs_no_other_deadline) {
    const uint64_t ends_ms[] = {UINT64_MAX, UINT64_MAX - 5000, 1ULL << 50};
    for (size_t i = 0; i < N_ELEMENTS(ends_ms); i++) {
        node_begin(&fake_options);
        session_authenticated(node_open(&fake), ends_ms[i]);
        ck_assert_uint_le(wait_for_end(60000), 36000 + WHEEL_TICK_MS);
        ck_assert_uint_eq(count_terminated(CAUSE_PONG_TIMEOUT), 1);
        node_end();
    }
}
END_TEST

START_TEST(tokens_matter_in_open_alone) {
    node_begin(&fake_options);
    Session *session = node_connect(&fake);
    session_require_auth(session);
    session_authenticated(session, 1);
    node_pass(500);
    ck_assert_int_eq(session->state, READY_STATE_CONNECTING);
    session_open(session, &fake_dialect, "", 0);
    session_authenticated(session, node.now_ms + 1000);
    session_close(session, CAUSE_SHUTDOWN);
    session_require_auth(session);
    session_authenticated(session, 1);
    ck_assert_uint_ge(session->watchdog.entry.due_tick, (node.now_ms + 5000) / WHEEL_TICK_MS);
    ck_assert_uint_ge(wait_for_end(60000), 5000);
    ck_assert_uint_eq(count_terminated(CAUSE_LINGER_TIMEOUT), 1);
    node_end();
}
END_TEST

START_TEST(the_wheel_holds_one_entry_and_is_not_touched_by_messages) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    fake.answer = TRANSPORT_BLOCKED;
    node_send(session, "fills it");
    node_turn();
    session_require_auth(session);
    session_authenticated(session, node.now_ms + 3600000);
    ck_assert_uint_eq(node.table.wheel.n_armed, 1);
    uint64_t due_tick = session->watchdog.entry.due_tick;
    const ListNode *before = session->watchdog.entry.link.prev;
    for (int i = 0; i < 10; i++) {
        fake.answer = i % 2 ? TRANSPORT_BLOCKED : TRANSPORT_WRITTEN;
        session_writeable(session);
        node_send(session, "x");
        node_receive(session, "y");
        node_turn();
    }
    ck_assert_uint_eq(session->watchdog.entry.due_tick, due_tick);
    ck_assert_ptr_eq(session->watchdog.entry.link.prev, before);
    ck_assert_uint_eq(node.table.wheel.n_armed, 1);
    node_end();
}
END_TEST

START_TEST(a_leap_of_the_clock_ends_only_what_is_due) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    session_authenticated(session, node.now_ms + 7200000);
    node.now_ms += 3600000;
    session_table_tick(&node.table, node.now_ms);
    node_turn();
    assert_ping(&fake);
    assert_silence(&fake);
    session_heard(session);
    ck_assert_int_eq(session->state, READY_STATE_OPEN);
    node.now_ms += 7200000;
    session_table_tick(&node.table, node.now_ms);
    node_turn();
    assert_close(&fake, 4402);
    node_end();
}
END_TEST

START_TEST(nothing_is_armed_once_a_session_is_closed) {
    node_begin(&fake_options);
    session_terminate(node_open(&fake), CAUSE_SHUTDOWN);
    ck_assert_uint_eq(node.table.wheel.n_armed, 0);
    node_end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_handshake_that_takes_too_long_is_terminated,
        a_quiet_session_is_pinged_within_the_interval,
        pings_of_many_sessions_are_spread,
        a_peer_that_does_not_answer_is_terminated_at_the_pong_deadline,
        a_silent_peer_is_gone_within_the_published_bound,
        a_pong_disarms_it_and_the_next_ping_counts_from_the_former,
        any_data_disarms_it_as_well,
        a_byte_that_only_the_kernel_has_seen_disarms_it,
        a_byte_from_before_the_ping_does_not,
        the_pong_deadline_runs_while_the_transport_is_blocked,
        a_blocked_session_that_still_talks_is_kept_with_few_pings_waiting,
        a_close_that_nobody_answers_ends_after_the_linger,
        a_peer_that_broke_the_protocol_gets_one_second,
        breaking_the_protocol_never_prolongs_the_linger,
        a_session_that_sends_no_token_is_closed_with_4401,
        a_token_in_time_ends_the_wait_for_it,
        an_expired_token_closes_with_4402_after_the_grace,
        a_newer_token_in_time_prolongs_it,
        a_token_that_has_expired_already_closes_at_the_next_tick,
        a_token_without_a_nearby_end_disturbs_no_other_deadline,
        tokens_matter_in_open_alone,
        the_wheel_holds_one_entry_and_is_not_touched_by_messages,
        a_leap_of_the_clock_ends_only_what_is_due,
        nothing_is_armed_once_a_session_is_closed,
    };
    return run_suite("watchdog", tests, N_ELEMENTS(tests));
}
