#include <stdio.h>
#include <string.h>

#include "../base/suite.h"
#include "auth_fixture.h"

enum { NOW_S = 1000000 };

static int result_of(const char *payload, const TokenRules *rules) {
    Keyring *ring = ring_of(SECRET_TEXT);
    char *text = mint(ring, "{\"alg\":\"HS256\"}", payload);
    int r = verify_by(ring, text, rules, NOW_S);
    free(text);
    keyring_free(ring);
    return r;
}

static void assert_claims(const char *payload, TokenResult expected) {
    const TokenRules rules = {.leeway_s = 30};
    int r = result_of(payload, &rules);
    ck_assert_msg(r == (int)expected, "%s: %s", payload, token_result_name((TokenResult)r));
}

static void assert_list(const TokenList *list, size_t n, const char *first) {
    ck_assert_uint_eq(list->n_items, n);
    if (n > 0)
        ck_assert_str_eq(list->items[0].text, first);
}

START_TEST(everything_that_a_token_says_is_read) {
    static const char payload[] =
        "{\"sub\":\"alice\",\"info\":{\"name\":\"A \\u00e9\", "
        "\"n\":[1,null]},\"channel\":\"private:1\",\"channels\":[\"inbox\",\"news\"],"
        "\"subscribe\":[\"chat:*\"],\"publish\":[\"chat:\\u20ac\",\"x\",\"y\"],\"exp\":2000000.5,"
        "\"nbf\":999999,\"iat\":999998,"
        "\"limits\":{\"messages\":5,\"bytes\":4294967295,\"subscriptions\":7,\"connections\":8,\"x\":\"\"}}";
    const TokenRules rules = {.leeway_s = 0};
    Keyring *ring = ring_of(SECRET_TEXT);
    char *text = mint(ring, "{\"alg\":\"HS256\"}", payload);
    Token *token = NULL;
    ck_assert_int_eq(token_verify(&token, ring, text, strlen(text), &rules, NOW_S), TOKEN_OK);
    free(text);
    keyring_free(ring);
    ck_assert_str_eq(token->user.text, "alice");
    ck_assert_uint_eq(token->user.n_text, 5);
    ck_assert_str_eq(token->info.text, "{\"name\":\"A \xc3\xa9\",\"n\":[1,null]}");
    ck_assert_uint_eq(token->info.n_text, strlen(token->info.text));
    ck_assert_str_eq(token->channel.text, "private:1");
    assert_list(&token->channels, 2, "inbox");
    ck_assert_str_eq(token->channels.items[1].text, "news");
    assert_list(&token->subscribe, 1, "chat:*");
    assert_list(&token->publish, 3, "chat:\xe2\x82\xac");
    ck_assert_uint_eq(token->publish.items[0].n_text, 8);
    ck_assert_int_eq(token->expires_s, 2000000);
    ck_assert_int_eq(token->not_before_s, 999999);
    ck_assert_int_eq(token->issued_s, 999998);
    ck_assert_uint_eq(token->limits.messages, 5);
    ck_assert_uint_eq(token->limits.bytes, UINT32_MAX);
    ck_assert_uint_eq(token->limits.subscriptions, 7);
    ck_assert_uint_eq(token->limits.connections, 8);
    ck_assert_ptr_null(token_free(token));
}
END_TEST

START_TEST(what_a_token_leaves_out_is_absent) {
    const TokenRules rules = {.leeway_s = 0};
    Keyring *ring = ring_of(SECRET_TEXT);
    char *text = mint(ring, "{\"alg\":\"HS256\"}", "{\"unknown\":{\"deep\":[[[]]]}}");
    Token *token = NULL;
    ck_assert_int_eq(token_verify(&token, ring, text, strlen(text), &rules, NOW_S), TOKEN_OK);
    free(text);
    keyring_free(ring);
    ck_assert_ptr_null(token->user.text);
    ck_assert_ptr_null(token->info.text);
    ck_assert_ptr_null(token->channel.text);
    ck_assert_uint_eq(token->channels.n_items + token->subscribe.n_items + token->publish.n_items, 0);
    ck_assert_int_eq(token->expires_s, 0);
    token_free(token);
    ck_assert_ptr_null(token_free(NULL));
}
END_TEST

START_TEST(a_token_expires_once_the_leeway_is_over) {
    assert_claims("{\"exp\":1000001}", TOKEN_OK);
    assert_claims("{\"exp\":999971}", TOKEN_OK);
    assert_claims("{\"exp\":999970}", TOKEN_EXPIRED);
    assert_claims("{\"exp\":999970.9}", TOKEN_EXPIRED);
    assert_claims("{\"exp\":0}", TOKEN_EXPIRED);
}
END_TEST

