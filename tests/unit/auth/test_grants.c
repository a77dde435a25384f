#include "auth/grants.h"

#include <string.h>
#include <time.h>

#include "../base/suite.h"

static bool matches(const char *pattern, const char *text) {
    return grants_match(pattern, strlen(pattern), text, strlen(text));
}

static TokenText word(const char *text) {
    return (TokenText){.text = text, .n_text = strlen(text)};
}

static Ownership ownership(const char *channel, const char *user) {
    return grants_ownership(channel, strlen(channel), user, strlen(user));
}

START_TEST(a_star_stands_for_any_run_of_characters) {
    ck_assert(matches("*", "") && matches("*", "chat:1") && matches("chat:*", "chat:") && matches("chat:*", "chat:1:2"));
    ck_assert(matches("*:1", "chat:1") && matches("a*b*c", "abc") && matches("a*b*c", "axxbxbxc") && matches("a**c", "abc"));
    ck_assert(!matches("chat:*", "chat") && !matches("a*b", "abc") && !matches("a*b*c", "acb") && !matches("", "a"));
    ck_assert(matches("", "") && matches("plain", "plain") && !matches("plain", "plain2") && !matches("plain2", "plain"));
}
END_TEST

START_TEST(everything_but_a_star_stands_for_itself) {
    ck_assert(matches("a?[b]\\", "a?[b]\\"));
    ck_assert(!matches("a?", "ab") && !matches("[ab]", "a") && !matches("\\*", "*") && !matches("A", "a"));
}
END_TEST

START_TEST(many_stars_do_not_explode) {
    char pattern[256], text[256];
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = i % 2 == 0 ? '*' : 'a';
    memset(text, 'a', sizeof(text));
    pattern[sizeof(pattern) - 1] = 'b';
    clock_t before = clock();
    for (unsigned i = 0; i < 100; i++)
        ck_assert(!grants_match(pattern, sizeof(pattern), text, sizeof(text)));
    ck_assert_int_lt((clock() - before) / CLOCKS_PER_SEC, 5);
}
END_TEST

START_TEST(no_token_grants_nothing) {
    const Token empty = {.expires_s = 0};
    ck_assert(!grants_subscribe(NULL, "a", 1) && !grants_publish(NULL, "a", 1) && !grants_opens(NULL, "", 0, "a", 1));
    ck_assert(!grants_subscribe(&empty, "a", 1) && !grants_publish(&empty, "a", 1) && !grants_opens(&empty, "", 0, "a", 1));
    ck_assert(!grants_opens(&empty, "", 0, "", 0));
}
END_TEST

START_TEST(patterns_grant_what_they_are_for) {
    const TokenText patterns[] = {word("news"), word("chat:*")};
    const TokenText names[] = {word("inbox")};
    const Token token = {.subscribe = {patterns, 2}, .publish = {patterns + 1, 1}, .channels = {names, 1}};
    ck_assert(grants_subscribe(&token, "news", 4) && grants_subscribe(&token, "chat:1", 6) &&
              grants_subscribe(&token, "inbox", 5));
    ck_assert(grants_publish(&token, "chat:1", 6));
    ck_assert(!grants_publish(&token, "news", 4) && !grants_publish(&token, "inbox", 5) &&
              !grants_subscribe(&token, "inbox2", 6));
}
END_TEST

START_TEST(a_listed_name_is_no_pattern) {
    const TokenText names[] = {word("chat:*")};
    const Token token = {.channels = {names, 1}, .channel = word("*")};
    ck_assert(!grants_subscribe(&token, "chat:1", 6) && grants_subscribe(&token, "chat:*", 6));
    ck_assert(!grants_opens(&token, "", 0, "x", 1) && grants_opens(&token, "", 0, "*", 1));
}
END_TEST

START_TEST(a_channel_token_opens_its_channel_for_its_user) {
    const Token bound = {.channel = word("private:1"), .user = word("alice")};
    const Token unbound = {.channel = word("private:1")};
    ck_assert(grants_opens(&bound, "alice", 5, "private:1", 9) && grants_opens(&unbound, "bob", 3, "private:1", 9));
    ck_assert(grants_opens(&unbound, NULL, 0, "private:1", 9));
    ck_assert(!grants_opens(&bound, "bob", 3, "private:1", 9) && !grants_opens(&bound, NULL, 0, "private:1", 9));
    ck_assert(!grants_opens(&bound, "alice", 5, "private:2", 9) && !grants_publish(&bound, "private:1", 9));
}
END_TEST

START_TEST(a_name_belongs_to_who_stands_behind_its_last_mark) {
    ck_assert_int_eq(ownership("chat", "alice"), OWNED_BY_NONE);
    ck_assert_int_eq(ownership("chat#alice", "alice"), OWNED_BY_USER);
    ck_assert_int_eq(ownership("#alice", "alice"), OWNED_BY_USER);
    ck_assert_int_eq(ownership("chat#alice", "bob"), OWNED_BY_OTHER);
    ck_assert_int_eq(ownership("chat#alice", "lice"), OWNED_BY_OTHER);
    ck_assert_int_eq(ownership("chat#alice", ""), OWNED_BY_OTHER);
    ck_assert_int_eq(ownership("chat#", ""), OWNED_BY_OTHER);
    ck_assert_int_eq(ownership("chat#alice#bob", "bob"), OWNED_BY_USER);
    ck_assert_int_eq(ownership("chat#alice#bob", "alice#bob"), OWNED_BY_OTHER);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_star_stands_for_any_run_of_characters,
        everything_but_a_star_stands_for_itself,
        many_stars_do_not_explode,
        no_token_grants_nothing,
        patterns_grant_what_they_are_for,
        a_listed_name_is_no_pattern,
        a_channel_token_opens_its_channel_for_its_user,
        a_name_belongs_to_who_stands_behind_its_last_mark,
    };
    return run_suite("auth/grants", tests, N_ELEMENTS(tests));
}
