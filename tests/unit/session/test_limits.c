#include "session/limits.h"

#include <string.h>

#include "auth/token_sign.h"
#include "base/hash.h"
#include "fake_node.h"
#include "session/authenticate.h"
#include "session/commands.h"
#include "session/control.h"
#include "session/identity.h"
#include "suite.h"

enum { NOW_S = 1700000000 };

static FakeTransport fakes[4];
static Keyring *ring;
static Tally *users;
static Buf text;

static Namespace items[] = {{.name = "shut", .subscribe = ACCESS_TOKEN},
                            {.name = "own", .subscribe = ACCESS_ANYONE, .is_own = true}};
static const Namespaces namespaces = {.fallback = {OPEN_TO_ALL}, .items = items, .n_items = N_ELEMENTS(items)};

static uint64_t wall_ms(void) {
    return UINT64_C(1000) * NOW_S;
}

static SessionOptions begin(void) {
    SessionOptions options = fake_options;
    Buf problems;
    buf_init(&problems, 256);
    buf_init(&text, 2 * TOKEN_TEXT_MAX);
    ck_assert_int_eq(keyring_new(&ring), 0);
    ck_assert_int_eq(keyring_add_text(ring, "hs256:0123456789abcdef0123456789abcdef", "test", &problems), KEYRING_OK);
    buf_finish(&problems);
    ck_assert_int_eq(tally_new(&users), 0);
    options.namespaces = &namespaces;
    options.keyring = ring;
    options.wall_ms = wall_ms;
    options.users = users;
    return options;
}

static bool nobody_is_counted(void) {
    for (unsigned i = 0; i < TALLY_CELLS; i++)
        if (users->cells[0][i] != 0)
            return false;
    return true;
}

static void end(void) {
    node_end();
    ck_assert(nobody_is_counted());
    users = tally_free(users);
    buf_finish(&text);
    ring = keyring_free(ring);
}

static const char *sign(const TokenClaims *claims) {
    buf_clear(&text);
    ck_assert_int_eq(token_sign(&text, ring, claims), TOKEN_SIGN_OK);
    return (const char *)text.bytes;
}

static int show(Session *session, const char *user, const char *limits) {
    sign(&(TokenClaims){.user = user, .limits = limits});
    return session_authenticate(session, (const char *)text.bytes, text.n_bytes);
}

START_TEST(a_user_gets_its_connections_and_no_more) {
    SessionOptions options = begin();
    options.user_limit = 2;
    node_begin(&options);
    Session *first = node_open(&fakes[0]), *second = node_connect(&fakes[1]), *third = node_open(&fakes[2]);
    ck_assert_int_eq(show(first, "ada", NULL), TOKEN_OK);
    ck_assert_int_eq(show(second, "ada", NULL), TOKEN_OK);
    ck_assert_int_eq(show(third, "ada", NULL), AUTHENTICATE_USER_LIMIT);
    ck_assert_str_eq(authenticate_result_name(AUTHENTICATE_USER_LIMIT), "user_limit");
    ck_assert_uint_eq(counter_read(&node.table.counters.refused_users), 1);
    ck_assert_ptr_null(third->token);
    ck_assert_ptr_null(third->identity);
    ck_assert_int_eq(show(first, "ada", NULL), TOKEN_OK); /* a refresh is no connection more */
    ck_assert_int_eq(session_identify(third, "ada", 3, "{}", 2), IDENTIFY_LIMIT);
    ck_assert_int_eq(show(third, "bob", NULL), TOKEN_OK);
    session_terminate(second, CAUSE_FORBIDDEN);
    node_turn();
    Session *fourth = node_open(&fakes[3]);
    ck_assert_int_eq(show(fourth, "ada", NULL), TOKEN_OK);
    end();
}
END_TEST

START_TEST(a_user_whose_connections_are_other_workers_is_refused_without_a_trace) {
    SessionOptions options = begin();
    options.user_limit = 1;
    node_begin(&options);
    uint64_t hash = hash_bytes("ada", 3);
    tally_add(users, hash);
    Session *session = node_open(&fakes[0]);
    ck_assert_int_eq(show(session, "ada", NULL), AUTHENTICATE_USER_LIMIT);
    ck_assert_uint_eq(node.table.users.n_nodes, 0);
    ck_assert(!session->is_counted);
    tally_remove(users, hash);
    ck_assert_int_eq(show(session, "ada", NULL), TOKEN_OK);
    end();
}
END_TEST

