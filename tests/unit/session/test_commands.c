#include "session/commands.h"

#include <string.h>

#include "failing_memory.h"
#include "fake_node.h"
#include "suite.h"

static FakeTransport fake;

static CommandResult subscribe(Session *session, const char *channel, uint64_t request_id) {
    return command_subscribe(session, channel, strlen(channel), request_id);
}

static CommandResult unsubscribe(Session *session, const char *channel) {
    return command_unsubscribe(session, channel, strlen(channel));
}

static CommandResult publish(Session *session, const char *channel, const char *payload) {
    return command_publish(session, channel, strlen(channel), payload, strlen(payload), 77);
}

START_TEST(a_subscribe_is_answered_by_the_broker) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    ck_assert_int_eq(subscribe(session, "news", 5), COMMAND_OK);
    ck_assert_uint_eq(node.n_subscribed, 0);
    ck_assert_str_eq(node.channel, "news");
    node_answer(true);
    ck_assert_uint_eq(node.n_subscribed, 1);
    ck_assert_uint_eq(node.request_id, 5);
    node_end();
}
END_TEST

START_TEST(a_second_subscribe_to_a_channel_says_so) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    subscribe(session, "news", 1);
    ck_assert_int_eq(subscribe(session, "news", 2), COMMAND_EXISTS);
    node_end();
}
END_TEST

START_TEST(subscriptions_are_limited) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    ck_assert_int_eq(subscribe(session, "a", 1), COMMAND_OK);
    ck_assert_int_eq(subscribe(session, "b", 1), COMMAND_OK);
    ck_assert_int_eq(subscribe(session, "c", 1), COMMAND_OK);
    ck_assert_int_eq(subscribe(session, "d", 1), COMMAND_LIMIT);
    ck_assert_int_eq(subscribe(session, "c", 1), COMMAND_EXISTS);
    ck_assert_int_eq(unsubscribe(session, "a"), COMMAND_OK);
    ck_assert_int_eq(subscribe(session, "d", 1), COMMAND_OK);
    node_end();
}
END_TEST

START_TEST(an_unsubscribe_ends_the_delivery) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    subscribe(session, "news", 1);
    node_answer(true);
    ck_assert_int_eq(unsubscribe(session, "news"), COMMAND_OK);
    ck_assert_int_eq(unsubscribe(session, "news"), COMMAND_EXISTS);
    ck_assert_uint_eq(node.n_unwants, 1);
    node_deliver("news", "unheard");
    node_turn();
    assert_silence(&fake);
    node_end();
}
END_TEST

START_TEST(a_publish_goes_to_the_broker_with_the_sessions_id) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    ck_assert_int_eq(publish(session, "news", "hello"), COMMAND_OK);
    ck_assert_str_eq(node.channel, "news");
    ck_assert_str_eq(node.payload, "hello");
    ck_assert_uint_eq(node.session_id, session->id);
    ck_assert_uint_eq(node.publish_request_id, 77);
    node_end();
}
END_TEST

START_TEST(a_broker_that_takes_no_more_is_overloaded) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    node.publish_answer = BROKER_OVERLOADED;
    ck_assert_int_eq(publish(session, "news", "hello"), COMMAND_OVERLOADED);
    node_end();
}
END_TEST

START_TEST(a_payload_over_the_limit_is_refused) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    static char payload[10002];
    memset(payload, 'p', 10001);
    ck_assert_int_eq(publish(session, "news", payload), COMMAND_LIMIT);
    payload[10000] = '\0';
    ck_assert_int_eq(publish(session, "news", payload), COMMAND_OK);
    node_end();
}
END_TEST

START_TEST(bad_channel_names_are_refused) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    ck_assert_int_eq(subscribe(session, "", 1), COMMAND_BAD_CHANNEL);
    ck_assert_int_eq(unsubscribe(session, "a\nb"), COMMAND_BAD_CHANNEL);
    ck_assert_int_eq(publish(session, "\xff", "x"), COMMAND_BAD_CHANNEL);
    ck_assert_uint_eq(node.n_publishes, 0);
    node_end();
}
END_TEST

START_TEST(what_clients_may_not_do_is_forbidden) {
    SessionOptions options = fake_options;
    options.namespaces = NULL;
    node_begin(&options);
    Session *session = node_open(&fake);
    ck_assert_int_eq(subscribe(session, "news", 1), COMMAND_FORBIDDEN);
    ck_assert_int_eq(publish(session, "news", "x"), COMMAND_FORBIDDEN);
    ck_assert_uint_eq(node.n_publishes, 0);
    ck_assert_uint_eq(node.n_wants, 0);
    node_end();
}
END_TEST

START_TEST(in_any_state_but_open_every_command_is_forbidden) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    subscribe(session, "news", 1);
    session_close(session, CAUSE_SHUTDOWN);
    ck_assert_int_eq(subscribe(session, "other", 1), COMMAND_FORBIDDEN);
    ck_assert_int_eq(unsubscribe(session, "news"), COMMAND_FORBIDDEN);
    ck_assert_int_eq(publish(session, "news", "x"), COMMAND_FORBIDDEN);
    node_end();
}
END_TEST

START_TEST(without_memory_a_command_leaves_nothing_behind) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    memory_fail_at(1);
    ck_assert_int_eq(subscribe(session, "news", 1), COMMAND_NO_MEMORY);
    memory_fail_at(1);
    ck_assert_int_eq(publish(session, "news", "x"), COMMAND_NO_MEMORY);
    ck_assert_uint_eq(session->subscriber.n_subscriptions, 0);
    ck_assert_uint_eq(node.n_publishes, 0);
    node_end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_subscribe_is_answered_by_the_broker,
        a_second_subscribe_to_a_channel_says_so,
        subscriptions_are_limited,
        an_unsubscribe_ends_the_delivery,
        a_publish_goes_to_the_broker_with_the_sessions_id,
        a_broker_that_takes_no_more_is_overloaded,
        a_payload_over_the_limit_is_refused,
        bad_channel_names_are_refused,
        what_clients_may_not_do_is_forbidden,
        in_any_state_but_open_every_command_is_forbidden,
        without_memory_a_command_leaves_nothing_behind,
    };
    return run_suite("commands", tests, N_ELEMENTS(tests));
}
