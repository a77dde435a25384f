/* barker.v1: tokens in `auth` and `subscribe`. */
#include <errno.h>
#include <string.h>

#include "../base/suite.h"
#include "dialect/dialect.h"
#include "fake_session.h"
#include "session/authenticate.h"

static FakeSession fake;

static void start(void) {
    fake_session_init(&fake, &dialect_barker_v1);
}

static void end(const char *expected) {
    ck_assert_str_eq(fake_session_lines(&fake), expected);
    fake_session_finish(&fake);
}

static void receive(const char *text) {
    fake_session_receive(&fake, text, strlen(text), false);
}

static TokenText names[] = {{"a", 1}, {"b:1", 3}};
static Token naming = {.channels = {names, 2}};

START_TEST(an_auth_is_answered_by_ok) {
    start();
    receive("{\"type\":\"auth\",\"id\":1,\"token\":\"x.y.z\"}");
    end("auth x.y.z\nsent {\"type\":\"ok\",\"id\":1}\n");
}
END_TEST

START_TEST(the_channels_of_the_token_are_subscribed_behind_the_ok) {
    start();
    fake.token = &naming;
    receive("{\"type\":\"auth\",\"id\":1,\"token\":\"x\"}");
    end("auth x\nsent {\"type\":\"ok\",\"id\":1}\nsubscribe a id 0\nsubscribe b:1 id 0\n");
}
END_TEST

START_TEST(those_that_it_has_already_are_passed_over) {
    start();
    fake.token = &naming;
    fake.command_result = COMMAND_EXISTS;
    receive("{\"type\":\"auth\",\"id\":1,\"token\":\"x\"}");
    end("auth x\nsent {\"type\":\"ok\",\"id\":1}\nsubscribe a id 0\nsubscribe b:1 id 0\n");
}
END_TEST

START_TEST(the_channels_of_a_token_of_the_request_are_subscribed_behind_the_welcome) {
    start();
    fake.session.token = &naming;
    fake.command_result = COMMAND_FORBIDDEN;
    dialect_barker_v1.opened(&fake.session, "", 0);
    const char *lines = fake_session_lines(&fake);
    ck_assert_ptr_eq(strstr(lines, "sent {\"type\":\"welcome\""), lines);
    ck_assert_ptr_nonnull(
        strstr(lines, "subscribe b:1 id 0\nsent {\"type\":\"error\",\"channel\":\"b:1\",\"code\":\"forbidden\","));
    fake_session_finish(&fake);
}
END_TEST

START_TEST(a_token_that_is_refused_subscribes_to_nothing) {
    start();
    fake.token = &naming;
    fake.authenticate_result = TOKEN_BAD_SIGNATURE;
    receive("{\"type\":\"auth\",\"id\":1,\"token\":\"x\"}");
    end("auth x\nsent {\"type\":\"error\",\"id\":1,\"code\":\"bad_token\",\"message\":\"bad_signature\",\"retry\":false}\n");
}
END_TEST

START_TEST(without_memory_an_auth_ends_the_connection) {
    start();
    fake.authenticate_result = -ENOMEM;
    receive("{\"type\":\"auth\",\"id\":1,\"token\":\"x\"}");
    end("auth x\nclose out_of_memory 0 \n");
}
END_TEST

START_TEST(an_auth_needs_a_token_that_is_a_string_and_an_id) {
    static const char *const requests[] = {"{\"type\":\"auth\",\"id\":1}", "{\"type\":\"auth\",\"id\":1,\"token\":1}",
                                           "{\"type\":\"auth\",\"token\":\"x\"}"};
    for (size_t i = 0; i < N_ELEMENTS(requests); i++) {
        start();
        receive(requests[i]);
        ck_assert_ptr_nonnull(strstr(fake_session_lines(&fake), "\"code\":\"bad_message\""));
        ck_assert_ptr_null(strstr(fake_session_lines(&fake), "auth "));
        fake_session_finish(&fake);
    }
}
END_TEST

START_TEST(a_subscribe_may_bear_a_token_with_or_without_a_resume) {
    start();
    receive("{\"type\":\"subscribe\",\"id\":1,\"channel\":\"a\",\"token\":\"x\"}");
    receive("{\"type\":\"subscribe\",\"id\":2,\"channel\":\"b\",\"token\":\"y\",\"resume\":{\"epoch\":\"5\",\"seq\":1}}");
    end("subscribe a id 1\ntoken x\nresume b id 2\ntoken y\n");
}
END_TEST

START_TEST(a_user_with_too_many_connections_is_told_and_closed) {
    start();
    fake.authenticate_result = AUTHENTICATE_USER_LIMIT;
    receive("{\"type\":\"auth\",\"id\":1,\"token\":\"x\"}");
    end("auth x\nsent {\"type\":\"error\",\"id\":1,\"code\":\"too_many_connections\",\"message\":\"this user has as many "
        "connections "
        "as it may\",\"retry\":true}\nclose user_limit 0 \n");
}
END_TEST

START_TEST(a_subscribe_that_the_backend_ends_is_answered_before_the_notice) {
    start();
    dialect_barker_v1.unsubscribed(&fake.session, "a", 7, 4404, "x\"y");
    end("sent {\"type\":\"error\",\"id\":7,\"code\":\"cancelled\",\"message\":\"unsubscribed before the subscription was "
        "acknowledged\",\"retry\":false}\n"
        "sent {\"type\":\"unsubscribed\",\"channel\":\"a\",\"code\":4404,\"reason\":\"x\\\"y\"}\n");
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        an_auth_is_answered_by_ok,
        the_channels_of_the_token_are_subscribed_behind_the_ok,
        those_that_it_has_already_are_passed_over,
        the_channels_of_a_token_of_the_request_are_subscribed_behind_the_welcome,
        a_token_that_is_refused_subscribes_to_nothing,
        without_memory_an_auth_ends_the_connection,
        an_auth_needs_a_token_that_is_a_string_and_an_id,
        a_subscribe_may_bear_a_token_with_or_without_a_resume,
        a_user_with_too_many_connections_is_told_and_closed,
        a_subscribe_that_the_backend_ends_is_answered_before_the_notice,
    };
    return run_suite("barker_v1_auth", tests, N_ELEMENTS(tests));
}
