#include "session/identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "failing_memory.h"
#include "fake_node.h"
#include "session/commands.h"
#include "suite.h"

static FakeTransport fake;
static Session *session;

static Namespace items[] = {{.name = "room", .has_presence = true, .history_limit = 10, OPEN_TO_ALL}};
static const Namespaces namespaces = {.fallback = {OPEN_TO_ALL}, .items = items, .n_items = N_ELEMENTS(items)};
static const char member[] = "{\"user\":\"ada\",\"info\":{\"a\":1}}";

static void begin(void) {
    SessionOptions options = fake_options;
    options.namespaces = &namespaces;
    node_begin(&options);
}

static void open_as_ada(void) {
    session = node_connect(&fake);
    ck_assert_int_eq(session_identify(session, "ada", 3, member, strlen(member)), 0);
    session_open(session, &fake_dialect, "", 0);
}

static void subscribe(const char *channel) {
    ck_assert_int_eq(command_subscribe(session, channel, strlen(channel), 1), COMMAND_OK);
}

START_TEST(a_user_enters_when_its_subscription_is_granted_and_leaves_with_it) {
    begin();
    open_as_ada();
    subscribe("room:1");
    ck_assert_uint_eq(node.n_entered, 0);
    node_answer(true);
    ck_assert_uint_eq(node.n_entered, 1);
    ck_assert_str_eq(node.asked, "room:1");
    ck_assert_str_eq(node.user, "ada");
    ck_assert_str_eq(node.member, member);
    command_unsubscribe(session, "room:1", 6);
    ck_assert_uint_eq(node.n_left, 1);
    ck_assert_str_eq(node.user, "ada");
    node_end();
    ck_assert_uint_eq(node.n_left, 1);
}
END_TEST

START_TEST(in_a_channel_without_presence_nobody_enters) {
    begin();
    open_as_ada();
    subscribe("news");
    node_answer(true);
    node_end();
    ck_assert_uint_eq(node.n_entered + node.n_left, 0);
}
END_TEST

START_TEST(one_that_was_not_granted_never_leaves) {
    begin();
    open_as_ada();
    subscribe("room:1");
    node_answer(false);
    subscribe("room:1");
    command_unsubscribe(session, "room:1", 6);
    node_end();
    ck_assert_uint_eq(node.n_entered + node.n_left, 0);
}
END_TEST

START_TEST(whoever_closes_is_terminated_or_loses_the_channel_leaves_once) {
    for (int how = 0; how < 4; how++) {
        begin();
        open_as_ada();
        subscribe("room:1");
        node_answer(true);
        if (how == 0)
            session_close(session, CAUSE_SHUTDOWN);
        else if (how == 1)
            session_terminate(session, CAUSE_SHUTDOWN);
        else if (how == 2)
            session_gone(session);
        else
            session_table_acknowledged(&node.table, "room:1", 6, 0, BROKER_REFUSED, (Position){0});
        node_turn();
        ck_assert_uint_eq(node.n_left, 1);
        node_end();
        ck_assert_uint_eq(node.n_left, 1);
    }
}
END_TEST

START_TEST(a_resume_enters_when_it_is_answered) {
    begin();
    open_as_ada();
    command_resume(session, "room:1", 6, 1, (Position){5, 70});
    node_answer(true);
    ck_assert_uint_eq(node.n_entered, 0);
    node_read(&(HistoryReply){.is_recovered = true, .position = {5, 70}});
    ck_assert_uint_eq(node.n_entered, 1);
    node_end();
}
END_TEST

START_TEST(one_that_is_closing_does_not_enter) {
    begin();
    open_as_ada();
    subscribe("room:1");
    session_close(session, CAUSE_SHUTDOWN);
    node_answer(true);
    node_end();
    ck_assert_uint_eq(node.n_entered, 0);
}
END_TEST

