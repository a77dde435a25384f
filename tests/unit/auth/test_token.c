#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../base/suite.h"
#include "auth/words.h"
#include "auth_fixture.h"

enum { BEFORE_S = JOE_EXPIRES_S - 1 };

static unsigned n_mallocs_left = UINT32_MAX;

void *__real_malloc(size_t n_bytes);
void *__wrap_malloc(size_t n_bytes);
void *__wrap_malloc(size_t n_bytes) {
    if (n_mallocs_left == 0)
        return NULL;
    n_mallocs_left -= n_mallocs_left != UINT32_MAX;
    return __real_malloc(n_bytes);
}

static void assert_result(const char *keys, const char *text, TokenResult expected) {
    Keyring *ring = ring_of(keys);
    int r = verify(ring, text, BEFORE_S);
    ck_assert_msg(r == (int)expected, "%s: %s, not %s", text, token_result_name((TokenResult)r), token_result_name(expected));
    keyring_free(ring);
}

/* Minted with the ring's own first key. */
static void assert_minted(const char *keys, const char *header, const char *payload, TokenResult expected) {
    Keyring *ring = ring_of(keys);
    char *text = mint(ring, header, payload);
    int r = verify(ring, text, BEFORE_S);
    ck_assert_msg(r == (int)expected, "%s %s: %s", header, payload, token_result_name((TokenResult)r));
    free(text);
    keyring_free(ring);
}

START_TEST(the_tokens_of_rfc_7515_are_good) {
    assert_result(HS256_JWK, HS256_TOKEN, TOKEN_OK);
    assert_result(RS256_JWK, RS256_TOKEN, TOKEN_OK);
    assert_result(RS256_PEM, RS256_TOKEN, TOKEN_OK);
    assert_result(ES256_JWK, ES256_TOKEN, TOKEN_OK);
    assert_result("es256:" ES256_DER, ES256_TOKEN, TOKEN_OK);
    assert_result("hs256-base64url:" HS256_K, HS256_TOKEN, TOKEN_OK);
}
END_TEST

START_TEST(the_signature_of_rfc_8037_is_good) {
    uint8_t signature[KEY_SIGNATURE_SIZE + 2];
    Keyring *ring = ring_of("eddsa:" ED25519_X);
    ptrdiff_t n = base64url_decode(signature, ED25519_SIGNATURE, strlen(ED25519_SIGNATURE));
    ck_assert_int_eq(n, KEY_SIGNATURE_SIZE);
    ck_assert_int_eq(key_verify(&ring->keys[0], signature, (size_t)n, ED25519_SIGNED, strlen(ED25519_SIGNED)), KEY_VERIFIED);
    signature[40] ^= 1;
    ck_assert_int_eq(key_verify(&ring->keys[0], signature, (size_t)n, ED25519_SIGNED, strlen(ED25519_SIGNED)), KEY_FORGED);
    /* Its payload is no JSON: that shows only once the signature is good. */
    ck_assert_int_eq(verify(ring, ED25519_SIGNED "." ED25519_SIGNATURE, BEFORE_S), TOKEN_MALFORMED);
    ck_assert_int_eq(verify(ring, ED25519_SIGNED "." ED25519_SIGNATURE "AA", BEFORE_S), TOKEN_BAD_SIGNATURE);
    keyring_free(ring);
}
END_TEST

START_TEST(every_cut_of_a_token_is_refused) {
    static const char *const pairs[][2] = {
        {HS256_JWK, HS256_TOKEN}, {RS256_JWK, RS256_TOKEN}, {ES256_JWK, ES256_TOKEN}, {ED25519_JWK, NULL}};
    for (size_t i = 0; i < N_ELEMENTS(pairs); i++) {
        Keyring *ring = ring_of(pairs[i][0]);
        char *text = pairs[i][1] ? strdup(pairs[i][1]) : mint(ring, "{\"alg\":\"EdDSA\"}", "{}");
        ck_assert_int_eq(verify(ring, text, BEFORE_S), TOKEN_OK);
        for (size_t n = strlen(text); n-- > 0;) {
            text[n] = '\0';
            ck_assert_int_gt(verify(ring, text, BEFORE_S), TOKEN_OK);
        }
        free(text);
        keyring_free(ring);
    }
}
END_TEST

