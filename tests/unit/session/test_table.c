#include "session/table.h"

#include <errno.h>

#include "failing_memory.h"
#include "fake_node.h"
#include "session/commands.h"
#include "suite.h"

enum { CROWD = 10 };

static FakeTransport fakes[CROWD];

static uint64_t count_in(ReadyState state) {
    return counter_read(&node.table.counters.in_state[state]);
}

START_TEST(a_message_reaches_the_wire_of_each_subscriber) {
    node_begin(&fake_options);
    for (int i = 0; i < CROWD; i++)
        command_subscribe(node_open(&fakes[i]), "news", 4, 1);
    node_answer(true);
    ck_assert_uint_eq(node.n_subscribed, CROWD);
    node_deliver("news", "hello");
    node_turn();
    for (int i = 0; i < CROWD; i++) {
        assert_text(&fakes[i], "hello");
        assert_silence(&fakes[i]);
    }
    node_end();
}
END_TEST

static uint64_t counted(const Histogram *histogram) {
    uint64_t n = 0;
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
        n += counter_read(&histogram->buckets[i]);
    return n;
}

START_TEST(fan_out_and_flush_are_measured_once_a_message_and_a_turn) {
    const SessionCounters *counters = &node.table.counters;
    node_begin(&fake_options);
    for (int i = 0; i < CROWD; i++)
        command_subscribe(node_open(&fakes[i]), "news", 4, 1);
    node_answer(true);
    node_turn();
    uint64_t n_flushes = counted(&counters->flush_us);
    node_deliver("news", "one");
    node_deliver("news", "two");
    node_turn();
    node_turn();
    ck_assert_uint_eq(counted(&counters->fan_out_us), 2);
    ck_assert_uint_eq(counted(&counters->fan_out_deliveries), 2);
    ck_assert_uint_eq(counter_read(&counters->fan_out_deliveries.sum), 2 * CROWD);
    ck_assert_uint_eq(counted(&counters->flush_us), n_flushes + 1);
    node_end();
}
END_TEST

START_TEST(what_waits_is_counted_until_it_is_written) {
    const SessionCounters *counters = &node.table.counters;
    node_begin(&fake_options);
    for (int i = 0; i < CROWD; i++)
        command_subscribe(node_open(&fakes[i]), "news", 4, 1);
    node_answer(true);
    node_turn();
    ck_assert_uint_eq(counter_read(&counters->in_dialect[fake_dialect.encoder.index]), CROWD);
    node_deliver("news", "hello");
    ck_assert_uint_eq(counter_read(&counters->waiting.frames), CROWD);
    ck_assert_uint_ge(counter_read(&counters->waiting.bytes), CROWD * 5);
    node_turn();
    ck_assert_uint_eq(counter_read(&counters->waiting.frames), 0);
    ck_assert_uint_eq(counter_read(&counters->waiting.bytes), 0);
    node_end();
}
END_TEST

START_TEST(a_refused_subscription_is_told_and_dropped) {
    node_begin(&fake_options);
    Session *session = node_open(&fakes[0]);
    command_subscribe(session, "news", 4, 9);
    node_answer(false);
    ck_assert_uint_eq(node.n_refused, 1);
    ck_assert_uint_eq(node.request_id, 9);
    ck_assert_int_eq(node.result, BROKER_REFUSED);
    ck_assert_uint_eq(session->subscriber.n_subscriptions, 0);
    node_end();
}
END_TEST

START_TEST(a_session_that_is_no_longer_open_is_told_nothing) {
    node_begin(&fake_options);
    Session *session = node_open(&fakes[0]);
    command_subscribe(session, "news", 4, 9);
    command_publish(session, "news", 4, "x", 1, 10);
    session_close(session, CAUSE_SHUTDOWN);
    node_answer(true);
    node_gap("news");
    session_table_published(&node.table, &(BrokerReturn){.session_id = session->id, .request_id = 10}, BROKER_OK,
                            (Position){7, 8});
    ck_assert_uint_eq(node.n_subscribed, 0);
    ck_assert_uint_eq(node.n_gaps, 0);
    ck_assert_uint_eq(node.n_published, 0);
    node_end();
}
END_TEST

START_TEST(a_session_that_is_no_longer_open_is_told_of_no_refusal) {
    node_begin(&fake_options);
    Session *session = node_open(&fakes[0]);
    command_subscribe(session, "news", 4, 9);
    session_close(session, CAUSE_SHUTDOWN);
    node_answer(false);
    ck_assert_uint_eq(node.n_refused, 0);
    node_end();
}
END_TEST