START_TEST(a_token_is_not_valid_before_its_time) {
    assert_claims("{\"nbf\":1000030}", TOKEN_OK);
    assert_claims("{\"nbf\":1000031}", TOKEN_NOT_YET_VALID);
    assert_claims("{\"iat\":1000030}", TOKEN_OK);
    assert_claims("{\"iat\":1000031}", TOKEN_NOT_YET_VALID);
    assert_claims("{\"nbf\":0,\"iat\":0}", TOKEN_OK);
    assert_claims("{\"exp\":1,\"nbf\":9000000}", TOKEN_EXPIRED);
}
END_TEST

START_TEST(times_that_are_none_are_bad_claims) {
    static const char *const values[] = {
        "\"1\"", "null",  "true", "-1", "-0.5", "[1]", "{}", "1e16", "9007199254740993", "1e308", "99999999999999999999999",
        "1e999", "-1e999"};
    for (size_t i = 0; i < N_ELEMENTS(values); i++) {
        char payload[64];
        snprintf(payload, sizeof(payload), "{\"exp\":%s}", values[i]);
        assert_claims(payload, TOKEN_BAD_CLAIMS);
        snprintf(payload, sizeof(payload), "{\"nbf\":%s}", values[i]);
        assert_claims(payload, TOKEN_BAD_CLAIMS);
        snprintf(payload, sizeof(payload), "{\"iat\":%s}", values[i]);
        assert_claims(payload, TOKEN_BAD_CLAIMS);
    }
    assert_claims("{\"exp\":9007199254740991}", TOKEN_OK);
}
END_TEST

START_TEST(the_audience_must_be_ours) {
    const TokenRules ours = {.audience = "barker"}, none = {.audience = NULL};
    ck_assert_int_eq(result_of("{\"aud\":\"barker\"}", &ours), TOKEN_OK);
    ck_assert_int_eq(result_of("{\"aud\":[\"other\",\"barker\"]}", &ours), TOKEN_OK);
    ck_assert_int_eq(result_of("{\"aud\":\"Barker\"}", &ours), TOKEN_WRONG_AUDIENCE);
    ck_assert_int_eq(result_of("{\"aud\":[]}", &ours), TOKEN_WRONG_AUDIENCE);
    ck_assert_int_eq(result_of("{}", &ours), TOKEN_WRONG_AUDIENCE);
    ck_assert_int_eq(result_of("{\"aud\":\"barker\"}", &none), TOKEN_WRONG_AUDIENCE);
    ck_assert_int_eq(result_of("{\"aud\":1}", &ours), TOKEN_BAD_CLAIMS);
    ck_assert_int_eq(result_of("{\"aud\":[\"barker\",1]}", &ours), TOKEN_BAD_CLAIMS);
}
END_TEST

START_TEST(the_issuer_must_be_the_one_that_we_trust) {
    const TokenRules ours = {.issuer = "https://id.example/"}, any = {.issuer = NULL};
    ck_assert_int_eq(result_of("{\"iss\":\"https://id.example/\"}", &ours), TOKEN_OK);
    ck_assert_int_eq(result_of("{\"iss\":\"https://id.example\"}", &ours), TOKEN_WRONG_ISSUER);
    ck_assert_int_eq(result_of("{\"iss\":[\"https://id.example/\"]}", &ours), TOKEN_WRONG_ISSUER);
    ck_assert_int_eq(result_of("{}", &ours), TOKEN_WRONG_ISSUER);
    ck_assert_int_eq(result_of("{\"iss\":\"anyone\"}", &any), TOKEN_OK);
}
END_TEST

START_TEST(claims_of_the_wrong_form_are_bad) {
    static const char *const payloads[] = {"{\"sub\":1}",
                                           "{\"sub\":\"\"}",
                                           "{\"sub\":\"a\\nb\"}",
                                           "{\"sub\":null}",
                                           "{\"channel\":[]}",
                                           "{\"channel\":\"\"}",
                                           "{\"channels\":\"a\"}",
                                           "{\"channels\":[1]}",
                                           "{\"channels\":[\"\"]}",
                                           "{\"subscribe\":{\"a\":1}}",
                                           "{\"publish\":[\"a\",\"\\u0001\"]}",
                                           "{\"subscribe\":null}",
                                           "{\"sub\":\"a\",\"sub\":\"b\"}",
                                           "{\"limits\":5}",
                                           "{\"limits\":null}",
                                           "{\"limits\":[]}",
                                           "{\"limits\":{\"messages\":0}}",
                                           "{\"limits\":{\"bytes\":-1}}",
                                           "{\"limits\":{\"bytes\":4294967296}}",
                                           "{\"limits\":{\"subscriptions\":1.5}}",
                                           "{\"limits\":{\"connections\":\"1\"}}",
                                           "{\"x\":{\"a\":1,\"a\":1}}"};
    for (size_t i = 0; i < N_ELEMENTS(payloads); i++)
        assert_claims(payloads[i], TOKEN_BAD_CLAIMS);
}
END_TEST

