#include "session/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "failing_memory.h"
#include "fake_node.h"
#include "suite.h"

static FakeTransport fake;

START_TEST(a_new_session_is_connecting) {
    node_begin(&fake_options);
    Session *session = node_connect(&fake);
    ck_assert_int_eq(session->state, READY_STATE_CONNECTING);
    ck_assert_uint_eq(counter_read(&node.table.counters.in_state[READY_STATE_CONNECTING]), 1);
    ck_assert_uint_eq(counter_read(&node.table.counters.accepted), 1);
    node_end();
    ck_assert_uint_eq(fake.n_terminated, 1);
}
END_TEST

START_TEST(a_handshake_that_ends_well_opens_it_once) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    ck_assert_int_eq(session->state, READY_STATE_OPEN);
    session_open(session, &fake_dialect, "", 0);
    ck_assert_uint_eq(node.n_opened, 1);
    ck_assert_uint_eq(counter_read(&node.table.counters.in_state[READY_STATE_OPEN]), 1);
    ck_assert_uint_eq(counter_read(&node.table.counters.in_state[READY_STATE_CONNECTING]), 0);
    node_end();
}
END_TEST

START_TEST(a_session_terminated_while_connecting_does_not_open) {
    node_begin(&fake_options);
    Session *session = node_connect(&fake);
    session_terminate(session, CAUSE_HANDSHAKE_REFUSED);
    session_open(session, &fake_dialect, "", 0);
    ck_assert_uint_eq(node.n_opened, 0);
    ck_assert_int_eq(session->state, READY_STATE_CLOSED);
    node_end();
}
END_TEST

START_TEST(close_sends_what_waits_then_the_last_words_then_the_close_frame) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    node.last_words = "goodbye";
    node_send(session, "hello");
    session_close(session, CAUSE_SHUTDOWN);
    ck_assert_int_eq(session->state, READY_STATE_CLOSING);
    node_turn();
    assert_text(&fake, "hello");
    assert_text(&fake, "goodbye");
    assert_close(&fake, 1012);
    assert_silence(&fake);
    ck_assert_uint_eq(fake.n_writes, 1);
    ck_assert_uint_eq(node.closing_code, 1012);
    ck_assert_uint_eq(count_closed(CAUSE_SHUTDOWN), 1);
    node_end();
}
END_TEST

START_TEST(close_is_idempotent_and_the_first_cause_stays) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    session_close_with(session, CAUSE_FORBIDDEN, 4403, "no");
    session_close(session, CAUSE_SHUTDOWN);
    ck_assert_int_eq(session->cause, CAUSE_FORBIDDEN);
    ck_assert_uint_eq(count_closed(CAUSE_SHUTDOWN), 0);
    node_turn();
    assert_close(&fake, 4403);
    assert_silence(&fake);
    ck_assert_uint_eq(node.n_closing, 1);
    node_end();
}
END_TEST

START_TEST(close_while_connecting_terminates) {
    node_begin(&fake_options);
    session_close(node_connect(&fake), CAUSE_SHUTDOWN);
    node_turn();
    ck_assert_uint_eq(fake.n_terminated, 1);
    ck_assert_uint_eq(fake.n_writes, 0);
    ck_assert_uint_eq(count_terminated(CAUSE_SHUTDOWN), 1);
    ck_assert_uint_eq(count_closed(CAUSE_SHUTDOWN), 0);
    node_end();
}
END_TEST

START_TEST(the_last_words_may_close_and_terminate) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    node.closes_again = true;
    session_close(session, CAUSE_SHUTDOWN);
    ck_assert_int_eq(session->state, READY_STATE_CLOSED);
    ck_assert_uint_eq(node.n_closing, 1);
    ck_assert_uint_eq(count_terminated(CAUSE_FORBIDDEN), 1);
    ck_assert_uint_eq(count_closed(CAUSE_SHUTDOWN), 0);
    node_end();
    ck_assert_uint_eq(fake.n_writes, 0);
}
END_TEST

