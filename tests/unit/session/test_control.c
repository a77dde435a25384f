#include "session/control.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "failing_memory.h"
#include "fake_node.h"
#include "session/commands.h"
#include "session/errands.h"
#include "session/identity.h"
#include "suite.h"

static const Namespaces shut = {.fallback = {.subscribe = ACCESS_NOBODY}};

static FakeTransport fakes[3];

static void begin(void) {
    node_begin(&fake_options);
}

static void name(Session *session, const char *user) {
    ck_assert_int_eq(session_identify(session, user, strlen(user), "{}", 2), IDENTIFY_OK);
}

static Session *open_as(unsigned i, const char *user) {
    Session *session = node_open(&fakes[i]);
    if (user)
        name(session, user);
    return session;
}

static Control of_user(ControlKind kind, const char *user, const char *channel) {
    return (Control){.kind = kind,
                     .user = user,
                     .n_user = (uint32_t)strlen(user),
                     .channel = channel,
                     .n_channel = channel ? (uint32_t)strlen(channel) : 0};
}

static size_t control(Control control) {
    return session_table_control(&node.table, &control);
}

static void subscribe(Session *session, const char *channel, uint64_t id) {
    ck_assert_int_eq(command_subscribe(session, channel, strlen(channel), id), COMMAND_OK);
}

START_TEST(a_user_is_disconnected_with_all_its_connections_and_nobody_else) {
    begin();
    const Session *first = open_as(0, "ada"), *second = open_as(1, "ada"), *other = open_as(2, "adam");
    ck_assert_uint_eq(control(of_user(CONTROL_DISCONNECT, "ada", NULL)), 2);
    ck_assert_int_eq(first->state, READY_STATE_CLOSING);
    ck_assert_int_eq(second->state, READY_STATE_CLOSING);
    ck_assert_int_eq(other->state, READY_STATE_OPEN);
    ck_assert_uint_eq(node.closing_code, 4403);
    ck_assert_uint_eq(count_closed(CAUSE_DISCONNECTED), 2);
    ck_assert_uint_eq(counter_read(&node.table.counters.controlled), 2);
    ck_assert_uint_eq(control(of_user(CONTROL_DISCONNECT, "ada", NULL)), 0);
    node_turn();
    ck_assert_uint_eq(control(of_user(CONTROL_DISCONNECT, "ada", NULL)), 0);
    ck_assert_uint_eq(control(of_user(CONTROL_DISCONNECT, "bob", NULL)), 0);
    assert_close(&fakes[0], 4403);
    node_end();
}
END_TEST

START_TEST(the_code_and_the_reason_that_were_given_are_said) {
    FakeFrame frame;
    begin();
    open_as(0, "ada");
    Control told = of_user(CONTROL_DISCONNECT, "ada", NULL);
    told.code = 4999;
    told.reason = "moved on, without a NUL";
    told.n_reason = 8;
    ck_assert_uint_eq(control(told), 1);
    node_turn();
    ck_assert(fake_transport_next(&fakes[0], &frame));
    ck_assert_uint_eq(frame.code, 4999);
    ck_assert_uint_eq(frame.n_payload, 2 + 8);
    ck_assert_mem_eq(frame.payload + 2, "moved on", 8);
    node_end();
}
END_TEST

START_TEST(one_connection_is_named_by_its_id) {
    begin();
    const Session *first = open_as(0, NULL), *second = open_as(1, NULL);
    ck_assert_uint_eq(control((Control){.kind = CONTROL_DISCONNECT, .connection = second->id}), 1);
    ck_assert_int_eq(first->state, READY_STATE_OPEN);
    ck_assert_int_eq(second->state, READY_STATE_CLOSING);
    ck_assert_uint_eq(control((Control){.kind = CONTROL_DISCONNECT, .connection = first->id + (1 << 24)}), 0);
    node_end();
}
END_TEST

START_TEST(a_user_in_its_handshake_is_terminated) {
    begin();
    Session *session = node_connect(&fakes[0]);
    name(session, "ada");
    ck_assert_uint_eq(control(of_user(CONTROL_UNSUBSCRIBE, "ada", "a")), 0);
    ck_assert_uint_eq(control(of_user(CONTROL_SUBSCRIBE, "ada", "a")), 0);
    ck_assert_uint_eq(control(of_user(CONTROL_DISCONNECT, "ada", NULL)), 1);
    node_turn();
    ck_assert_uint_eq(fakes[0].n_terminated, 1);
    ck_assert_uint_eq(count_terminated(CAUSE_DISCONNECTED), 1);
    node_end();
}
END_TEST

START_TEST(who_has_become_another_is_found_by_the_new_name_alone) {
    begin();
    Session *session = open_as(0, "ada");
    name(session, "bob");
    ck_assert_uint_eq(node.table.users.n_nodes, 1);
    ck_assert_uint_eq(control(of_user(CONTROL_DISCONNECT, "ada", NULL)), 0);
    ck_assert_uint_eq(control(of_user(CONTROL_DISCONNECT, "bob", NULL)), 1);
    node_end();
}
END_TEST

