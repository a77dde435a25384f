#include <string.h>

#include "failing_memory.h"
#include "fake_node.h"
#include "session/commands.h"
#include "session/session.h"
#include "suite.h"

static FakeTransport fake;

static uint64_t count_refused(ReadyState state) {
    return counter_read(&node.table.counters.refused_sends[state]);
}

static SessionOptions with_outbox_limit(uint32_t n_bytes) {
    SessionOptions options = fake_options;
    options.outbox_limit_bytes = n_bytes;
    return options;
}

START_TEST(all_waiting_frames_leave_in_one_write_at_the_end_of_the_turn) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    ck_assert_int_eq(node_send(session, "one"), SESSION_SENT);
    ck_assert_int_eq(node_send(session, "two"), SESSION_SENT);
    ck_assert_uint_eq(fake.n_writes, 0);
    node_turn();
    ck_assert_uint_eq(fake.n_writes, 1);
    assert_text(&fake, "one");
    assert_text(&fake, "two");
    ck_assert_uint_eq(counter_read(&node.table.counters.sent_frames), 2);
    ck_assert_uint_eq(counter_read(&node.table.counters.sent_bytes), 10);
    ck_assert_uint_eq(counter_read(&node.table.counters.writes), 1);
    node_turn();
    ck_assert_uint_eq(fake.n_writes, 1);
    node_end();
}
END_TEST

START_TEST(a_send_is_refused_and_counted_in_any_state_but_open) {
    node_begin(&fake_options);
    Session *session = node_connect(&fake);
    ck_assert_int_eq(node_send(session, "x"), SESSION_REFUSED);
    session_open(session, &fake_dialect, "", 0);
    session_close(session, CAUSE_SHUTDOWN);
    ck_assert_int_eq(node_send(session, "x"), SESSION_REFUSED);
    session_terminate(session, CAUSE_SHUTDOWN);
    ck_assert_int_eq(node_send(session, "x"), SESSION_REFUSED);
    ck_assert_uint_eq(count_refused(READY_STATE_CONNECTING), 1);
    ck_assert_uint_eq(count_refused(READY_STATE_OPEN), 0);
    ck_assert_uint_eq(count_refused(READY_STATE_CLOSING), 1);
    ck_assert_uint_eq(count_refused(READY_STATE_CLOSED), 1);
    node_end();
    assert_silence(&fake);
}
END_TEST

static const Namespace plain = {.slow = SLOW_CLOSE};

static void refuse_everything(Session *session, const Channel *channel) {
    uint64_t n_before = count_refused(session->state);
    Frame *frame;
    frame_new_copy(&frame, FRAME_TEXT, "x", 1);
    ck_assert_int_eq(session_send(session, frame), SESSION_REFUSED);
    frame_unref(frame);
    ck_assert_int_eq(session_send_text(session, "x", 1), SESSION_REFUSED);
    ck_assert_int_eq(session_send_gap(session, channel, GAP_BROKER), SESSION_REFUSED);
    Message *message;
    ck_assert_int_eq(message_new(&message, "news", 4, "x", 1), 0);
    ck_assert_int_eq(session_send_message(session, channel, message), SESSION_REFUSED);
    message_unref(message);
    ck_assert_int_eq(session_ping(session), SESSION_REFUSED);
    ck_assert_uint_eq(count_refused(session->state), n_before + 5);
}

START_TEST(every_way_to_send_refuses_and_counts_in_each_state_but_open) {
    node_begin(&fake_options);
    Channel *channel;
    ck_assert_int_eq(channel_new(&channel, "news", 4, &plain, 1), 0);
    Session *session = node_connect(&fake);
    refuse_everything(session, channel);
    session_open(session, &fake_dialect, "", 0);
    session_close(session, CAUSE_SHUTDOWN);
    refuse_everything(session, channel);
    session_terminate(session, CAUSE_SHUTDOWN);
    refuse_everything(session, channel);
    ck_assert_uint_eq(count_refused(READY_STATE_OPEN), 0);
    ck_assert_uint_eq(node.n_gaps, 0);
    channel_free(channel);
    node_end();
    assert_silence(&fake);
}
END_TEST

START_TEST(what_the_hub_sends_to_a_closing_or_closed_session_is_counted) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    command_subscribe(session, "news", 4, 1);
    node_answer(true);
    session_close(session, CAUSE_SHUTDOWN);
    node_deliver("news", "late");
    node_gap("news");
    ck_assert_uint_eq(count_refused(READY_STATE_CLOSING), 2);
    session_terminate(session, CAUSE_SHUTDOWN);
    node_deliver("news", "late");
    session_table_overloaded(&node.table);
    ck_assert_uint_eq(count_refused(READY_STATE_CLOSED), 2);
    node_end();
    assert_silence(&fake);
}
END_TEST

START_TEST(without_memory_for_a_gap_notice_it_is_closed_with_1011) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    command_subscribe(session, "news", 4, 1);
    node_answer(true);
    memory_fail_at(1);
    node_gap("news");
    node_turn();
    assert_close(&fake, 1011);
    node_end();
}
END_TEST

START_TEST(a_slow_consumer_is_closed_with_1013_and_nothing_else) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    node.last_words = "goodbye";
    int n_sent = 0;
    while (node_send(session, "0123456789") == SESSION_SENT)
        n_sent++;
    ck_assert_int_eq(n_sent, 8); /* of 12 bytes each, in 100 */
    ck_assert_int_eq(session->state, READY_STATE_CLOSING);
    ck_assert_int_eq(session->cause, CAUSE_SLOW_CONSUMER);
    ck_assert_uint_eq(count_refused(READY_STATE_OPEN), 1);
    node_turn();
    assert_close(&fake, 1013);
    assert_silence(&fake);
    ck_assert_uint_eq(node.n_closing, 0);
    node_end();
}
END_TEST

