#include "session/authenticate.h"

#include <errno.h>
#include <string.h>

#include "auth/token_sign.h"
#include "failing_memory.h"
#include "fake_node.h"
#include "session/commands.h"
#include "suite.h"

enum { NOW_S = 1700000000 };

static FakeTransport fake;
static Session *session;
static Keyring *ring;
static Buf text;

static Namespace items[] = {{.name = "room", .has_presence = true, OPEN_TO_ALL}, {.name = "shut", .subscribe = ACCESS_TOKEN}};
static const Namespaces namespaces = {.items = items, .n_items = N_ELEMENTS(items)};

static uint64_t wall_ms(void) {
    return UINT64_C(1000) * NOW_S + (node.now_ms - 1000000);
}

static void begin(bool is_auth_required) {
    SessionOptions options = fake_options;
    Buf problems;
    buf_init(&problems, 256);
    buf_init(&text, 2 * TOKEN_TEXT_MAX);
    ck_assert_int_eq(keyring_new(&ring), 0);
    ck_assert_int_eq(keyring_add_text(ring, "hs256:0123456789abcdef0123456789abcdef", "test", &problems), KEYRING_OK);
    buf_finish(&problems);
    options.namespaces = &namespaces;
    options.keyring = ring;
    options.wall_ms = wall_ms;
    options.is_auth_required = is_auth_required;
    node_begin(&options);
}

static void end(void) {
    node_end();
    buf_finish(&text);
    ring = keyring_free(ring);
}

static int show(const TokenClaims *claims) {
    buf_clear(&text);
    ck_assert_int_eq(token_sign(&text, ring, claims), TOKEN_SIGN_OK);
    return session_authenticate(session, (const char *)text.bytes, text.n_bytes);
}

static int show_user(const char *user, int64_t expires_s) {
    return show(&(TokenClaims){.user = user, .expires_s = expires_s});
}

START_TEST(a_token_makes_its_user_the_sessions) {
    begin(false);
    session = node_open(&fake);
    ck_assert_int_eq(show(&(TokenClaims){.user = "a\"\\b", .info = "{\"n\":1}"}), TOKEN_OK);
    ck_assert_ptr_nonnull(session->token);
    static const char whole[] = "a\"\\b{\"user\":\"a\\\"\\\\b\",\"info\":{\"n\":1}}";
    ck_assert_uint_eq(session->n_user + session->n_member, sizeof(whole) - 1);
    ck_assert_mem_eq(session->identity, whole, sizeof(whole) - 1);
    end();
}
END_TEST

START_TEST(a_bad_token_changes_nothing_and_is_counted) {
    begin(false);
    session = node_open(&fake);
    ck_assert_int_eq(show_user("ada", 0), TOKEN_OK);
    const Token *before = session->token;
    ck_assert_int_eq(session_authenticate(session, "x", 1), TOKEN_MALFORMED);
    ck_assert_int_eq(show_user("ada", NOW_S - 1), TOKEN_EXPIRED);
    text.bytes[text.n_bytes - 2] ^= 1;
    ck_assert_int_ne(session_authenticate(session, (const char *)text.bytes, text.n_bytes), TOKEN_OK);
    ck_assert_ptr_eq(session->token, before);
    ck_assert_uint_eq(counter_read(&node.table.counters.refused_tokens), 3);
    end();
}
END_TEST

START_TEST(without_a_key_no_token_is_good) {
    begin(false);
    session = node_open(&fake);
    node.table.options.keyring = NULL;
    ck_assert_int_eq(show_user("ada", 0), TOKEN_NO_SUCH_KEY);
    ck_assert_str_eq(authenticate_result_name(TOKEN_NO_SUCH_KEY), token_result_name(TOKEN_NO_SUCH_KEY));
    end();
}
END_TEST

START_TEST(a_connection_stays_with_its_user) {
    begin(false);
    session = node_open(&fake);
    ck_assert_int_eq(show_user("ada", 0), TOKEN_OK);
    ck_assert_int_eq(show_user("eve", 0), AUTHENTICATE_OTHER_USER);
    ck_assert_int_eq(show_user(NULL, 0), AUTHENTICATE_OTHER_USER);
    ck_assert_str_eq(session->token->user.text, "ada");
    ck_assert_str_eq(authenticate_result_name(AUTHENTICATE_OTHER_USER), "other_user");
    end();
}
END_TEST

START_TEST(an_expired_token_closes_after_the_grace) {
    begin(false);
    session = node_open(&fake);
    ck_assert_int_eq(show_user("ada", NOW_S + 10), TOKEN_OK);
    node_pass(14900);
    ck_assert_int_eq(session->state, READY_STATE_OPEN);
    node_pass(200);
    ck_assert_uint_eq(count_closed(CAUSE_TOKEN_EXPIRED), 1);
    end();
}
END_TEST

START_TEST(a_refresh_moves_the_expiry) {
    begin(false);
    session = node_open(&fake);
    ck_assert_int_eq(show_user("ada", NOW_S + 10), TOKEN_OK);
    node_pass(12000); /* within the grace */
    ck_assert_int_eq(show_user("ada", NOW_S + 15), TOKEN_OK);
    node_pass(5000);
    ck_assert_int_eq(session->state, READY_STATE_OPEN);
    node_pass(3100);
    ck_assert_uint_eq(count_closed(CAUSE_TOKEN_EXPIRED), 1);
    end();
}
END_TEST