START_TEST(a_subscription_is_taken_and_the_client_told) {
    begin();
    Session *session = open_as(0, "ada");
    subscribe(session, "a", 7);
    node_answer(true);
    ck_assert_uint_eq(control(of_user(CONTROL_UNSUBSCRIBE, "ada", "b")), 0);
    ck_assert_uint_eq(node.n_unsubscribed, 0);
    ck_assert_uint_eq(control(of_user(CONTROL_UNSUBSCRIBE, "ada", "a")), 1);
    ck_assert_uint_eq(node.n_unsubscribed, 1);
    ck_assert_str_eq(node.received, "a");
    ck_assert_uint_eq(node.unsubscribed_code, 4404);
    ck_assert_str_eq(node.unsubscribed_reason, "unsubscribed by the backend");
    ck_assert_uint_eq(node.request_id, 0);
    ck_assert_uint_eq(node.n_unwants, 1);
    subscribe(session, "a", 8);
    Control told = of_user(CONTROL_UNSUBSCRIBE, "ada", "a");
    told.code = 3001;
    told.reason = "enough";
    told.n_reason = 6;
    ck_assert_uint_eq(control(told), 1);
    ck_assert_uint_eq(node.request_id, 8); /* it still waited */
    ck_assert_uint_eq(node.unsubscribed_code, 3001);
    ck_assert_str_eq(node.unsubscribed_reason, "enough");
    node_end();
}
END_TEST

START_TEST(a_channel_is_given_whatever_the_permissions_and_limits) {
    SessionOptions options = fake_options;
    options.namespaces = &shut;
    options.subscriptions_limit = 0;
    node_begin(&options);
    Session *session = open_as(0, "ada");
    ck_assert_uint_eq(control(of_user(CONTROL_SUBSCRIBE, "ada", "a")), 1);
    ck_assert_uint_eq(node.n_given, 0);
    node_answer(true);
    ck_assert_uint_eq(node.n_given, 1);
    ck_assert_uint_eq(node.n_subscribed, 0);
    ck_assert_str_eq(node.received, "a");
    ck_assert_uint_eq(node.position.seq, 70);
    node_deliver("a", "1");
    node_turn();
    assert_text(&fakes[0], "1");
    ck_assert_uint_eq(control(of_user(CONTROL_SUBSCRIBE, "ada", "a")), 0);
    ck_assert_uint_eq(node.n_given, 1);
    ck_assert_int_eq(command_unsubscribe(session, "a", 1), COMMAND_OK);
    node_end();
}
END_TEST

START_TEST(a_channel_that_is_had_already_is_kept) {
    begin();
    Session *session = open_as(0, "ada");
    subscribe(session, "a", 1);
    node_answer(true);
    const Subscription *subscription = hub_find(&node.table.hub, &session->subscriber, "a", 1);
    ck_assert(!subscription->is_kept);
    ck_assert_uint_eq(control(of_user(CONTROL_SUBSCRIBE, "ada", "a")), 0);
    ck_assert(subscription->is_kept && !subscription->is_given);
    node_end();
}
END_TEST

START_TEST(without_memory_for_a_channel_the_connection_is_closed) {
    begin();
    open_as(0, "ada");
    memory_fail_at(1);
    ck_assert_uint_eq(control(of_user(CONTROL_SUBSCRIBE, "ada", "a")), 0);
    ck_assert_uint_eq(count_closed(CAUSE_OUT_OF_MEMORY), 1);
    node_end();
}
END_TEST

START_TEST(ending_connections_are_nobodys) {
    begin();
    Session *session = open_as(0, "ada");
    open_as(1, "ada");
    session_close(session, CAUSE_FORBIDDEN);
    ck_assert_uint_eq(control(of_user(CONTROL_SUBSCRIBE, "ada", "a")), 1);
    node_turn();
    ck_assert_int_eq(session->state, READY_STATE_CLOSING);
    ck_assert_ptr_null(session->user);
    ck_assert_uint_eq(control(of_user(CONTROL_DISCONNECT, "ada", NULL)), 1);
    node_end();
}
END_TEST

/* A crowd's sessions, that write to nobody. */
enum { CROWD = 10000 };
static Session *crowd[CROWD];

static int swallow(Transport *transport, const uint8_t *bytes, size_t n_bytes) {
    return TRANSPORT_WRITTEN;
}

static void open_crowd(void) {
    static FakeTransport fake;
    static TransportOps ops;
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = node_open(&fake);
        name(crowd[i], "ada");
    }
    ops = *fake.transport.ops;
    ops.write = swallow;
    fake.transport.ops = &ops;
}

static size_t n_open(void) {
    return counter_read(&node.table.counters.in_state[READY_STATE_OPEN]);
}