START_TEST(a_place_is_given_back_when_the_end_begins) {
    SessionOptions options = begin();
    options.user_limit = 1;
    node_begin(&options);
    Session *first = node_open(&fakes[0]), *second = node_open(&fakes[1]);
    ck_assert_int_eq(show(first, "ada", NULL), TOKEN_OK);
    session_close(first, CAUSE_FORBIDDEN);
    node_turn();
    ck_assert_int_eq(first->state, READY_STATE_CLOSING);
    ck_assert_int_eq(show(second, "ada", NULL), TOKEN_OK);
    end();
}
END_TEST

START_TEST(who_changes_its_name_leaves_the_place_of_the_old_one) {
    SessionOptions options = begin();
    options.user_limit = 1;
    node_begin(&options);
    Session *first = node_open(&fakes[0]), *second = node_open(&fakes[1]);
    ck_assert_int_eq(session_identify(first, "bob", 3, "{}", 2), IDENTIFY_OK);
    ck_assert_int_eq(session_identify(second, "bob", 3, "{}", 2), IDENTIFY_LIMIT);
    ck_assert_int_eq(show(first, "ada", NULL), TOKEN_OK);
    ck_assert_int_eq(session_identify(second, "bob", 3, "{}", 2), IDENTIFY_OK);
    end();
}
END_TEST

START_TEST(a_token_may_set_how_many_connections_its_user_has) {
    SessionOptions options = begin();
    options.user_limit = 1;
    node_begin(&options);
    Session *first = node_open(&fakes[0]), *second = node_open(&fakes[1]), *third = node_open(&fakes[2]);
    ck_assert_int_eq(show(first, "ada", "{\"connections\":2}"), TOKEN_OK);
    ck_assert_int_eq(show(second, "ada", "{\"connections\":2}"), TOKEN_OK);
    ck_assert_int_eq(show(third, "ada", "{\"connections\":2}"), AUTHENTICATE_USER_LIMIT);
    end();
}
END_TEST

START_TEST(a_tokens_limits_count_in_place_of_the_nodes) {
    SessionOptions options = begin();
    options.message_rate = (QuotaLimit){.per_second = 2, .burst = 2};
    options.subscriptions_limit = 1;
    node_begin(&options);
    Session *session = node_open(&fakes[0]);
    ck_assert_int_eq(show(session, NULL, "{\"messages\":4,\"subscriptions\":2}"), TOKEN_OK);
    for (unsigned i = 0; i < 5; i++)
        node_receive(session, "x");
    ck_assert_uint_eq(node.n_received, 4);
    ck_assert_uint_eq(node.n_limited, 1);
    ck_assert_int_eq(command_subscribe(session, "a", 1, 1), COMMAND_OK);
    ck_assert_int_eq(command_subscribe(session, "b", 1, 2), COMMAND_OK);
    ck_assert_int_eq(command_subscribe(session, "c", 1, 3), COMMAND_LIMIT);
    ck_assert_int_eq(show(session, NULL, NULL), TOKEN_OK); /* a refresh without them: the node's again */
    node_receive(session, "x");
    ck_assert_uint_eq(node.n_received, 4);
    end();
}
END_TEST

START_TEST(who_has_two_tokens_gets_no_more_than_the_better_of_them) {
    SessionOptions options = begin();
    node_begin(&options);
    Session *session = node_open(&fakes[0]);
    for (unsigned i = 0; i < 10; i++) {
        ck_assert_int_eq(show(session, "ada", "{\"messages\":8}"), TOKEN_OK);
        node_receive(session, "x");
        node_receive(session, "x");
        ck_assert_int_eq(show(session, "ada", "{\"messages\":1}"), TOKEN_OK);
    }
    ck_assert_uint_eq(node.n_received, 8);
    end();
}
END_TEST