START_TEST(without_a_name_each_connection_is_a_user_of_its_own_node) {
    begin();
    char id[SESSION_ID_TEXT], expected[FAKE_TEXT];
    session = node_open(&fake);
    subscribe("room:1");
    node_answer(true);
    snprintf(expected, sizeof(expected), "test-%s", session_id_text(session, id));
    ck_assert_str_eq(node.user, expected);
    snprintf(expected, sizeof(expected), "{\"user\":\"test-%s\"}", id);
    ck_assert_str_eq(node.member, expected);
    node_end();
}
END_TEST

START_TEST(who_is_there_is_asked_of_the_broker) {
    begin();
    session = node_open(&fake);
    ck_assert_int_eq(command_presence(session, "room:1", 6, 8), COMMAND_OK);
    ck_assert_uint_eq(node.n_asked, 1);
    ck_assert_str_eq(node.asked, "room:1");
    PresenceReply reply = {.n_members = 2};
    session_table_presence(&node.table, &node.to, "room:1", 6, &reply);
    ck_assert_uint_eq(node.n_presences, 1);
    ck_assert_uint_eq(node.request_id, 8);
    ck_assert_uint_eq(node.n_members, 2);
    ck_assert_str_eq(node.received, "room:1");
    session_close(session, CAUSE_SHUTDOWN);
    session_table_presence(&node.table, &node.to, "room:1", 6, &reply);
    ck_assert_uint_eq(node.n_presences, 1);
    node_end();
}
END_TEST

START_TEST(who_is_there_may_not_be_had) {
    begin();
    session = node_open(&fake);
    ck_assert_int_eq(command_presence(session, "news", 4, 8), COMMAND_NOT_KEPT);
    ck_assert_int_eq(command_presence(session, "\n", 1, 8), COMMAND_BAD_CHANNEL);
    node.read_answer = BROKER_OVERLOADED;
    ck_assert_int_eq(command_presence(session, "room:1", 6, 8), COMMAND_OVERLOADED);
    session->table->options.namespaces = NULL;
    ck_assert_int_eq(command_presence(session, "room:1", 6, 8), COMMAND_FORBIDDEN);
    node_end();
}
END_TEST

START_TEST(the_first_of_its_name_needs_memory_and_leaves_none_without_it) {
    begin();
    session = node_open(&fake);
    for (unsigned k = 1; k <= 3; k++) { /* the name, the user, the first buckets */
        memory_fail_at(k);
        ck_assert_int_eq(session_identify(session, "eve", 3, "{}", 2), -ENOMEM);
        ck_assert(memory_has_failed());
        ck_assert_uint_eq(node.table.users.n_nodes, 0);
        ck_assert_ptr_null(session->identity);
        ck_assert_ptr_null(session->user);
    }
    ck_assert_int_eq(session_identify(session, "eve", 3, "{}", 2), IDENTIFY_OK);
    ck_assert_uint_eq(node.table.users.n_nodes, 1);
    node_end();
}
END_TEST

START_TEST(a_name_may_be_given_again_and_needs_memory) {
    begin();
    open_as_ada();
    memory_fail_at(1);
    ck_assert_int_eq(session_identify(session, "eve", 3, "{}", 2), -ENOMEM);
    ck_assert_mem_eq(session->identity, "ada", 3);
    ck_assert_int_eq(session_identify(session, "eve", 3, "{}", 2), 0);
    ck_assert_mem_eq(session->identity, "eve{}", 5);
    node_end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_user_enters_when_its_subscription_is_granted_and_leaves_with_it,
        in_a_channel_without_presence_nobody_enters,
        one_that_was_not_granted_never_leaves,
        whoever_closes_is_terminated_or_loses_the_channel_leaves_once,
        a_resume_enters_when_it_is_answered,
        one_that_is_closing_does_not_enter,
        without_a_name_each_connection_is_a_user_of_its_own_node,
        who_is_there_is_asked_of_the_broker,
        who_is_there_may_not_be_had,
        the_first_of_its_name_needs_memory_and_leaves_none_without_it,
        a_name_may_be_given_again_and_needs_memory,
    };
    return run_suite("identity", tests, N_ELEMENTS(tests));
}