START_TEST(a_crowd_is_disconnected_over_some_ticks_and_who_joins_it_later_stays) {
    begin();
    open_crowd();
    uint64_t began_ns = clock_now_ns();
    ck_assert_uint_eq(control(of_user(CONTROL_DISCONNECT, "ada", NULL)), ERRANDS_SESSIONS);
    uint64_t took_us = clock_us_since(began_ns);
    ck_assert_uint_eq(n_open(), CROWD - ERRANDS_SESSIONS);
    node_turn();
    const Session *late = open_as(0, "ada");
    session_close(crowd[CROWD - 1], CAUSE_FORBIDDEN); /* may go meanwhile */
    unsigned n_ticks = 1;
    for (; node.table.errands.n > 0; n_ticks++)
        node_pass(WHEEL_TICK_MS);
    printf("%d connections in %u ticks, %llu us of the first one's\n", CROWD, n_ticks, (unsigned long long)took_us);
    ck_assert_uint_eq(n_open(), 1);
    ck_assert_int_eq(late->state, READY_STATE_OPEN);
    ck_assert_uint_ge(n_ticks, CROWD / ERRANDS_SESSIONS);
    ck_assert_uint_eq(count_closed(CAUSE_DISCONNECTED), CROWD - 1);
    node_end();
}
END_TEST

START_TEST(commands_keep_their_order_behind_a_crowd) {
    begin();
    open_crowd();
    Session *bob = open_as(0, "bob");
    control(of_user(CONTROL_SUBSCRIBE, "ada", "a"));
    control(of_user(CONTROL_UNSUBSCRIBE, "ada", "a"));
    ck_assert_uint_eq(control(of_user(CONTROL_DISCONNECT, "bob", NULL)), 0);
    ck_assert_int_eq(bob->state, READY_STATE_OPEN);
    open_as(1, "bob");
    for (int n_ticks = 0; node.table.errands.n > 0; n_ticks++) {
        ck_assert_int_lt(n_ticks, 3 * CROWD / ERRANDS_SESSIONS);
        errands_tick(&node.table);
    }
    ck_assert_ptr_null(map_find(&node.table.hub.channels, "a", 1));
    ck_assert_uint_eq(counter_read(&node.table.counters.controlled), 2 * CROWD + 1);
    ck_assert_uint_eq(n_open(), CROWD + 1);
    node_end();
}
END_TEST

START_TEST(a_flood_of_commands_is_bounded_and_leaves_nothing_undone) {
    enum { FLOOD = 100000 };
    begin();
    open_as(0, "ada");
    open_as(1, "bob");
    for (int i = 0; i < FLOOD; i++)
        control(of_user(i % 2 ? CONTROL_SUBSCRIBE : CONTROL_UNSUBSCRIBE, "ada", "a"));
    ck_assert_uint_le(node.table.errands.n, ERRANDS_MAX);
    ck_assert_uint_gt(node.table.errands.n, 0);
    control(of_user(CONTROL_DISCONNECT, "bob", NULL));
    while (node.table.errands.n > 0)
        errands_tick(&node.table);
    ck_assert_uint_eq(n_open(), 1);
    ck_assert_ptr_nonnull(map_find(&node.table.hub.channels, "a", 1));
    node_end();
}
END_TEST

START_TEST(without_memory_to_put_it_off_a_command_is_carried_out_at_once) {
    begin();
    open_as(0, "ada");
    open_as(1, "bob");
    node.table.errands.budget = 0;
    ck_assert_uint_eq(control(of_user(CONTROL_UNSUBSCRIBE, "ada", "a")), 0);
    ck_assert_uint_eq(node.table.errands.n, 1);
    memory_fail_at(1);
    ck_assert_uint_eq(control(of_user(CONTROL_SUBSCRIBE, "bob", "a")), 1);
    ck_assert(memory_has_failed());
    ck_assert_uint_eq(node.table.errands.n, 1);
    node_end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_user_is_disconnected_with_all_its_connections_and_nobody_else,
        the_code_and_the_reason_that_were_given_are_said,
        one_connection_is_named_by_its_id,
        a_user_in_its_handshake_is_terminated,
        who_has_become_another_is_found_by_the_new_name_alone,
        a_subscription_is_taken_and_the_client_told,
        a_channel_is_given_whatever_the_permissions_and_limits,
        a_channel_that_is_had_already_is_kept,
        without_memory_for_a_channel_the_connection_is_closed,
        ending_connections_are_nobodys,
        a_crowd_is_disconnected_over_some_ticks_and_who_joins_it_later_stays,
        commands_keep_their_order_behind_a_crowd,
        a_flood_of_commands_is_bounded_and_leaves_nothing_undone,
        without_memory_to_put_it_off_a_command_is_carried_out_at_once,
    };
    return run_suite("control", tests, N_ELEMENTS(tests));
}
