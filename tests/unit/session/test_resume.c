/* A subscribe with a resume: the answer, then what was missed, then what is live, with nothing lost or twice in between. */
#include <string.h>

#include "failing_memory.h"
#include "fake_node.h"
#include "session/commands.h"
#include "suite.h"

static FakeTransport fake, other;
static Session *session;

static Namespace kept[] = {{.name = "kept", .history_limit = 100, OPEN_TO_ALL},
                           {.name = "near", .local_limit = 10, OPEN_TO_ALL},
                           {.name = "drops", .slow = SLOW_DROP_OLDEST, .history_limit = 100, OPEN_TO_ALL}};
static const Namespaces namespaces = {.fallback = {OPEN_TO_ALL}, .items = kept, .n_items = N_ELEMENTS(kept)};

static void begin(void) {
    SessionOptions options = fake_options;
    options.namespaces = &namespaces;
    node_begin(&options);
    session = node_open(&fake);
}

static CommandResult resume(const char *channel, uint64_t request_id) {
    return command_resume(session, channel, strlen(channel), request_id, (Position){5, 67});
}

static void unsubscribe(const char *channel) {
    ck_assert_int_eq(command_unsubscribe(session, channel, strlen(channel)), COMMAND_OK);
}

static void read_with(uint64_t first, uint32_t n_messages) {
    HistoryReply *reply = node_reply(first, n_messages);
    node_read(reply);
    node_reply_free(reply);
}

static void deliver_at(const char *channel, const char *payload, uint64_t seq) {
    Message *message;
    ck_assert_int_eq(message_new(&message, channel, strlen(channel), payload, strlen(payload)), 0);
    message->position = (Position){5, seq};
    session_table_deliver(&node.table, message);
    message_unref(message);
}

START_TEST(what_was_missed_comes_behind_the_answer_and_before_what_is_live) {
    begin();
    ck_assert_int_eq(resume("kept:1", 9), COMMAND_OK);
    ck_assert_uint_eq(node.n_wants, 1);
    ck_assert_uint_eq(node.n_reads, 1);
    ck_assert_str_eq(node.asked, "kept:1");
    ck_assert_int_eq(node.query.order, HISTORY_RESUME);
    ck_assert_uint_eq(node.query.since.epoch, 5);
    ck_assert_uint_eq(node.query.since.seq, 67);
    ck_assert_uint_eq(node.query.limit, 300);
    ck_assert_uint_eq(node.query.limit_bytes, 50);
    node_answer(true);
    deliver_at("kept:1", "5-71", 71);
    ck_assert_uint_eq(node.n_resumed, 0);
    read_with(68, 4);
    deliver_at("kept:1", "live", 72);
    ck_assert_uint_eq(node.n_resumed, 1);
    ck_assert_uint_eq(node.request_id, 9);
    ck_assert(node.is_recovered);
    ck_assert_uint_eq(node.position.seq, 71);
    ck_assert_uint_eq(node.n_subscribed, 0);
    node_turn();
    assert_text(&fake, "resumed");
    assert_text(&fake, "5-68");
    assert_text(&fake, "5-69");
    assert_text(&fake, "5-70");
    assert_text(&fake, "5-71");
    assert_text(&fake, "live");
    assert_silence(&fake);
    node_end();
}
END_TEST

START_TEST(in_a_channel_that_is_active_it_waits_for_its_reading_too) {
    begin();
    Session *second = node_open(&other);
    command_subscribe(second, "near:1", 6, 1);
    node_answer(true);
    ck_assert_int_eq(resume("near:1", 9), COMMAND_OK);
    ck_assert_uint_eq(node.n_wants, 1);
    deliver_at("near:1", "5-71", 71);
    node_gap("near:1");
    session_table_overloaded(&node.table);
    read_with(68, 4);
    node_turn();
    assert_text(&other, "5-71");
    assert_text(&other, "gap near:1");
    assert_text(&other, "gap near:1");
    assert_text(&fake, "resumed");
    for (int i = 8; i < 12; i++)
        assert_text(&fake, (const char *[]){"5-68", "5-69", "5-70", "5-71"}[i - 8]);
    assert_silence(&fake);
    node_end();
}
END_TEST

START_TEST(what_is_not_recovered_goes_on_behind_the_channels_own_place) {
    begin();
    resume("kept:1", 9);
    node_answer(true);
    deliver_at("kept:1", "x", 71);
    node_read(&(HistoryReply){.position = {5, 99}});
    ck_assert_uint_eq(node.n_resumed, 1);
    ck_assert(!node.is_recovered);
    ck_assert_uint_eq(node.position.seq, 71);
    deliver_at("kept:1", "live", 72);
    node_turn();
    assert_text(&fake, "resumed");
    assert_text(&fake, "live");
    node_end();
}
END_TEST