START_TEST(every_changed_byte_is_refused) {
    static const char *const pairs[][2] = {{HS256_JWK, HS256_TOKEN}, {RS256_JWK, RS256_TOKEN}, {ES256_JWK, ES256_TOKEN}};
    for (size_t i = 0; i < N_ELEMENTS(pairs); i++) {
        Keyring *ring = ring_of(pairs[i][0]);
        char *text = strdup(pairs[i][1]);
        for (size_t at = 0; text[at]; at++) {
            char was = text[at];
            text[at] = was == 'A' ? 'B' : 'A';
            ck_assert_msg(verify(ring, text, BEFORE_S) > TOKEN_OK, "byte %zu of token %zu", at, i);
            text[at] = '\xff';
            ck_assert_int_gt(verify(ring, text, BEFORE_S), TOKEN_OK);
            text[at] = was;
        }
        free(text);
        keyring_free(ring);
    }
}
END_TEST

START_TEST(none_is_refused_in_every_spelling) {
    /* {"alg":"none"}, "None", "NONE", "nOnE", with no signature and with one. */
    static const char *const names[] = {"none", "None", "NONE", "nOnE", "", "hs256", "HS384", "RS512", "PS256", "HS256 "};
    Keyring *ring = ring_of(HS256_JWK);
    for (size_t i = 0; i < N_ELEMENTS(names); i++) {
        char header[64];
        snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", names[i]);
        char *text = mint(ring, header, "{}");
        ck_assert_int_eq(verify(ring, text, BEFORE_S), TOKEN_ALGORITHM_REFUSED);
        *(strrchr(text, '.') + 1) = '\0';
        ck_assert_int_eq(verify(ring, text, BEFORE_S), TOKEN_ALGORITHM_REFUSED);
        free(text);
    }
    keyring_free(ring);
}
END_TEST

/* The attack: sign HS256 with the text of the RSA public key, which everyone knows, as the secret. */
START_TEST(a_public_key_is_never_taken_for_a_secret) {
    static const char *const publics[] = {RS256_PEM, RS256_JWK, ES256_JWK, "eddsa:" ED25519_X, "es256:" ES256_DER};
    static const char *const texts[] = {RS256_PEM, RS256_N, ES256_DER, ED25519_X, RS256_JWK, ES256_JWK};
    for (size_t i = 0; i < N_ELEMENTS(publics) * N_ELEMENTS(texts); i++) {
        const char *text = texts[i / N_ELEMENTS(publics)], *why = NULL;
        Keyring *ring = ring_of(publics[i % N_ELEMENTS(publics)]);
        Keyring *forger = NULL;
        Key key = {.id = NULL};
        ck_assert_int_eq(keyring_new(&forger), 0);
        ck_assert_int_eq(key_set_hs256(&key, (const uint8_t *)text, strlen(text), &why), KEYRING_OK);
        ck_assert_int_eq(keyring_add(forger, &key, &why), KEYRING_OK);
        char *forged = mint(forger, "{\"alg\":\"HS256\"}", "{\"sub\":\"root\"}");
        ck_assert_int_eq(verify(forger, forged, BEFORE_S), TOKEN_OK);
        ck_assert_int_eq(verify(ring, forged, BEFORE_S), TOKEN_NO_SUCH_KEY);
        free(forged);
        keyring_free(forger);
        keyring_free(ring);
    }
}
END_TEST