START_TEST(last_words_that_do_not_fit_are_left_out) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    char text[91] = "";
    memset(text, 'a', 90);
    node_send(session, text);
    node.last_words = "too long to fit";
    session_close(session, CAUSE_SHUTDOWN);
    ck_assert_int_eq(session->cause, CAUSE_SHUTDOWN);
    node_turn();
    assert_text(&fake, text);
    assert_close(&fake, 1012);
    assert_silence(&fake);
    node_end();
}
END_TEST

START_TEST(without_memory_for_the_close_frame_it_is_terminated) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    memory_fail_at(1);
    session_close(session, CAUSE_SHUTDOWN);
    ck_assert(memory_has_failed());
    ck_assert_int_eq(session->state, READY_STATE_CLOSED);
    ck_assert_uint_eq(count_terminated(CAUSE_SHUTDOWN), 1);
    ck_assert_uint_eq(count_closed(CAUSE_SHUTDOWN), 0);
    node_end();
}
END_TEST

START_TEST(terminate_destroys_it_at_the_end_of_the_turn) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    node_send(session, "never sent");
    session_terminate(session, CAUSE_PONG_TIMEOUT);
    session_terminate(session, CAUSE_SHUTDOWN);
    ck_assert_uint_eq(fake.n_terminated, 0);
    ck_assert_int_eq(session->cause, CAUSE_PONG_TIMEOUT);
    node_turn();
    ck_assert_uint_eq(fake.n_terminated, 1);
    ck_assert_uint_eq(fake.n_writes, 0);
    ck_assert_uint_eq(session_table_count(&node.table), 0);
    ck_assert_uint_eq(count_terminated(CAUSE_SHUTDOWN), 0);
    node_end();
}
END_TEST

START_TEST(a_peers_close_is_answered_at_once_with_its_code) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    node_send(session, "discarded");
    session_peer_closed(session, 4001);
    ck_assert_int_eq(session->state, READY_STATE_CLOSING);
    assert_close(&fake, 4001);
    assert_silence(&fake);
    ck_assert_uint_eq(node.n_closing, 0);
    ck_assert_uint_eq(count_closed(CAUSE_CLIENT_CLOSED), 1);
    node_end();
}
END_TEST

static void assert_answer(uint16_t code, uint16_t answer) {
    node_begin(&fake_options);
    session_peer_closed(node_open(&fake), code);
    assert_close(&fake, answer);
    node_end();
}

START_TEST(a_peers_code_is_echoed_only_where_it_is_allowed) {
    assert_answer(0, 0);
    assert_answer(1005, 0);
    assert_answer(1000, 1000);
    assert_answer(1003, 1003);
    assert_answer(1004, 1002);
    assert_answer(1006, 1002);
    assert_answer(1014, 1014);
    assert_answer(1015, 1002);
    assert_answer(2999, 1002);
    assert_answer(3000, 3000);
    assert_answer(4999, 4999);
    assert_answer(5000, 1002);
    assert_answer(999, 1002);
}
END_TEST

START_TEST(our_own_close_still_leaves_when_the_peers_comes_in_the_same_turn) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    session_close(session, CAUSE_SHUTDOWN);
    session_peer_closed(session, 1000);
    assert_close(&fake, 1012);
    assert_silence(&fake);
    ck_assert_uint_eq(count_closed(CAUSE_CLIENT_CLOSED), 0);
    session_gone(session);
    node_turn();
    assert_silence(&fake);
    node_end();
}
END_TEST

START_TEST(a_peers_answer_to_our_close_is_not_answered) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    session_close(session, CAUSE_SHUTDOWN);
    node_turn();
    assert_close(&fake, 1012);
    session_peer_closed(session, 1001);
    assert_silence(&fake);
    ck_assert_int_eq(session->cause, CAUSE_SHUTDOWN);
    node_end();
}
END_TEST

START_TEST(after_a_broken_protocol_nothing_is_written) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    node_send(session, "discarded");
    session_broken(session);
    ck_assert_int_eq(session->state, READY_STATE_CLOSING);
    ck_assert_int_eq(session->cause, CAUSE_PROTOCOL_ERROR);
    ck_assert_int_eq(node_send(session, "refused"), SESSION_REFUSED);
    session_close(session, CAUSE_SHUTDOWN);
    session_peer_closed(session, 1002);
    node_turn();
    ck_assert_uint_eq(fake.n_writes, 0);
    ck_assert_uint_eq(count_closed(CAUSE_PROTOCOL_ERROR), 1);
    node_end();
}
END_TEST