START_TEST(a_token_of_the_upgrade_counts_from_the_opening) {
    begin(true);
    session = node_connect(&fake);
    ck_assert_int_eq(show_user("ada", NOW_S + 12), TOKEN_OK);
    node_pass(2000);
    session_open(session, &fake_dialect, "", 0);
    node_pass(14900);
    ck_assert_int_eq(session->state, READY_STATE_OPEN);
    node_pass(200);
    ck_assert_uint_eq(count_closed(CAUSE_TOKEN_EXPIRED), 1);
    end();
}
END_TEST

START_TEST(where_a_token_is_required_it_must_come_in_time) {
    begin(true);
    session = node_open(&fake);
    node_pass(9900);
    ck_assert_int_eq(session->state, READY_STATE_OPEN);
    node_pass(200);
    ck_assert_uint_eq(count_closed(CAUSE_AUTH_TIMEOUT), 1);
    FakeTransport other;
    session = node_open(&other);
    ck_assert_int_eq(show_user(NULL, 0), TOKEN_OK);
    node_pass(10100);
    ck_assert_uint_eq(count_closed(CAUSE_AUTH_TIMEOUT), 1);
    end();
}
END_TEST

START_TEST(who_says_later_who_it_is_leaves_presence_as_nobody) {
    begin(false);
    session = node_open(&fake);
    ck_assert_int_eq(command_subscribe(session, "room:1", 6, 1), COMMAND_OK);
    node_answer(true);
    ck_assert_int_eq(command_subscribe(session, "room:2", 6, 2), COMMAND_OK); /* not yet granted */
    ck_assert_int_eq(show_user("ada", 0), TOKEN_OK);
    ck_assert_uint_eq(node.n_left, 1);
    ck_assert_uint_eq(node.n_entered, 2);
    ck_assert_str_eq(node.asked, "room:1");
    ck_assert_str_eq(node.user, "ada");
    ck_assert_int_eq(show_user("ada", NOW_S + 60), TOKEN_OK);
    ck_assert_uint_eq(node.n_left, 1);
    end();
}
END_TEST

START_TEST(a_channel_token_is_looked_at_for_one_subscribe) {
    begin(false);
    session = node_open(&fake);
    buf_clear(&text);
    ck_assert_int_eq(token_sign(&text, ring, &(TokenClaims){.channel = "shut:1", .expires_s = NOW_S + 1}), TOKEN_SIGN_OK);
    const char *token = (const char *)text.bytes;
    const Position none = {0};
    ck_assert_int_eq(command_subscribe_by(session, "shut:2", 6, 1, none, token, text.n_bytes), COMMAND_UNAUTHORIZED);
    ck_assert_int_eq(command_subscribe_by(session, "shut:1", 6, 1, none, token, text.n_bytes - 1), COMMAND_BAD_TOKEN);
    ck_assert_int_eq(command_subscribe_by(session, "shut:1", 6, 1, none, token, text.n_bytes), COMMAND_OK);
    ck_assert_ptr_null(session->token);
    ck_assert_int_eq(command_unsubscribe(session, "shut:1", 6), COMMAND_OK);
    node_pass(2000);
    ck_assert_int_eq(command_subscribe_by(session, "shut:1", 6, 1, (Position){5, 1}, token, text.n_bytes),
                     COMMAND_TOKEN_EXPIRED);
    end();
}
END_TEST

START_TEST(without_memory_nothing_changes) {
    begin(false);
    session = node_open(&fake);
    ck_assert_int_eq(show_user("ada", 0), TOKEN_OK);
    ck_assert_int_eq(show(&(TokenClaims){.user = "ada", .info = "1"}), TOKEN_OK);
    const Token *before = session->token;
    ck_assert_int_eq(show_user("ada", 0), TOKEN_OK);
    before = session->token;
    buf_clear(&text);
    ck_assert_int_eq(token_sign(&text, ring, &(TokenClaims){.user = "ada", .info = "2"}), TOKEN_SIGN_OK);
    memory_fail_at(1);
    ck_assert_int_eq(session_authenticate(session, (const char *)text.bytes, text.n_bytes), -ENOMEM);
    ck_assert_ptr_eq(session->token, before);
    ck_assert_int_eq(session_authenticate(session, (const char *)text.bytes, text.n_bytes), TOKEN_OK);
    end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_token_makes_its_user_the_sessions,
        a_bad_token_changes_nothing_and_is_counted,
        without_a_key_no_token_is_good,
        a_connection_stays_with_its_user,
        an_expired_token_closes_after_the_grace,
        a_refresh_moves_the_expiry,
        a_token_of_the_upgrade_counts_from_the_opening,
        where_a_token_is_required_it_must_come_in_time,
        who_says_later_who_it_is_leaves_presence_as_nobody,
        a_channel_token_is_looked_at_for_one_subscribe,
        without_memory_nothing_changes,
    };
    return run_suite("authenticate", tests, N_ELEMENTS(tests));
}