START_TEST(an_algorithm_must_be_the_keys_own) {
    assert_result(RS256_JWK, HS256_TOKEN, TOKEN_NO_SUCH_KEY);
    assert_result(HS256_JWK, RS256_TOKEN, TOKEN_NO_SUCH_KEY);
    assert_minted("{\"kty\":\"oct\",\"kid\":\"a\",\"k\":\"" HS256_K "\"}", "{\"alg\":\"RS256\",\"kid\":\"a\"}", "{}",
                  TOKEN_ALGORITHM_REFUSED);
    assert_minted(ED25519_JWK, "{\"alg\":\"ES256\"}", "{}", TOKEN_NO_SUCH_KEY);
}
END_TEST

START_TEST(a_kid_chooses_the_key) {
    Keyring *ring = ring_of("{\"kty\":\"oct\",\"kid\":\"a\",\"k\":\"" HS256_K "\"}");
    char *named = mint(ring, "{\"alg\":\"HS256\",\"kid\":\"a\"}", "{}");
    char *other = mint(ring, "{\"alg\":\"HS256\",\"kid\":\"b\"}", "{}");
    char *unnamed = mint(ring, "{\"alg\":\"HS256\"}", "{}");
    ck_assert_int_eq(verify(ring, named, BEFORE_S), TOKEN_OK);
    ck_assert_int_eq(verify(ring, unnamed, BEFORE_S), TOKEN_OK);
    ck_assert_int_eq(verify(ring, other, BEFORE_S), TOKEN_NO_SUCH_KEY);
    ring_add(ring, "hs256/b:another-secret-that-has-more-than-32-bytes");
    ck_assert_int_eq(verify(ring, other, BEFORE_S), TOKEN_BAD_SIGNATURE);
    keyring_free(ring);

    ring = ring_of("hs256:another-secret,-and-one-that-bears-no-id");
    ck_assert_int_eq(verify(ring, named, BEFORE_S), TOKEN_BAD_SIGNATURE);
    ring_add(ring, HS256_JWK); /* bears no id: any token of its algorithm may be its */
    ck_assert_int_eq(verify(ring, named, BEFORE_S), TOKEN_OK);
    keyring_free(ring);
    free(named);
    free(other);
    free(unnamed);
}
END_TEST

START_TEST(without_a_kid_only_so_many_keys_are_tried) {
    Keyring *ring = ring_of("hs256:the-first-of-many-secrets,-number-00");
    char *text = mint(ring, "{\"alg\":\"HS256\"}", "{}");
    Keyring *many = ring_of("eddsa:" ED25519_X); /* of another algorithm: does not count */
    for (unsigned i = 1; i < TOKEN_TRIES_MAX; i++)
        ring_add(many, "hs256:the-first-of-many-secrets,-but-not-that-one");
    ring_add(many, "hs256:the-first-of-many-secrets,-number-00");
    ck_assert_int_eq(verify(many, text, BEFORE_S), TOKEN_OK);
    keyring_free(many);
    many = ring_of("eddsa:" ED25519_X);
    for (unsigned i = 0; i < TOKEN_TRIES_MAX; i++)
        ring_add(many, "hs256:the-first-of-many-secrets,-but-not-that-one");
    ring_add(many, "hs256:the-first-of-many-secrets,-number-00");
    ck_assert_int_eq(verify(many, text, BEFORE_S), TOKEN_BAD_SIGNATURE);
    keyring_free(many);
    keyring_free(ring);
    free(text);
}
END_TEST

