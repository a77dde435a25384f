#include <string.h>

#include "failing_memory.h"
#include "fake_node.h"
#include "session/session.h"
#include "suite.h"

enum { LIMIT = 10000 }; /* as in fake_options */

static FakeTransport fake;
static char large[LIMIT + 1];

static void assert_closed_with(Session *session, Cause cause, uint16_t code) {
    ck_assert_int_eq(session->state, READY_STATE_CLOSING);
    ck_assert_int_eq(session->cause, cause);
    node_turn();
    assert_close(&fake, code);
}

START_TEST(a_message_in_one_piece_is_passed_on) {
    node_begin(&fake_options);
    node_receive(node_open(&fake), "hello");
    ck_assert_uint_eq(node.n_received, 1);
    ck_assert_str_eq(node.received, "hello");
    ck_assert(!node.is_binary);
    ck_assert_uint_eq(counter_read(&node.table.counters.received_messages), 1);
    ck_assert_uint_eq(counter_read(&node.table.counters.received_bytes), 5);
    node_end();
}
END_TEST

START_TEST(pieces_are_gathered_and_the_kind_is_the_firsts) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    session_receive(session, "one ", 4, true, false, true);
    session_receive(session, "two ", 4, false, false, false);
    ck_assert_uint_eq(node.n_received, 0);
    session_receive(session, "three", 5, false, true, false);
    ck_assert_str_eq(node.received, "one two three");
    ck_assert(node.is_binary);
    node_end();
}
END_TEST

START_TEST(an_empty_message_is_a_message) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    session_receive(session, NULL, 0, true, true, false);
    ck_assert_uint_eq(node.n_received, 1);
    ck_assert_uint_eq(node.n_bytes, 0);
    session_receive(session, NULL, 0, true, false, true); /* in two empty pieces */
    session_receive(session, NULL, 0, false, true, true);
    ck_assert_uint_eq(node.n_received, 2);
    node_end();
}
END_TEST

START_TEST(messages_follow_each_other) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    node_receive(session, "a longer one");
    node_receive(session, "short");
    ck_assert_str_eq(node.received, "short");
    ck_assert_uint_eq(node.n_bytes, 5);
    node_end();
}
END_TEST

START_TEST(a_message_of_the_limit_is_taken) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    session_receive(session, large, LIMIT, true, true, true);
    ck_assert_uint_eq(node.n_received, 1);
    ck_assert_uint_eq(node.n_bytes, LIMIT);
    ck_assert_int_eq(session->state, READY_STATE_OPEN);
    node_end();
}
END_TEST

START_TEST(one_byte_over_the_limit_is_closed_with_1009) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    session_receive(session, large, LIMIT + 1, true, true, true);
    ck_assert_uint_eq(node.n_received, 0);
    assert_closed_with(session, CAUSE_MESSAGE_TOO_BIG, 1009);
    node_end();
}
END_TEST

START_TEST(pieces_over_the_limit_are_thrown_away) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    session_receive(session, large, LIMIT, true, false, true);
    session_receive(session, large, 1, false, false, true);
    ck_assert_uint_eq(session->gathered.n_allocated, 0);
    session_receive(session, large, 1, false, true, true);
    node_receive(session, "another");
    ck_assert_uint_eq(node.n_received, 0);
    assert_closed_with(session, CAUSE_MESSAGE_TOO_BIG, 1009);
    node_end();
}
END_TEST

START_TEST(the_memory_of_a_large_message_is_given_back) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    session_receive(session, large, LIMIT, true, true, true);
    ck_assert_uint_eq(session->gathered.n_allocated, 0);
    node_receive(session, "small");
    ck_assert_uint_le(session->gathered.n_allocated, 4096);
    node_end();
}
END_TEST

START_TEST(text_that_is_not_utf8_is_closed_with_1007) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    node_receive(session, "a\xff");
    ck_assert_uint_eq(node.n_received, 0);
    assert_closed_with(session, CAUSE_BAD_UTF8, 1007);
    node_end();
}
END_TEST

START_TEST(a_character_may_be_cut_between_pieces) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    session_receive(session, "\xe2\x82", 2, true, false, false);
    session_receive(session, "\xac", 1, false, true, false);
    ck_assert_str_eq(node.received, "\xe2\x82\xac");
    node_end();
}
END_TEST

START_TEST(binary_may_be_anything) {
    node_begin(&fake_options);
    session_receive(node_open(&fake), "\xff\xfe", 2, true, true, true);
    ck_assert_uint_eq(node.n_received, 1);
    node_end();
}
END_TEST

START_TEST(a_message_within_a_message_is_closed_with_1002) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    session_receive(session, "a", 1, true, false, false);
    session_receive(session, "b", 1, true, true, false);
    ck_assert_uint_eq(node.n_received, 0);
    assert_closed_with(session, CAUSE_PROTOCOL_ERROR, 1002);
    node_end();
}
END_TEST

