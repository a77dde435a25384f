#include "session/table.h"

#include <string.h>

#include "fake_node.h"
#include "session/commands.h"
#include "suite.h"

static FakeTransport fake;
static Session *session;
static Namespace room = {.name = "room", OPEN_TO_ALL};
static Namespaces before = {.items = &room, .n_items = 1}, others[2];

static void begin(void) {
    SessionOptions options = fake_options;
    options.namespaces = &before;
    node_begin(&options);
    session = node_open(&fake);
}

static void configure(Namespace *namespace, void (*change)(SessionOptions *options)) {
    SessionOptions options = node.table.options;
    Namespaces *after = options.namespaces == &others[0] ? &others[1] : &others[0];
    *after = (Namespaces){.items = namespace, .n_items = 1};
    options.namespaces = after;
    if (change)
        change(&options);
    session_table_configure(&node.table, &options);
}

static CommandResult subscribe(const char *channel) {
    return command_subscribe(session, channel, strlen(channel), 1);
}

START_TEST(a_permission_counts_for_the_next_request_and_who_is_in_stays) {
    static Namespace closed = {.name = "room"};
    begin();
    ck_assert_int_eq(subscribe("room:1"), COMMAND_OK);
    node_answer(true);
    configure(&closed, NULL);
    ck_assert_int_ne(subscribe("room:2"), COMMAND_OK);
    node_deliver("room:1", "hello");
    node_turn();
    assert_text(&fake, "hello");
    node_end();
}
END_TEST

START_TEST(who_is_in_a_channel_enters_when_it_gets_presence_and_leaves_when_it_loses_it) {
    static Namespace with = {.name = "room", .has_presence = true, OPEN_TO_ALL};
    static Namespace without = {.name = "room", OPEN_TO_ALL};
    begin();
    subscribe("room:1");
    node_answer(true);
    subscribe("room:2"); /* is not granted yet */
    configure(&with, NULL);
    ck_assert_uint_eq(node.n_entered, 1);
    ck_assert_str_eq(node.asked, "room:1");
    configure(&with, NULL);
    ck_assert_uint_eq(node.n_entered, 1);
    node_answer(true);
    ck_assert_uint_eq(node.n_entered, 2);
    configure(&without, NULL);
    ck_assert_uint_eq(node.n_left, 2);
    node_end();
    ck_assert_uint_eq(node.n_left, 2);
}
END_TEST

static void lower(SessionOptions *options) {
    options->message_limit_bytes = 4;
    options->outbox_limit_bytes = 20;
    options->subscriptions_limit = 1;
}

START_TEST(limits_count_for_connections_that_are_there) {
    begin();
    subscribe("room:1");
    node_answer(true);
    session_receive(session, "abcdefgh", 8, true, false, false);
    configure(&room, lower);
    ck_assert_int_eq(subscribe("room:2"), COMMAND_LIMIT);
    ck_assert_uint_eq(session->outbox.n_limit, 20);
    session_receive(session, "", 0, false, true, false); /* of a message that is longer already */
    ck_assert_int_eq(session->cause, CAUSE_MESSAGE_TOO_BIG);
    node_end();
}
END_TEST

static void raise_limits(SessionOptions *options) {
    options->message_limit_bytes *= 2;
}

START_TEST(a_higher_limit_lets_longer_messages_through) {
    static char text[FAKE_TEXT * 1024];
    begin();
    configure(&room, raise_limits);
    size_t n_text =
        node.table.options.message_limit_bytes < sizeof(text) ? node.table.options.message_limit_bytes : sizeof(text);
    memset(text, 'x', n_text);
    session_receive(session, text, n_text, true, true, false);
    ck_assert_uint_eq(node.n_received, 1);
    ck_assert_uint_eq(node.n_bytes, n_text);
    node_end();
}
END_TEST

static void ping_sooner(SessionOptions *options) {
    options->watchdog.ping_ms = 1000;
}

START_TEST(a_deadline_that_is_armed_comes_as_soon_as_any_may_and_the_next_has_the_new_time) {
    begin();
    node_pass(100);
    configure(&room, ping_sooner);
    node_pass(11000); /* the pong's is the longest now */
    assert_ping(&fake);
    session_heard(session);
    node_pass(11500); /* until the pong would have been due */
    assert_ping(&fake);
    ck_assert_uint_eq(audit_findings(&node.table.counters), 0);
    node_end();
}
END_TEST

static void end_sooner(SessionOptions *options) {
    options->watchdog.linger_ms = 1000;
    options->watchdog.handshake_ms = 2000;
    options->watchdog.ping_ms = 300;
    options->watchdog.pong_ms = 100;
    options->watchdog.pong_grace_ms = 0;
    options->audit_ms = 100;
}

START_TEST(the_audit_finds_nothing_wrong_when_deadlines_get_shorter) {
    static FakeTransport connecting, closing, pinged;
    begin();
    Session *asked = node_open(&pinged);
    session_ping(asked);
    node_connect(&connecting);
    session_close(node_open(&closing), CAUSE_SHUTDOWN);
    node_turn();
    configure(&room, end_sooner);
    node_pass(300);
    ck_assert_uint_eq(audit_findings(&node.table.counters), 0);
    node_pass(2000);
    ck_assert_uint_eq(count_terminated(CAUSE_HANDSHAKE_TIMEOUT), 1);
    ck_assert_uint_eq(count_terminated(CAUSE_LINGER_TIMEOUT), 1);
    ck_assert_uint_eq(count_terminated(CAUSE_PONG_TIMEOUT), 2);
    ck_assert_uint_eq(audit_findings(&node.table.counters), 0);
    ck_assert_uint_eq(session_table_count(&node.table), 0);
    node_end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_permission_counts_for_the_next_request_and_who_is_in_stays,
        who_is_in_a_channel_enters_when_it_gets_presence_and_leaves_when_it_loses_it,
        limits_count_for_connections_that_are_there,
        a_higher_limit_lets_longer_messages_through,
        a_deadline_that_is_armed_comes_as_soon_as_any_may_and_the_next_has_the_new_time,
        the_audit_finds_nothing_wrong_when_deadlines_get_shorter,
    };
    return run_suite("configure", tests, N_ELEMENTS(tests));
}
