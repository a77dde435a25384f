#include "auth/token_sign.h"

#include <errno.h>
#include <string.h>

#include "../base/suite.h"
#include "auth_fixture.h"

enum { NOW_S = 1000000, LIMIT = 64 * 1024 };

static Token *round_trip(const Keyring *ring, const Keyring *reader, const TokenClaims *claims, const TokenRules *rules) {
    Token *token = NULL;
    Buf text;
    buf_init(&text, LIMIT);
    ck_assert_int_eq(token_sign(&text, ring, claims), TOKEN_SIGN_OK);
    ck_assert_int_eq(token_verify(&token, reader, (const char *)text.bytes, text.n_bytes, rules, NOW_S), TOKEN_OK);
    buf_finish(&text);
    return token;
}

START_TEST(a_signed_token_says_what_it_was_told) {
    static const char *const names[] = {"inbox", "news"}, *const patterns[] = {"chat:*"};
    const TokenRules rules = {.audience = "barker", .issuer = "me"};
    const TokenClaims claims = {.user = "alice \"\xc3\xa9\"",
                                .info = " {\"b\": 1, \"a\": 2}",
                                .channel = "private:1",
                                .audience = "barker",
                                .issuer = "me",
                                .channels = names,
                                .n_channels = 2,
                                .subscribe = patterns,
                                .n_subscribe = 1,
                                .publish = patterns,
                                .n_publish = 1,
                                .issued_s = NOW_S,
                                .expires_s = NOW_S + 60};
    static const char *const keys[] = {ED25519_JWK, HS256_JWK, "hs256/k1:a-secret-of-thirty-two-bytes,-or-more"};
    for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
        Keyring *ring = ring_of(keys[i]);
        Token *token = round_trip(ring, ring, &claims, &rules);
        ck_assert_str_eq(token->user.text, claims.user);
        ck_assert_str_eq(token->info.text, "{\"b\":1,\"a\":2}");
        ck_assert_str_eq(token->channel.text, "private:1");
        ck_assert_uint_eq(token->channels.n_items, 2);
        ck_assert_str_eq(token->subscribe.items[0].text, "chat:*");
        ck_assert_str_eq(token->publish.items[0].text, "chat:*");
        ck_assert_int_eq(token->expires_s, NOW_S + 60);
        ck_assert_int_eq(token->issued_s, NOW_S);
        token_free(token);
        keyring_free(ring);
    }
}
END_TEST

START_TEST(claims_that_no_reader_would_take_are_not_signed) {
    static const char *const empty[] = {""};
    const TokenClaims bad_info = {.info = "{"}, bad_user = {.user = "\xff"}, bad_list = {.publish = empty, .n_publish = 1};
    Keyring *ring = ring_of(ED25519_JWK);
    Keyring *reader = ring_of("eddsa:" ED25519_X);
    Buf text;
    buf_init(&text, LIMIT);
    ck_assert_int_eq(token_sign(&text, ring, &bad_info), TOKEN_SIGN_BAD_INFO);
    ck_assert_int_eq(token_sign(&text, ring, &bad_user), TOKEN_SIGN_BAD_TEXT);
    ck_assert_int_eq(token_sign(&text, ring, &bad_list), TOKEN_SIGN_BAD_TEXT);
    ck_assert_int_eq(token_sign(&text, reader, &(TokenClaims){.user = "a"}), TOKEN_SIGN_NO_KEY);
    buf_finish(&text);
    keyring_free(reader);
    keyring_free(ring);
}
END_TEST

static void assert_new_keys_work(KeyAlgorithm algorithm) {
    const TokenRules rules = {.leeway_s = 0};
    Buf secret, public_half;
    buf_init(&secret, LIMIT);
    buf_init(&public_half, LIMIT);
    ck_assert_int_eq(token_keygen(&secret, &public_half, algorithm), 0);
    ck_assert_int_eq(buf_append(&secret, "", 1) + buf_append(&public_half, "", 1), BUF_OK);
    Keyring *ring = ring_of((const char *)secret.bytes);
    Keyring *reader = ring_of((const char *)(public_half.n_bytes > 1 ? public_half.bytes : secret.bytes));
    ck_assert_str_eq(reader->keys[0].id, ring->keys[0].id);
    ck_assert_int_eq(public_half.n_bytes > 1, algorithm == KEY_EDDSA);
    ck_assert(algorithm != KEY_EDDSA || !key_can_sign(&reader->keys[0]));
    token_free(round_trip(ring, reader, &(TokenClaims){.user = "alice"}, &rules));
    keyring_free(reader);
    keyring_free(ring);
    buf_finish(&public_half);
    buf_finish(&secret);
}

START_TEST(new_keys_sign_what_their_public_half_verifies) {
    assert_new_keys_work(KEY_EDDSA);
    assert_new_keys_work(KEY_HS256);
}
END_TEST

START_TEST(algorithms_that_are_only_verified_have_no_keygen) {
    Buf buf;
    buf_init(&buf, LIMIT);
    ck_assert_int_eq(token_keygen(&buf, &buf, KEY_RS256), -EINVAL);
    ck_assert_int_eq(token_keygen(&buf, &buf, KEY_ES256), -EINVAL);
    ck_assert_uint_eq(buf.n_bytes, 0);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_signed_token_says_what_it_was_told,
        claims_that_no_reader_would_take_are_not_signed,
        new_keys_sign_what_their_public_half_verifies,
        algorithms_that_are_only_verified_have_no_keygen,
    };
    return run_suite("auth/token_sign", tests, N_ELEMENTS(tests));
}