START_TEST(without_a_history_it_is_a_subscribe_that_recovers_nothing) {
    begin();
    ck_assert_int_eq(resume("live", 9), COMMAND_OK);
    ck_assert_uint_eq(node.n_reads, 0);
    session_table_acknowledged(&node.table, "live", 4, node.token, BROKER_OK, (Position){0});
    ck_assert_uint_eq(node.n_resumed, 1);
    ck_assert_uint_eq(node.n_subscribed, 0);
    ck_assert(!node.is_recovered);
    ck_assert_uint_eq(node.position.epoch, 0);
    node_deliver("live", "hi");
    node_turn();
    assert_text(&fake, "resumed");
    assert_text(&fake, "hi");
    node_end();
}
END_TEST

START_TEST(a_want_that_is_refused_refuses_it_and_its_reading_is_ignored) {
    begin();
    resume("kept:1", 9);
    node_answer(false);
    ck_assert_uint_eq(node.n_refused, 1);
    ck_assert_uint_eq(node.request_id, 9);
    ck_assert_int_eq(node.result, BROKER_REFUSED);
    read_with(68, 1);
    ck_assert_uint_eq(node.n_resumed, 0);
    ck_assert_uint_eq(session->subscriber.n_subscriptions, 0);
    node_end();
}
END_TEST

START_TEST(a_reading_that_fails_refuses_it) {
    begin();
    resume("kept:1", 9);
    node_answer(true);
    node_read(&(HistoryReply){.result = BROKER_UNAVAILABLE});
    ck_assert_uint_eq(node.n_refused, 1);
    ck_assert_uint_eq(node.request_id, 9);
    ck_assert_int_eq(node.result, BROKER_UNAVAILABLE);
    ck_assert_uint_eq(session->subscriber.n_subscriptions, 0);
    ck_assert_uint_eq(node.n_unwants, 1);
    node_end();
}
END_TEST

START_TEST(a_reading_that_the_broker_does_not_take_leaves_nothing_behind) {
    begin();
    node.read_answer = BROKER_OVERLOADED;
    ck_assert_int_eq(resume("kept:1", 9), COMMAND_OVERLOADED);
    ck_assert_uint_eq(session->subscriber.n_subscriptions, 0);
    ck_assert_uint_eq(node.n_unwants, 1);
    ck_assert_uint_eq(node.n_refused, 0);
    node_end();
}
END_TEST

START_TEST(after_an_unsubscribe_the_reading_is_ignored) {
    begin();
    resume("kept:1", 9);
    node_answer(true);
    unsubscribe("kept:1");
    read_with(68, 1);
    node_turn();
    assert_silence(&fake);
    node_end();
}
END_TEST

START_TEST(an_earlier_reading_does_not_answer_a_later_resume) {
    begin();
    resume("kept:1", 9);
    node_answer(true);
    BrokerReturn earlier = node.to;
    unsubscribe("kept:1");
    resume("kept:1", 9); /* the same request id */
    node_answer(true);
    BrokerReturn later = node.to;
    node.to = earlier;
    read_with(68, 1);
    ck_assert_uint_eq(node.n_resumed, 0);
    node.to = later;
    read_with(70, 1);
    read_with(70, 1); /* and each but once */
    ck_assert_uint_eq(node.n_resumed, 1);
    node_turn();
    assert_text(&fake, "resumed");
    assert_text(&fake, "5-70");
    assert_silence(&fake);
    node_end();
}
END_TEST

START_TEST(a_reading_does_not_answer_a_subscribe) {
    begin();
    resume("kept:1", 9);
    node_answer(true);
    unsubscribe("kept:1");
    command_subscribe(session, "kept:1", 6, 10);
    node_answer(true);
    read_with(68, 1);
    ck_assert_uint_eq(node.n_resumed, 0);
    ck_assert_uint_eq(node.n_subscribed, 1);
    node_end();
}
END_TEST

START_TEST(a_session_that_has_gone_or_closes_is_told_nothing) {
    begin();
    resume("kept:1", 9);
    node_answer(true);
    HistoryReply *reply = node_reply(68, 1);
    session_close(session, CAUSE_SHUTDOWN);
    node_read(reply);
    ck_assert_uint_eq(node.n_resumed, 0);
    session_gone(session);
    node_turn();
    node_read(reply);
    ck_assert_uint_eq(node.n_resumed, 0);
    node_reply_free(reply);
    node_end();
}
END_TEST

START_TEST(a_second_resume_or_subscribe_while_it_waits_says_so) {
    begin();
    resume("kept:1", 9);
    ck_assert_int_eq(resume("kept:1", 10), COMMAND_EXISTS);
    ck_assert_int_eq(command_subscribe(session, "kept:1", 6, 11), COMMAND_EXISTS);
    ck_assert_uint_eq(node.n_reads, 1);
    node_end();
}
END_TEST