START_TEST(a_header_that_wants_more_is_refused) {
    assert_minted(HS256_JWK, "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", "{}", TOKEN_ALGORITHM_REFUSED);
    assert_minted(HS256_JWK, "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}", "{}", TOKEN_ALGORITHM_REFUSED);
    assert_minted(HS256_JWK, "{\"alg\":\"HS256\",\"alg\":\"HS256\"}", "{}", TOKEN_MALFORMED);
    assert_minted(HS256_JWK, "{\"alg\":1}", "{}", TOKEN_MALFORMED);
    assert_minted(HS256_JWK, "{\"alg\":\"HS256\",\"kid\":1}", "{}", TOKEN_MALFORMED);
    assert_minted(HS256_JWK, "{\"alg\":\"HS256\",\"n\":1e999}", "{}", TOKEN_MALFORMED);
    assert_minted(HS256_JWK, "{}", "{}", TOKEN_MALFORMED);
    assert_minted(HS256_JWK, "[\"HS256\"]", "{}", TOKEN_MALFORMED);
    assert_minted(HS256_JWK, "{\"alg\":\"HS256\"} x", "{}", TOKEN_MALFORMED);
    assert_minted(HS256_JWK, "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"x5c\":[\"a\"],\"jwk\":{}}", "{}", TOKEN_OK);
}
END_TEST

START_TEST(what_is_no_jws_is_malformed) {
    static const char *const texts[] = {"",
                                        ".",
                                        "..",
                                        "...",
                                        "a.b.c",
                                        "e30.e30",
                                        "e30.e30.e30.e30.e30",
                                        "e30=.e30.AA",
                                        "e30.e3+.AA",
                                        " " HS256_TOKEN,
                                        HS256_TOKEN "\n",
                                        HS256_TOKEN "=",
                                        "Bearer " HS256_TOKEN};
    for (size_t i = 0; i < N_ELEMENTS(texts); i++)
        assert_result(HS256_JWK, texts[i], TOKEN_MALFORMED);
}
END_TEST

START_TEST(a_token_of_more_than_8_kib_is_too_big) {
    static char text[TOKEN_TEXT_MAX + 2];
    memset(text, 'A', sizeof(text) - 1);
    assert_result(HS256_JWK, text, TOKEN_TOO_BIG);
    text[TOKEN_TEXT_MAX] = '\0';
    assert_result(HS256_JWK, text, TOKEN_MALFORMED);
    memset(text, '.', TOKEN_TEXT_MAX);
    assert_result(HS256_JWK, text, TOKEN_MALFORMED);
}
END_TEST

START_TEST(an_empty_ring_has_no_such_key) {
    Keyring *ring = NULL;
    ck_assert_int_eq(keyring_new(&ring), 0);
    ck_assert_int_eq(verify(ring, HS256_TOKEN, BEFORE_S), TOKEN_NO_SUCH_KEY);
    keyring_free(ring);
}
END_TEST

START_TEST(running_out_of_memory_is_told) {
    const TokenRules rules = {.leeway_s = 0};
    Keyring *ring = ring_of(HS256_JWK);
    Token *token = NULL;
    unsigned n = 0;
    int r;
    do {
        n_mallocs_left = n++;
        r = token_verify(&token, ring, HS256_TOKEN, strlen(HS256_TOKEN), &rules, BEFORE_S);
        n_mallocs_left = UINT32_MAX;
        ck_assert(r == TOKEN_OK || r == -ENOMEM);
    } while (r != TOKEN_OK && n < 1000);
    ck_assert_uint_gt(n, 2); /* jansson's own are beyond reach here */
    ck_assert_int_eq(r, TOKEN_OK);
    token_free(token);
    keyring_free(ring);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        the_tokens_of_rfc_7515_are_good,
        the_signature_of_rfc_8037_is_good,
        every_cut_of_a_token_is_refused,
        every_changed_byte_is_refused,
        none_is_refused_in_every_spelling,
        a_public_key_is_never_taken_for_a_secret,
        an_algorithm_must_be_the_keys_own,
        a_kid_chooses_the_key,
        without_a_kid_only_so_many_keys_are_tried,
        a_header_that_wants_more_is_refused,
        what_is_no_jws_is_malformed,
        a_token_of_more_than_8_kib_is_too_big,
        an_empty_ring_has_no_such_key,
        running_out_of_memory_is_told,
    };
    return run_suite("auth/token", tests, N_ELEMENTS(tests));
}
