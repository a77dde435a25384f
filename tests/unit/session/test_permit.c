#include "session/permit.h"

#include <string.h>

#include "fake_node.h"
#include "session/identity.h"
#include "suite.h"

static FakeTransport fake;
static Session *session;

static Namespace items[] = {
    {.name = "anyone", .subscribe = ACCESS_ANYONE, .publish = ACCESS_ANYONE},
    {.name = "user", .subscribe = ACCESS_USER, .publish = ACCESS_USER},
    {.name = "token", .subscribe = ACCESS_TOKEN, .publish = ACCESS_TOKEN},
    {.name = "nobody", .subscribe = ACCESS_NOBODY, .publish = ACCESS_NOBODY},
    {.name = "own", .subscribe = ACCESS_ANYONE, .publish = ACCESS_TOKEN, .is_own = true},
};
static const Namespaces namespaces = {.items = items, .n_items = N_ELEMENTS(items)};

static TokenText reading[] = {{"token:r*", 8}}, writing[] = {{"token:w*", 8}, {"own:*", 5}}, named[] = {{"token:named", 11}};
static Token ada = {.user = {"ada", 3}, .subscribe = {reading, 1}, .publish = {writing, 2}, .channels = {named, 1}};
static Token nameless = {.subscribe = {reading, 1}};

static void begin_with(Token *token, bool is_auth_required) {
    SessionOptions options = fake_options;
    options.namespaces = &namespaces;
    options.is_auth_required = is_auth_required;
    node_begin(&options);
    session = node_open(&fake);
    session->token = token;
    if (token && token->user.n_text > 0)
        ck_assert_int_eq(session_identify(session, token->user.text, token->user.n_text, "{}", 2), 0);
}

/* The tokens are not of the heap. */
static void end(void) {
    session->token = NULL;
    node_end();
}

static CommandResult subscribe(const char *channel) {
    return permit_subscribe(session, channel, strlen(channel), NULL);
}

static CommandResult publish(const char *channel) {
    return permit_publish(session, channel, strlen(channel));
}

START_TEST(without_a_token_only_what_is_open_is_allowed) {
    begin_with(NULL, false);
    ck_assert_int_eq(subscribe("anyone:x"), COMMAND_OK);
    ck_assert_int_eq(publish("anyone:x"), COMMAND_OK);
    ck_assert_int_eq(subscribe("user:x"), COMMAND_UNAUTHORIZED);
    ck_assert_int_eq(publish("user:x"), COMMAND_UNAUTHORIZED);
    ck_assert_int_eq(subscribe("token:read"), COMMAND_UNAUTHORIZED);
    ck_assert_int_eq(subscribe("nobody:x"), COMMAND_FORBIDDEN);
    ck_assert_int_eq(publish("nobody:x"), COMMAND_FORBIDDEN);
    ck_assert_int_eq(subscribe("other"), COMMAND_FORBIDDEN);
    end();
}
END_TEST

START_TEST(a_token_allows_what_it_says_and_what_its_user_may) {
    begin_with(&ada, false);
    ck_assert_int_eq(subscribe("user:x"), COMMAND_OK);
    ck_assert_int_eq(publish("user:x"), COMMAND_OK);
    ck_assert_int_eq(subscribe("token:read"), COMMAND_OK);
    ck_assert_int_eq(publish("token:read"), COMMAND_FORBIDDEN);
    ck_assert_int_eq(publish("token:write"), COMMAND_OK);
    ck_assert_int_eq(subscribe("token:write"), COMMAND_FORBIDDEN);
    ck_assert_int_eq(subscribe("token:named"), COMMAND_OK);
    ck_assert_int_eq(subscribe("nobody:x"), COMMAND_FORBIDDEN);
    end();
}
END_TEST

START_TEST(a_token_without_a_user_is_no_user) {
    begin_with(&nameless, false);
    ck_assert_int_eq(subscribe("user:x"), COMMAND_FORBIDDEN);
    ck_assert_int_eq(subscribe("token:read"), COMMAND_OK);
    end();
}
END_TEST

START_TEST(an_own_channel_is_for_the_user_behind_its_last_hash) {
    begin_with(&ada, false);
    ck_assert_int_eq(subscribe("own:#ada"), COMMAND_OK);
    ck_assert_int_eq(subscribe("own:x#bob#ada"), COMMAND_OK);
    ck_assert_int_eq(subscribe("own:#bob"), COMMAND_FORBIDDEN);
    ck_assert_int_eq(subscribe("own:#ada#"), COMMAND_FORBIDDEN);
    ck_assert_int_eq(subscribe("own:everybody"), COMMAND_OK);
    ck_assert_int_eq(publish("own:#ada"), COMMAND_OK);
    ck_assert_int_eq(publish("own:#bob"), COMMAND_FORBIDDEN);
    end();
    begin_with(NULL, false);
    ck_assert_int_eq(subscribe("own:#ada"), COMMAND_UNAUTHORIZED);
    ck_assert_int_eq(subscribe("own:#"), COMMAND_UNAUTHORIZED);
    end();
}
END_TEST

START_TEST(where_a_token_is_required_nothing_is_open_without_one) {
    begin_with(NULL, true);
    ck_assert_int_eq(subscribe("anyone:x"), COMMAND_UNAUTHORIZED);
    ck_assert_int_eq(publish("anyone:x"), COMMAND_UNAUTHORIZED);
    ck_assert_int_eq(subscribe("nobody:x"), COMMAND_FORBIDDEN);
    end();
    begin_with(&nameless, true);
    ck_assert_int_eq(subscribe("anyone:x"), COMMAND_OK);
    end();
}
END_TEST

START_TEST(a_token_that_is_shown_opens_its_channel_where_tokens_do) {
    Token one = {.channel = {"token:one", 9}}, of_bob = {.channel = {"token:one", 9}, .user = {"bob", 3}};
    Token none = {.channel = {"nobody:x", 8}}, user = {.channel = {"user:x", 6}};
    begin_with(NULL, false);
    ck_assert_int_eq(permit_subscribe(session, "token:one", 9, &one), COMMAND_OK);
    ck_assert_int_eq(permit_subscribe(session, "token:two", 9, &one), COMMAND_UNAUTHORIZED);
    ck_assert_int_eq(permit_subscribe(session, "token:one", 9, &of_bob), COMMAND_UNAUTHORIZED);
    ck_assert_int_eq(permit_subscribe(session, "nobody:x", 8, &none), COMMAND_FORBIDDEN);
    ck_assert_int_eq(permit_subscribe(session, "user:x", 6, &user), COMMAND_UNAUTHORIZED);
    end();
    begin_with(&ada, false);
    ck_assert_int_eq(permit_subscribe(session, "token:one", 9, &one), COMMAND_OK);
    ck_assert_int_eq(permit_subscribe(session, "token:one", 9, &of_bob), COMMAND_FORBIDDEN);
    end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        without_a_token_only_what_is_open_is_allowed,
        a_token_allows_what_it_says_and_what_its_user_may,
        a_token_without_a_user_is_no_user,
        an_own_channel_is_for_the_user_behind_its_last_hash,
        where_a_token_is_required_nothing_is_open_without_one,
        a_token_that_is_shown_opens_its_channel_where_tokens_do,
    };
    return run_suite("permit", tests, N_ELEMENTS(tests));
}