START_TEST(a_continuation_of_nothing_is_closed_with_1002) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    session_receive(session, "b", 1, false, true, false);
    assert_closed_with(session, CAUSE_PROTOCOL_ERROR, 1002);
    node_end();
}
END_TEST

START_TEST(in_any_state_but_open_it_is_thrown_away) {
    node_begin(&fake_options);
    Session *session = node_connect(&fake);
    node_receive(session, "early");
    session_open(session, &fake_dialect, "", 0);
    session_close(session, CAUSE_SHUTDOWN);
    node_receive(session, "late");
    session_terminate(session, CAUSE_SHUTDOWN);
    node_receive(session, "too late");
    ck_assert_uint_eq(node.n_received, 0);
    ck_assert_uint_eq(session->gathered.n_allocated, 0);
    node_end();
}
END_TEST

START_TEST(without_memory_it_is_closed_with_1011) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    memory_fail_at(1);
    node_receive(session, "hello");
    ck_assert(memory_has_failed());
    ck_assert_uint_eq(node.n_received, 0);
    assert_closed_with(session, CAUSE_OUT_OF_MEMORY, 1011);
    node_end();
}
END_TEST

static SessionOptions rate_options(uint32_t messages, uint32_t bytes) {
    SessionOptions options = fake_options;
    options.message_rate = (QuotaLimit){messages, messages};
    options.byte_rate = (QuotaLimit){bytes, LIMIT};
    return options;
}

START_TEST(messages_over_the_rate_are_left_to_the_dialect_and_not_carried_out) {
    SessionOptions options = rate_options(3, 0);
    node_begin(&options);
    Session *session = node_open(&fake);
    for (unsigned i = 0; i < 5; i++)
        node_receive(session, "hello");
    ck_assert_uint_eq(node.n_received, 3);
    ck_assert_uint_eq(node.n_limited, 2);
    ck_assert_uint_eq(counter_read(&node.table.counters.limited_messages), 2);
    node_pass(1000);
    node_receive(session, "hello");
    ck_assert_uint_eq(node.n_received, 4);
    node_end();
}
END_TEST

START_TEST(who_goes_on_over_the_rate_is_closed_with_1008) {
    SessionOptions options = rate_options(3, 0);
    node_begin(&options);
    Session *session = node_open(&fake);
    for (unsigned i = 0; i < 7; i++)
        node_receive(session, "hello");
    ck_assert_uint_eq(node.n_limited, 2);
    assert_closed_with(session, CAUSE_RATE_LIMITED, 1008);
    node_end();
}
END_TEST

START_TEST(a_dialect_that_cannot_say_it_closes_at_the_first_one_too_many) {
    SessionOptions options = rate_options(3, 0);
    node_begin(&options);
    Session *session = node_open(&fake);
    DialectOps mute = fake_dialect;
    mute.limited = NULL;
    session->dialect = &mute;
    for (unsigned i = 0; i < 4; i++)
        node_receive(session, "hello");
    ck_assert_uint_eq(node.n_received, 3);
    assert_closed_with(session, CAUSE_RATE_LIMITED, 1008);
    node_end();
}
END_TEST

START_TEST(bytes_over_the_rate_are_closed_with_1008_but_a_largest_message_passes) {
    SessionOptions options = rate_options(0, 100);
    node_begin(&options);
    Session *session = node_open(&fake);
    session_receive(session, large, LIMIT, true, true, true);
    ck_assert_uint_eq(node.n_received, 1);
    session_receive(session, "x", 1, true, true, true);
    ck_assert_uint_eq(node.n_received, 1);
    ck_assert_uint_eq(counter_read(&node.table.counters.limited_messages), 1);
    assert_closed_with(session, CAUSE_RATE_LIMITED, 1008);
    node_end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_message_in_one_piece_is_passed_on,
        pieces_are_gathered_and_the_kind_is_the_firsts,
        an_empty_message_is_a_message,
        messages_follow_each_other,
        a_message_of_the_limit_is_taken,
        one_byte_over_the_limit_is_closed_with_1009,
        pieces_over_the_limit_are_thrown_away,
        the_memory_of_a_large_message_is_given_back,
        text_that_is_not_utf8_is_closed_with_1007,
        a_character_may_be_cut_between_pieces,
        binary_may_be_anything,
        a_message_within_a_message_is_closed_with_1002,
        a_continuation_of_nothing_is_closed_with_1002,
        in_any_state_but_open_it_is_thrown_away,
        without_memory_it_is_closed_with_1011,
        messages_over_the_rate_are_left_to_the_dialect_and_not_carried_out,
        who_goes_on_over_the_rate_is_closed_with_1008,
        a_dialect_that_cannot_say_it_closes_at_the_first_one_too_many,
        bytes_over_the_rate_are_closed_with_1008_but_a_largest_message_passes,
    };
    return run_suite("session_receive", tests, N_ELEMENTS(tests));
}