START_TEST(a_tokens_limits_hold_where_the_node_has_none) {
    SessionOptions options = begin();
    node_begin(&options);
    Session *session = node_open(&fakes[0]);
    ck_assert_int_eq(show(session, "ada", "{\"messages\":1,\"bytes\":1}"), TOKEN_OK);
    node_receive(session, "x");
    ck_assert_uint_eq(node.n_received, 1);
    node_receive(session, "x");
    ck_assert_uint_eq(node.n_received, 1);
    ck_assert_uint_eq(limits_of_bytes(&options, session->token).burst, options.message_limit_bytes);
    end();
}
END_TEST

START_TEST(a_newer_token_drops_what_it_does_not_permit) {
    static const char *const both[] = {"shut:1", "shut:2"};
    SessionOptions options = begin();
    options.subscriptions_limit = 10;
    node_begin(&options);
    Session *session = node_open(&fakes[0]);
    sign(&(TokenClaims){.user = "ada", .subscribe = both, .n_subscribe = 2});
    ck_assert_int_eq(session_authenticate(session, (const char *)text.bytes, text.n_bytes), TOKEN_OK);
    ck_assert_int_eq(command_subscribe(session, "shut:1", 6, 1), COMMAND_OK);
    node_answer(true);
    ck_assert_int_eq(command_subscribe(session, "shut:2", 6, 2), COMMAND_OK);
    ck_assert_int_eq(command_subscribe(session, "open", 4, 3), COMMAND_OK);
    sign(&(TokenClaims){.channel = "shut:3"});
    ck_assert_int_eq(command_subscribe_by(session, "shut:3", 6, 4, (Position){0}, (const char *)text.bytes, text.n_bytes),
                     COMMAND_OK);
    const Control given = {.kind = CONTROL_SUBSCRIBE, .user = "ada", .n_user = 3, .channel = "shut:4", .n_channel = 6};
    ck_assert_uint_eq(session_table_control(&node.table, &given), 1);
    sign(&(TokenClaims){.user = "ada", .subscribe = both + 1, .n_subscribe = 1});
    ck_assert_int_eq(session_authenticate(session, (const char *)text.bytes, text.n_bytes), TOKEN_OK);
    ck_assert_uint_eq(node.n_unsubscribed, 1);
    ck_assert_str_eq(node.received, "shut:1");
    ck_assert_uint_eq(node.unsubscribed_code, 1008);
    ck_assert_uint_eq(node.request_id, 0);
    ck_assert_uint_eq(session->subscriber.n_subscriptions, 4);
    ck_assert_int_eq(show(session, "ada", NULL), TOKEN_OK);
    ck_assert_uint_eq(node.n_unsubscribed, 2);
    ck_assert_uint_eq(node.request_id, 2); /* it still waited */
    end();
}
END_TEST

START_TEST(who_shows_at_last_who_it_is_loses_the_channels_of_the_name_that_it_gave) {
    SessionOptions options = begin();
    node_begin(&options);
    Session *session = node_open(&fakes[0]);
    ck_assert_int_eq(session_identify(session, "bob", 3, "{}", 2), IDENTIFY_OK);
    ck_assert_int_eq(command_subscribe(session, "own:#bob", 8, 1), COMMAND_OK);
    ck_assert_int_eq(show(session, "ada", NULL), TOKEN_OK);
    ck_assert_uint_eq(node.n_unsubscribed, 1);
    end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_user_gets_its_connections_and_no_more,
        a_user_whose_connections_are_other_workers_is_refused_without_a_trace,
        a_place_is_given_back_when_the_end_begins,
        who_changes_its_name_leaves_the_place_of_the_old_one,
        a_token_may_set_how_many_connections_its_user_has,
        a_tokens_limits_count_in_place_of_the_nodes,
        who_has_two_tokens_gets_no_more_than_the_better_of_them,
        a_tokens_limits_hold_where_the_node_has_none,
        a_newer_token_drops_what_it_does_not_permit,
        who_shows_at_last_who_it_is_loses_the_channels_of_the_name_that_it_gave,
    };
    return run_suite("limits", tests, N_ELEMENTS(tests));
}
