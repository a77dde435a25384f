#include "failing_memory.h"
#include "fake_node.h"
#include "session/table.h"
#include "suite.h"

enum { CROWD = 1000, WINDOW_MS = 10000 };

static FakeTransport fakes[CROWD];

static uint64_t count_open(void) {
    return counter_read(&node.table.counters.in_state[READY_STATE_OPEN]);
}

static void begin(uint32_t n_sessions) {
    node_begin(&fake_options);
    for (uint32_t i = 0; i < n_sessions; i++)
        node_open(&fakes[i]);
}

START_TEST(connections_go_evenly_over_the_window) {
    begin(CROWD);
    session_table_drain(&node.table, WINDOW_MS);
    ck_assert_uint_eq(count_open(), CROWD);
    for (uint32_t passed_ms = 1000; passed_ms < WINDOW_MS; passed_ms += 1000) {
        node_pass(1000);
        uint64_t expected = CROWD - CROWD * passed_ms / WINDOW_MS;
        ck_assert_uint_ge(count_open() + 20, expected);
        ck_assert_uint_le(count_open(), expected + 20);
    }
    node_pass(1000);
    ck_assert_uint_eq(count_open(), 0);
    ck_assert_uint_eq(count_closed(CAUSE_SHUTDOWN), CROWD);
    node_end();
}
END_TEST

START_TEST(each_client_is_told_how_long_to_stay_away_and_not_all_the_same) {
    begin(CROWD);
    session_table_drain(&node.table, WINDOW_MS);
    uint32_t least = UINT32_MAX, most = 0;
    for (int i = 0; i < WINDOW_MS / 100; i++) {
        node_pass(100);
        least = node.reconnect_after_ms < least ? node.reconnect_after_ms : least;
        most = node.reconnect_after_ms > most ? node.reconnect_after_ms : most;
    }
    ck_assert_uint_eq(node.n_closing, CROWD);
    ck_assert_uint_ge(least, 1);
    ck_assert_uint_lt(least, 500);
    ck_assert_uint_gt(most, 1500);
    ck_assert_uint_le(most, 2000);
    node_end();
}
END_TEST

START_TEST(the_oldest_go_first) {
    begin(10);
    session_table_drain(&node.table, WINDOW_MS);
    while (count_open() > 5)
        node_pass(100);
    for (int i = 0; i < 5; i++)
        assert_close(&fakes[i], 1012);
    for (int i = 5; i < 10; i++)
        assert_silence(&fakes[i]);
    node_end();
}
END_TEST

START_TEST(single_connections_go_at_any_moment_of_the_window) {
    uint64_t n_early = 0, n_runs = 200;
    for (uint64_t run = 0; run < n_runs; run++) {
        begin(1);
        session_table_drain(&node.table, WINDOW_MS);
        node_pass(WINDOW_MS / 2);
        n_early += count_open() == 0;
        node_pass(WINDOW_MS / 2);
        ck_assert_uint_eq(count_open(), 0);
        node_end();
    }
    ck_assert_uint_gt(n_early, n_runs / 4);
    ck_assert_uint_lt(n_early, n_runs * 3 / 4);
}
END_TEST

START_TEST(who_becomes_open_in_the_window_is_told_too_and_who_never_does_is_terminated) {
    begin(0);
    Session *session = node_connect(&fakes[0]);
    node_connect(&fakes[1]);
    session_table_drain(&node.table, 5000);
    node_pass(2000);
    session_open(session, &fake_dialect, NULL, 0);
    node_pass(3000);
    assert_close(&fakes[0], 1012);
    ck_assert_uint_eq(fakes[1].n_terminated, 1);
    node_end();
}
END_TEST

START_TEST(hurried_clients_are_asked_to_come_back_over_what_was_left) {
    begin(CROWD);
    session_table_drain(&node.table, 60000);
    node_pass(100);
    session_table_drain(&node.table, 0);
    ck_assert_uint_eq(count_open(), 0);
    ck_assert_uint_gt(node.longest_reconnect_ms, 50000);
    ck_assert_uint_le(node.longest_reconnect_ms, 62000);
    node_end();
}
END_TEST

START_TEST(nobody_is_asked_to_stay_away_for_the_rest_of_a_long_window) {
    begin(CROWD);
    session_table_drain(&node.table, 3600000);
    session_table_drain(&node.table, 0);
    ck_assert_uint_gt(node.longest_reconnect_ms, 50000);
    ck_assert_uint_le(node.longest_reconnect_ms, 62000);
    node_end();
}
END_TEST

START_TEST(without_a_window_nobody_is_asked_to_stay_away) {
    begin(3);
    session_table_drain(&node.table, 0);
    ck_assert_uint_eq(node.n_closing, 3);
    ck_assert_uint_eq(node.longest_reconnect_ms, 0);
    node_pass(100);
    for (int i = 0; i < 3; i++)
        assert_close(&fakes[i], 1012);
    node_end();
}
END_TEST

START_TEST(without_memory_for_the_close_frame_they_go_all_the_same) {
    begin(3);
    session_table_drain(&node.table, 100);
    memory_fail_at(1);
    node_pass(200);
    ck_assert_uint_eq(count_open(), 0);
    ck_assert_uint_eq(count_closed(CAUSE_SHUTDOWN) + count_terminated(CAUSE_SHUTDOWN), 3);
    node_end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        connections_go_evenly_over_the_window,
        each_client_is_told_how_long_to_stay_away_and_not_all_the_same,
        the_oldest_go_first,
        single_connections_go_at_any_moment_of_the_window,
        who_becomes_open_in_the_window_is_told_too_and_who_never_does_is_terminated,
        hurried_clients_are_asked_to_come_back_over_what_was_left,
        nobody_is_asked_to_stay_away_for_the_rest_of_a_long_window,
        without_a_window_nobody_is_asked_to_stay_away,
        without_memory_for_the_close_frame_they_go_all_the_same,
    };
    return run_suite("drain", tests, N_ELEMENTS(tests));
}