START_TEST(where_an_expiry_is_required_there_must_be_one) {
    const TokenRules strict = {.needs_expiry = true};
    ck_assert_int_eq(result_of("{\"sub\":\"a\"}", &strict), TOKEN_NO_EXPIRY);
    ck_assert_int_eq(result_of("{\"exp\":999999}", &strict), TOKEN_EXPIRED);
    ck_assert_int_eq(result_of("{\"exp\":1000001}", &strict), TOKEN_OK);
}
END_TEST

START_TEST(a_payload_that_is_no_object_is_malformed) {
    static const char *const payloads[] = {
        "", "[]", "1", "\"a\"", "null", "{", "{}{}", "{'a':1}", "{\"a\":\"\\u0000\"}", "{\"a\":1,}"};
    for (size_t i = 0; i < N_ELEMENTS(payloads); i++)
        assert_claims(payloads[i], TOKEN_MALFORMED);
}
END_TEST

START_TEST(bad_utf_8_and_nul_bytes_are_malformed) {
    static const char *const payloads[] = {"{\"sub\":\"\xff\"}", "{\"sub\":\"\xc0\x80\"}", "{\"sub\":\"\xed\xa0\x80\"}"};
    for (size_t i = 0; i < N_ELEMENTS(payloads); i++)
        assert_claims(payloads[i], TOKEN_MALFORMED);
    Keyring *ring = ring_of(SECRET_TEXT);
    char *text = mint_bytes(ring, "{\"alg\":\"HS256\"}", "{}\0{}", 5);
    ck_assert_int_eq(verify(ring, text, NOW_S), TOKEN_MALFORMED);
    free(text);
    keyring_free(ring);
}
END_TEST

START_TEST(names_lists_and_info_have_limits) {
    char payload[4096], long_text[2048];
    memset(long_text, 'u', sizeof(long_text));
    snprintf(payload, sizeof(payload), "{\"sub\":\"%.255s\"}", long_text);
    assert_claims(payload, TOKEN_OK);
    snprintf(payload, sizeof(payload), "{\"sub\":\"%.256s\"}", long_text);
    assert_claims(payload, TOKEN_BAD_CLAIMS);
    snprintf(payload, sizeof(payload), "{\"publish\":[\"%.256s\"]}", long_text);
    assert_claims(payload, TOKEN_BAD_CLAIMS);
    snprintf(payload, sizeof(payload), "{\"info\":\"%.1022s\"}", long_text);
    assert_claims(payload, TOKEN_OK);
    snprintf(payload, sizeof(payload), "{\"info\":\"%.1023s\"}", long_text);
    assert_claims(payload, TOKEN_BAD_CLAIMS);
    for (size_t n = TOKEN_LIST_MAX; n <= TOKEN_LIST_MAX + 1; n++) {
        size_t at = (size_t)snprintf(payload, sizeof(payload), "{\"subscribe\":[\"a\"");
        for (size_t i = 1; i < n; i++)
            at += (size_t)snprintf(payload + at, sizeof(payload) - at, ",\"a\"");
        snprintf(payload + at, sizeof(payload) - at, "]}");
        assert_claims(payload, n > TOKEN_LIST_MAX ? TOKEN_BAD_CLAIMS : TOKEN_OK);
    }
}
END_TEST

START_TEST(deep_nesting_is_no_harm) {
    char payload[6000];
    memset(payload, '[', sizeof(payload));
    memcpy(payload, "{\"a\":", 5);
    payload[sizeof(payload) - 1] = '\0';
    assert_claims(payload, TOKEN_MALFORMED);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        everything_that_a_token_says_is_read,
        what_a_token_leaves_out_is_absent,
        a_token_expires_once_the_leeway_is_over,
        a_token_is_not_valid_before_its_time,
        times_that_are_none_are_bad_claims,
        the_audience_must_be_ours,
        the_issuer_must_be_the_one_that_we_trust,
        claims_of_the_wrong_form_are_bad,
        a_payload_that_is_no_object_is_malformed,
        where_an_expiry_is_required_there_must_be_one,
        bad_utf_8_and_nul_bytes_are_malformed,
        names_lists_and_info_have_limits,
        deep_nesting_is_no_harm,
    };
    return run_suite("auth/token_claims", tests, N_ELEMENTS(tests));
}