START_TEST(a_transport_that_has_gone_is_never_touched_again) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    node_send(session, "never sent");
    session_gone(session);
    node_turn();
    ck_assert_uint_eq(fake.n_writes, 0);
    ck_assert_uint_eq(fake.n_terminated, 0);
    ck_assert_uint_eq(session_table_count(&node.table), 0);
    node_end();
}
END_TEST

START_TEST(a_connection_that_is_lost_counts_as_terminated) {
    node_begin(&fake_options);
    session_gone(node_open(&fake));
    ck_assert_uint_eq(count_terminated(CAUSE_CLIENT_GONE), 1);
    session_gone(node_connect(&fake));
    ck_assert_uint_eq(count_terminated(CAUSE_CLIENT_GONE), 2);
    node_end();
}
END_TEST

START_TEST(a_close_that_ends_well_counts_once) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    session_close(session, CAUSE_SHUTDOWN);
    node_turn();
    session_peer_closed(session, 1001);
    session_gone(session);
    ck_assert_int_eq(session->cause, CAUSE_SHUTDOWN);
    ck_assert_uint_eq(count_closed(CAUSE_SHUTDOWN), 1);
    ck_assert_uint_eq(count_terminated(CAUSE_CLIENT_GONE), 0);
    node_end();
}
END_TEST

START_TEST(a_transport_may_go_between_terminate_and_the_turns_end) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    session_terminate(session, CAUSE_SHUTDOWN);
    session_gone(session);
    node_turn();
    ck_assert_uint_eq(fake.n_terminated, 0);
    ck_assert_uint_eq(count_terminated(CAUSE_CLIENT_GONE), 0);
    node_end();
}
END_TEST

START_TEST(the_id_is_told_in_hex) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    char text[SESSION_ID_TEXT];
    ck_assert_ptr_eq(session_id_text(session, text), text);
    ck_assert_uint_eq(strtoull(text, NULL, 16), session->id);
    ck_assert_uint_eq(strspn(text, "0123456789abcdef"), strlen(text));
    session->id = UINT64_MAX;
    ck_assert_str_eq(session_id_text(session, text), "ffffffffffffffff");
    session->id = strtoull("0300000001000000", NULL, 16);
    node_end();
}
END_TEST

START_TEST(without_memory_there_is_no_session) {
    node_begin(&fake_options);
    for (unsigned k = 1; k <= 2; k++) {
        Session *session;
        memory_fail_at(k);
        ck_assert_int_eq(session_new(&session, &node.table, &fake.transport), -ENOMEM);
        ck_assert_uint_eq(session_table_count(&node.table), 0);
    }
    node_end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_new_session_is_connecting,
        a_handshake_that_ends_well_opens_it_once,
        a_session_terminated_while_connecting_does_not_open,
        close_sends_what_waits_then_the_last_words_then_the_close_frame,
        close_is_idempotent_and_the_first_cause_stays,
        close_while_connecting_terminates,
        the_last_words_may_close_and_terminate,
        last_words_that_do_not_fit_are_left_out,
        without_memory_for_the_close_frame_it_is_terminated,
        terminate_destroys_it_at_the_end_of_the_turn,
        a_peers_close_is_answered_at_once_with_its_code,
        a_peers_code_is_echoed_only_where_it_is_allowed,
        our_own_close_still_leaves_when_the_peers_comes_in_the_same_turn,
        a_peers_answer_to_our_close_is_not_answered,
        after_a_broken_protocol_nothing_is_written,
        a_transport_that_has_gone_is_never_touched_again,
        a_connection_that_is_lost_counts_as_terminated,
        a_close_that_ends_well_counts_once,
        a_transport_may_go_between_terminate_and_the_turns_end,
        the_id_is_told_in_hex,
        without_memory_there_is_no_session,
    };
    return run_suite("session", tests, N_ELEMENTS(tests));
}
