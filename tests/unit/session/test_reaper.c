#include "session/reaper.h"

#include "fake_node.h"
#include "session/commands.h"
#include "suite.h"

static FakeTransport fake;

static Session *open_subscribed(void) {
    node_begin(&fake_options);
    Session *session = node_open(&fake);
    ck_assert_int_eq(command_subscribe(session, "news", 4, 1), COMMAND_OK);
    node_answer(true);
    return session;
}

START_TEST(a_closing_session_drops_its_subscriptions_and_stays) {
    Session *session = open_subscribed();
    session_close(session, CAUSE_SHUTDOWN);
    ck_assert_uint_eq(session->subscriber.n_subscriptions, 1); /* fan-out may be walking it */
    node_turn();
    ck_assert_uint_eq(session->subscriber.n_subscriptions, 0);
    ck_assert_uint_eq(node.n_unwants, 1);
    ck_assert_uint_eq(session_table_count(&node.table), 1);
    ck_assert_uint_eq(fake.n_terminated, 0);
    node_end();
}
END_TEST

START_TEST(a_closed_session_is_destroyed_and_freed) {
    Session *session = open_subscribed();
    uint64_t id = session->id;
    session_terminate(session, CAUSE_SHUTDOWN);
    ck_assert_ptr_eq(session_table_find(&node.table, id), session);
    node_turn();
    ck_assert_ptr_null(session_table_find(&node.table, id));
    ck_assert_uint_eq(fake.n_terminated, 1);
    ck_assert_uint_eq(node.n_unwants, 1);
    node_end();
}
END_TEST

START_TEST(a_closing_session_gives_back_half_a_message) {
    Session *session = open_subscribed();
    session_receive(session, "half", 4, true, false, false);
    session_close(session, CAUSE_SHUTDOWN);
    node_turn();
    ck_assert_uint_eq(session->gathered.n_allocated, 0);
    node_end();
}
END_TEST

START_TEST(a_session_that_was_closing_is_freed_when_it_has_gone) {
    Session *session = open_subscribed();
    session_close(session, CAUSE_SHUTDOWN);
    node_turn();
    session_gone(session);
    node_turn();
    ck_assert_uint_eq(session_table_count(&node.table), 0);
    ck_assert_uint_eq(fake.n_terminated, 0);
    node_end();
}
END_TEST

START_TEST(a_subscriber_that_is_too_slow_is_only_condemned_by_the_fan_out) {
    Session *session = open_subscribed();
    FakeTransport other_fake;
    Session *other = node_open(&other_fake);
    command_subscribe(other, "news", 4, 1);
    fake.answer = TRANSPORT_BLOCKED;
    for (int i = 0; i < 10; i++) {
        node_deliver("news", "a message of 23 bytes..");
        if (session->state == READY_STATE_OPEN)
            ck_assert_uint_eq(session->subscriber.n_subscriptions, 1);
        node_turn();
    }
    ck_assert_int_eq(session->cause, CAUSE_SLOW_CONSUMER);
    ck_assert_uint_eq(session->subscriber.n_subscriptions, 0);
    for (int i = 0; i < 10; i++)
        assert_text(&other_fake, "a message of 23 bytes..");
    node_end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_closing_session_drops_its_subscriptions_and_stays,
        a_closed_session_is_destroyed_and_freed,
        a_closing_session_gives_back_half_a_message,
        a_session_that_was_closing_is_freed_when_it_has_gone,
        a_subscriber_that_is_too_slow_is_only_condemned_by_the_fan_out,
    };
    return run_suite("reaper", tests, N_ELEMENTS(tests));
}
