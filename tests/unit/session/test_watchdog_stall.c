/* The watchdog's row for readers that stop: each test is about a transport that took only part of what was written. */
#include "fake_node.h"
#include "session/watchdog.h"
#include "suite.h"

static FakeTransport fake;

/* Blocked, with more waiting; the peer talks all the time. Returns how long it took until the transport was terminated. */
static uint64_t wait_while_it_talks(Session *session, uint64_t n_ms) {
    uint64_t begin_ms = node.now_ms;
    while (!fake.n_terminated && node.now_ms - begin_ms < n_ms) {
        session_heard(session);
        node_pass(WHEEL_TICK_MS);
    }
    return node.now_ms - begin_ms;
}

static Session *open_blocked(const SessionOptions *options) {
    node_begin(options);
    Session *session = node_open(&fake);
    fake.answer = TRANSPORT_BLOCKED;
    node_send(session, "fills it");
    node_turn();
    node_send(session, "waits");
    return session;
}

START_TEST(a_reader_that_takes_nothing_is_terminated_within_the_bound) {
    const uint32_t stalls_ms[] = {100, 200, 500, 1000, 1500, 3000, 10000};
    for (size_t i = 0; i < N_ELEMENTS(stalls_ms); i++)
        for (uint64_t offset_ms = 0; offset_ms < 100; offset_ms += 9) {
            SessionOptions options = fake_options;
            options.watchdog.stall_ms = stalls_ms[i];
            node_begin(&options);
            Session *session = node_open(&fake);
            node.now_ms += offset_ms; /* the write comes anywhere within a tick */
            node.table.now_ms = node.now_ms;
            fake.answer = TRANSPORT_BLOCKED;
            node_send(session, "fills it");
            node_turn();
            uint64_t begin_ms = node.now_ms;
            node.now_ms -= offset_ms;
            uint64_t waited_ms = wait_while_it_talks(session, 60000) - offset_ms;
            ck_assert_uint_eq(node.now_ms, begin_ms + waited_ms);
            ck_assert_uint_le(waited_ms, stalls_ms[i] + WHEEL_TICK_MS);
            ck_assert_uint_eq(count_terminated(CAUSE_STALLED), 1);
            node_end();
        }
}
END_TEST

START_TEST(a_reader_that_stops_is_terminated_within_the_bound_of_its_last_progress) {
    for (int i = 0; i < 60; i++) {
        Session *session = open_blocked(&fake_options);
        for (int tick = 0; tick < 100 + i; tick++) {
            fake.n_acknowledged_bytes++;
            session_heard(session);
            node_pass(WHEEL_TICK_MS);
        }
        ck_assert_uint_eq(fake.n_terminated, 0);
        fake.n_acknowledged_bytes++;
        uint64_t waited_ms = wait_while_it_talks(session, 60000);
        ck_assert_uint_ge(waited_ms, 9000);
        ck_assert_uint_le(waited_ms, 10000 + WHEEL_TICK_MS);
        node_end();
    }
}
END_TEST

START_TEST(a_reader_that_takes_a_little_now_and_then_is_kept) {
    Session *session = open_blocked(&fake_options);
    for (int i = 0; i < 100; i++) {
        ck_assert_uint_ge(wait_while_it_talks(session, 8000), 8000);
        fake.n_acknowledged_bytes++;
    }
    ck_assert_uint_eq(fake.n_terminated, 0);
    node_end();
}
END_TEST

START_TEST(a_session_with_nothing_waiting_never_stalls) {
    Session *session = open_blocked(&fake_options);
    node_pass(5000);
    fake.answer = TRANSPORT_WRITTEN;
    session_writeable(session);
    node_turn();
    ck_assert_uint_ge(wait_while_it_talks(session, 100000), 100000);
    ck_assert_uint_eq(session->watchdog.look_due_ms, 0);
    fake.answer = TRANSPORT_BLOCKED; /* and the next stall counts anew */
    node_send(session, "fills it");
    node_turn();
    uint64_t waited_ms = wait_while_it_talks(session, 60000);
    ck_assert_uint_ge(waited_ms, 9000);
    ck_assert_uint_le(waited_ms, 10000 + WHEEL_TICK_MS);
    node_end();
}
END_TEST

START_TEST(a_closing_session_stalls_when_the_linger_is_longer) {
    SessionOptions options = fake_options;
    options.watchdog.linger_ms = 60000;
    Session *session = open_blocked(&options);
    session_close(session, CAUSE_SHUTDOWN);
    ck_assert_uint_le(wait_while_it_talks(session, 60000), 10000 + WHEEL_TICK_MS);
    ck_assert_uint_eq(count_terminated(CAUSE_STALLED), 1);
    node_end();
}
END_TEST

START_TEST(progress_does_not_prolong_the_linger) {
    Session *session = open_blocked(&fake_options);
    fake.n_acknowledged_step = 1;
    session_close(session, CAUSE_SHUTDOWN);
    ck_assert_uint_le(wait_while_it_talks(session, 60000), 5000 + WHEEL_TICK_MS);
    ck_assert_uint_eq(count_terminated(CAUSE_LINGER_TIMEOUT), 1);
    node_end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_reader_that_takes_nothing_is_terminated_within_the_bound,
        a_reader_that_stops_is_terminated_within_the_bound_of_its_last_progress,
        a_reader_that_takes_a_little_now_and_then_is_kept,
        a_session_with_nothing_waiting_never_stalls,
        a_closing_session_stalls_when_the_linger_is_longer,
        progress_does_not_prolong_the_linger,
    };
    return run_suite("watchdog_stall", tests, N_ELEMENTS(tests));
}