START_TEST(a_place_without_an_epoch_recovers_nothing) {
    begin();
    ck_assert_int_eq(command_resume(session, "kept:1", 6, 9, (Position){0}), COMMAND_OK);
    node_answer(true);
    ck_assert_uint_eq(node.n_reads, 0);
    ck_assert_uint_eq(node.n_resumed, 1);
    ck_assert(!node.is_recovered);
    ck_assert_uint_eq(node.position.seq, 70);
    node_end();
}
END_TEST

START_TEST(what_was_missed_is_bounded_by_the_policy_of_its_channel) {
    begin();
    resume("kept:1", 9);
    node_answer(true);
    read_with(1, 40); /* over the outbox of 100 bytes */
    ck_assert_int_eq(session->cause, CAUSE_SLOW_CONSUMER);
    node_end();
    begin();
    resume("drops:1", 9);
    node_answer(true);
    read_with(1, 40);
    ck_assert_int_eq(session->state, READY_STATE_OPEN);
    node_turn();
    assert_text(&fake, "gap drops:1");
    assert_text(&fake, "resumed");
    node_end();
}
END_TEST

START_TEST(without_memory_for_what_was_missed_it_is_closed) {
    begin();
    resume("kept:1", 9);
    node_answer(true);
    HistoryReply *reply = node_reply(68, 2);
    memory_fail_at(3); /* "resumed" and its place in the outbox come first */
    node_read(reply);
    memory_fail_at(0);
    ck_assert_int_eq(session->cause, CAUSE_OUT_OF_MEMORY);
    node_reply_free(reply);
    node_end();
}
END_TEST

static CommandResult history(const char *channel, uint32_t limit) {
    HistoryQuery query = {.since = {5, 1}, .limit = limit, .order = HISTORY_REVERSE};
    return command_history(session, channel, strlen(channel), &query, 12);
}

START_TEST(a_history_is_read_within_the_limits_and_answered) {
    begin();
    ck_assert_int_eq(history("kept:1", 1000), COMMAND_OK);
    ck_assert_uint_eq(node.query.limit, 300);
    ck_assert_uint_eq(node.query.limit_bytes, 50);
    ck_assert_int_eq(node.query.order, HISTORY_REVERSE);
    ck_assert_int_eq(history("near:1", 0), COMMAND_OK);
    ck_assert_uint_eq(node.query.limit, 0);
    ck_assert_uint_eq(node.to.session_id, session->id);
    node_read(&(HistoryReply){.result = BROKER_OVERLOADED});
    ck_assert_uint_eq(node.n_histories, 1);
    ck_assert_uint_eq(node.request_id, 12);
    ck_assert_int_eq(node.result, BROKER_OVERLOADED);
    ck_assert_str_eq(node.received, "near:1");
    ck_assert_uint_eq(node.n_wants, 0);
    node_end();
}
END_TEST

START_TEST(a_history_that_is_not_to_be_had_says_why) {
    begin();
    ck_assert_int_eq(history("live", 1), COMMAND_NOT_KEPT);
    ck_assert_int_eq(history("", 1), COMMAND_BAD_CHANNEL);
    node.read_answer = BROKER_OVERLOADED;
    ck_assert_int_eq(history("kept:1", 1), COMMAND_OVERLOADED);
    session->table->options.namespaces = NULL;
    ck_assert_int_eq(history("kept:1", 1), COMMAND_FORBIDDEN);
    ck_assert_int_eq(resume("kept:1", 1), COMMAND_FORBIDDEN);
    node_end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        what_was_missed_comes_behind_the_answer_and_before_what_is_live,
        in_a_channel_that_is_active_it_waits_for_its_reading_too,
        what_is_not_recovered_goes_on_behind_the_channels_own_place,
        without_a_history_it_is_a_subscribe_that_recovers_nothing,
        a_want_that_is_refused_refuses_it_and_its_reading_is_ignored,
        a_reading_that_fails_refuses_it,
        a_reading_that_the_broker_does_not_take_leaves_nothing_behind,
        after_an_unsubscribe_the_reading_is_ignored,
        an_earlier_reading_does_not_answer_a_later_resume,
        a_reading_does_not_answer_a_subscribe,
        a_session_that_has_gone_or_closes_is_told_nothing,
        a_second_resume_or_subscribe_while_it_waits_says_so,
        a_place_without_an_epoch_recovers_nothing,
        what_was_missed_is_bounded_by_the_policy_of_its_channel,
        without_memory_for_what_was_missed_it_is_closed,
        a_history_is_read_within_the_limits_and_answered,
        a_history_that_is_not_to_be_had_says_why,
    };
    return run_suite("resume", tests, N_ELEMENTS(tests));
}