START_TEST(a_gap_is_told_to_each_subscriber) {
    node_begin(&fake_options);
    for (int i = 0; i < CROWD; i++)
        command_subscribe(node_open(&fakes[i]), "news", 4, 1);
    node_answer(true);
    node_gap("news");
    ck_assert_uint_eq(node.n_gaps, CROWD);
    ck_assert_int_eq(node.reason, GAP_BROKER);
    node_turn();
    for (int i = 0; i < CROWD; i++)
        assert_text(&fakes[i], "gap news");
    node_end();
}
END_TEST

START_TEST(the_answer_to_a_publish_finds_its_session) {
    node_begin(&fake_options);
    Session *session = node_open(&fakes[0]);
    session_table_published(&node.table, &(BrokerReturn){.session_id = session->id, .request_id = 4}, BROKER_UNAVAILABLE,
                            (Position){7, 8});
    ck_assert_uint_eq(node.n_published, 1);
    ck_assert_uint_eq(node.request_id, 4);
    ck_assert_int_eq(node.result, BROKER_UNAVAILABLE);
    ck_assert_uint_eq(node.position.epoch, 7);
    ck_assert_uint_eq(node.position.seq, 8);
    node_end();
}
END_TEST

START_TEST(the_answer_to_a_session_that_has_gone_reaches_nobody) {
    node_begin(&fake_options);
    uint64_t id = node_open(&fakes[0])->id;
    session_gone(session_table_find(&node.table, id));
    node_turn();
    Session *next = node_open(&fakes[0]); /* in the same slot */
    ck_assert_uint_ne(next->id, id);
    session_table_published(&node.table, &(BrokerReturn){.session_id = id, .request_id = 4}, BROKER_OK, (Position){7, 8});
    ck_assert_uint_eq(node.n_published, 0);
    node_end();
}
END_TEST

START_TEST(draining_at_once_closes_the_open_and_terminates_the_connecting) {
    node_begin(&fake_options);
    for (int i = 0; i < CROWD; i++)
        (i % 2 ? node_open : node_connect)(&fakes[i]);
    session_table_drain(&node.table, 0);
    ck_assert_uint_eq(count_in(READY_STATE_CLOSING), CROWD / 2);
    ck_assert_uint_eq(count_in(READY_STATE_CLOSED), CROWD / 2);
    node_turn();
    for (int i = 0; i < CROWD; i++)
        if (i % 2)
            assert_close(&fakes[i], 1012);
        else
            ck_assert_uint_eq(fakes[i].n_terminated, 1);
    ck_assert_uint_eq(session_table_count(&node.table), CROWD / 2);
    node_end();
}
END_TEST

START_TEST(finishing_terminates_and_frees_whatever_is_left) {
    node_begin(&fake_options);
    Session *sessions[CROWD];
    for (int i = 0; i < CROWD; i++)
        sessions[i] = (i % 2 ? node_open : node_connect)(&fakes[i]);
    command_subscribe(sessions[1], "news", 4, 1);
    command_subscribe(sessions[3], "news", 4, 1);
    session_close(sessions[3], CAUSE_FORBIDDEN);
    node_end();
    ck_assert_uint_eq(session_table_count(&node.table), 0);
    for (int i = 0; i < CROWD; i++)
        ck_assert_uint_eq(fakes[i].n_terminated, 1);
    ck_assert_uint_eq(count_terminated(CAUSE_SHUTDOWN), CROWD);
    ck_assert_uint_eq(count_closed(CAUSE_FORBIDDEN), 1);
}
END_TEST

START_TEST(without_memory_there_is_no_table) {
    for (unsigned k = 1; k <= 2; k++) {
        SessionTable table;
        memory_fail_at(k);
        ck_assert_int_eq(session_table_init(&table, &fake_options, &node.port, 0, 0), -ENOMEM);
    }
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_message_reaches_the_wire_of_each_subscriber,
        fan_out_and_flush_are_measured_once_a_message_and_a_turn,
        what_waits_is_counted_until_it_is_written,
        a_refused_subscription_is_told_and_dropped,
        a_session_that_is_no_longer_open_is_told_nothing,
        a_session_that_is_no_longer_open_is_told_of_no_refusal,
        a_gap_is_told_to_each_subscriber,
        the_answer_to_a_publish_finds_its_session,
        the_answer_to_a_session_that_has_gone_reaches_nobody,
        draining_at_once_closes_the_open_and_terminates_the_connecting,
        finishing_terminates_and_frees_whatever_is_left,
        without_memory_there_is_no_table,
    };
    return run_suite("table", tests, N_ELEMENTS(tests));
}