START_TEST(a_blocked_session_is_written_to_again_when_it_is_writeable) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    fake.answer = TRANSPORT_BLOCKED;
    node_send(session, "one");
    node_turn();
    node_send(session, "two");
    node_turn();
    ck_assert_uint_eq(fake.n_writes, 1);
    fake.answer = TRANSPORT_WRITTEN;
    session_writeable(session);
    node_turn();
    ck_assert_uint_eq(fake.n_writes, 2);
    assert_text(&fake, "one");
    assert_text(&fake, "two");
    assert_silence(&fake);
    node_end();
}
END_TEST

START_TEST(writeable_with_nothing_waiting_writes_nothing) {
    node_begin(&fake_options);
    session_writeable(node_open(&fake));
    node_turn();
    ck_assert_uint_eq(fake.n_writes, 0);
    node_end();
}
END_TEST

START_TEST(a_close_frame_of_a_blocked_session_waits_for_it_behind_the_data) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    fake.answer = TRANSPORT_BLOCKED;
    node_send(session, "one");
    node_turn();
    node_send(session, "two");
    session_close(session, CAUSE_SHUTDOWN);
    node_turn();
    ck_assert_uint_eq(fake.n_writes, 1);
    session_writeable(session);
    node_turn();
    assert_text(&fake, "one");
    assert_text(&fake, "two");
    assert_close(&fake, 1012);
    node_end();
}
END_TEST

START_TEST(a_write_that_fails_terminates_in_the_same_turn) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    fake.answer = TRANSPORT_FAILED;
    node_send(session, "lost");
    node_turn();
    ck_assert_uint_eq(fake.n_terminated, 1);
    ck_assert_uint_eq(count_terminated(CAUSE_WRITE_FAILED), 1);
    ck_assert_uint_eq(session_table_count(&node.table), 0);
    node_end();
}
END_TEST

START_TEST(a_write_that_fails_while_closing_counts_again) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    fake.answer = TRANSPORT_FAILED;
    session_close(session, CAUSE_SHUTDOWN);
    node_turn();
    ck_assert_uint_eq(count_closed(CAUSE_SHUTDOWN), 1);
    ck_assert_uint_eq(count_terminated(CAUSE_WRITE_FAILED), 1);
    node_end();
}
END_TEST

START_TEST(more_than_the_scratch_takes_several_writes) {
    SessionOptions options = with_outbox_limit(256 * 1024);
    node_begin(&options);
    Session *session = node_open(&fake);
    static char text[30001];
    memset(text, 'a', sizeof(text) - 1);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(node_send(session, text), SESSION_SENT);
    node_turn();
    ck_assert_uint_eq(fake.n_writes, 3);
    for (int i = 0; i < 5; i++)
        assert_text(&fake, text);
    assert_silence(&fake);
    node_end();
}
END_TEST

START_TEST(a_frame_above_the_limit_is_taken_when_nothing_waits) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    char text[301] = "";
    memset(text, 'a', 300);
    ck_assert_int_eq(node_send(session, text), SESSION_SENT);
    node_turn();
    assert_text(&fake, text);
    ck_assert_int_eq(session->state, READY_STATE_OPEN);
    node_end();
}
END_TEST

START_TEST(without_memory_for_the_ring_what_waits_still_leaves) {
    SessionOptions options = with_outbox_limit(1000);
    node_begin(&options);
    Session *session = node_open(&fake);
    for (int i = 0; i < 7; i++)
        node_send(session, "waits");
    Frame *frame;
    frame_new_copy(&frame, FRAME_TEXT, "last", 4);
    session_send(session, frame);
    memory_fail_at(1);
    ck_assert_int_eq(session_send(session, frame), SESSION_REFUSED);
    frame_unref(frame);
    ck_assert_int_eq(session->cause, CAUSE_OUT_OF_MEMORY);
    node_turn();
    for (int i = 0; i < 7; i++)
        assert_text(&fake, "waits");
    assert_text(&fake, "last");
    assert_close(&fake, 1011);
    node_end();
}
END_TEST

START_TEST(without_memory_for_the_frame_it_is_closed_with_1011) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    memory_fail_at(1);
    ck_assert_int_eq(node_send(session, "lost"), SESSION_REFUSED);
    node_turn();
    assert_close(&fake, 1011);
    node_end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        all_waiting_frames_leave_in_one_write_at_the_end_of_the_turn,
        a_send_is_refused_and_counted_in_any_state_but_open,
        every_way_to_send_refuses_and_counts_in_each_state_but_open,
        what_the_hub_sends_to_a_closing_or_closed_session_is_counted,
        without_memory_for_a_gap_notice_it_is_closed_with_1011,
        a_slow_consumer_is_closed_with_1013_and_nothing_else,
        a_blocked_session_is_written_to_again_when_it_is_writeable,
        writeable_with_nothing_waiting_writes_nothing,
        a_close_frame_of_a_blocked_session_waits_for_it_behind_the_data,
        a_write_that_fails_terminates_in_the_same_turn,
        a_write_that_fails_while_closing_counts_again,
        more_than_the_scratch_takes_several_writes,
        a_frame_above_the_limit_is_taken_when_nothing_waits,
        without_memory_for_the_ring_what_waits_still_leaves,
        without_memory_for_the_frame_it_is_closed_with_1011,
    };
    return run_suite("session_send", tests, N_ELEMENTS(tests));
}
