#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/suite.h"
#include "auth_fixture.h"

#define ED25519_PUBLIC_PEM                                                                                                     \
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n"
#define ED25519_SECRET_PEM                                                                                                     \
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE "         \
    "KEY-----\n"
/* A key of 1024 bits. */
#define SMALL_RSA_N                                                                                                            \
    "xEWsZjPzAQl1DWdZih9hGiGDudBcCyx_9hKymyfz7d_BExF-DZX9DGWLHJB_-NdPHp29agXyCXKcmRkoAeo898q3ybl_RvLKWn9pZa9S8TMPM2nWmSd0lTQN" \
    "KdQNsl4SROXriz2MdBBrwLAbkU7DFHfYvLoBIGbt0AdgslLdFZU"

static char *problems_of(const char *content) {
    Keyring *ring = NULL;
    Buf problems;
    buf_init(&problems, 4096);
    ck_assert_int_eq(keyring_new(&ring), 0);
    int r = keyring_add_content(ring, content, strlen(content), "keys.json", &problems);
    ck_assert_msg(r == KEYRING_BAD, "taken: %s", content);
    ck_assert_uint_eq(keyring_count(ring), 0);
    ck_assert_int_eq(buf_append(&problems, "", 1), BUF_OK);
    keyring_free(ring);
    return (char *)problems.bytes;
}

static void assert_problem(const char *content, const char *expected) {
    char *problems = problems_of(content);
    ck_assert_msg(strstr(problems, expected), "expected: %s\ngot: %s", expected, problems);
    ck_assert_int_eq(strncmp(problems, "keys.json: ", 11), 0);
    ck_assert_uint_eq(strcspn(problems, "\n"), strlen(problems) - 1);
    free(problems);
}

static void assert_key(const char *content, KeyAlgorithm algorithm, const char *id) {
    Keyring *ring = ring_of(content);
    ck_assert_uint_eq(keyring_count(ring), 1);
    ck_assert_int_eq(ring->keys[0].algorithm, algorithm);
    if (id)
        ck_assert_str_eq(ring->keys[0].id, id);
    else
        ck_assert_ptr_null(ring->keys[0].id);
    keyring_free(ring);
}

START_TEST(every_form_of_a_key_is_read) {
    assert_key("eddsa:" ED25519_X, KEY_EDDSA, NULL);
    assert_key("EdDSA/2026:" ED25519_X, KEY_EDDSA, "2026");
    assert_key(SECRET_TEXT, KEY_HS256, NULL);
    assert_key("hs256/a/b:with-a-colon:and-32-bytes-or-more-of-it", KEY_HS256, "a/b");
    assert_key("hs256-base64url/x:" HS256_K, KEY_HS256, "x");
    assert_key("es256:" ES256_DER, KEY_ES256, NULL);
    assert_key(RS256_PEM, KEY_RS256, NULL);
    assert_key(ED25519_PUBLIC_PEM, KEY_EDDSA, NULL);
    assert_key(ED25519_SECRET_PEM, KEY_EDDSA, NULL);
    assert_key("\n  " ED25519_JWK, KEY_EDDSA, NULL);
    assert_key(HS256_JWK, KEY_HS256, NULL);
    assert_key(RS256_JWK, KEY_RS256, NULL);
    assert_key(ES256_JWK, KEY_ES256, NULL);
}
END_TEST

START_TEST(a_private_key_gives_its_public_half) {
    static const char *const contents[] = {ED25519_SECRET_PEM, ED25519_PUBLIC_PEM, ED25519_JWK};
    Keyring *expected = ring_of("eddsa:" ED25519_X);
    for (size_t i = 0; i < N_ELEMENTS(contents); i++) {
        Keyring *ring = ring_of(contents[i]);
        ck_assert_mem_eq(ring->keys[0].ed25519, expected->keys[0].ed25519, KEY_ED25519_SIZE);
        ck_assert_int_eq(key_can_sign(&ring->keys[0]), contents[i] != contents[1]);
        keyring_free(ring);
    }
    ck_assert(!key_can_sign(&expected->keys[0]));
    keyring_free(expected);
}
END_TEST

START_TEST(a_jwks_gives_the_keys_that_are_ours) {
    Keyring *ring = ring_of(
        "{\"keys\":[{\"kty\":\"RSA\",\"alg\":\"RS256\",\"use\":\"sig\",\"kid\":\"r\",\"n\":\"" RS256_N "\",\"e\":\"AQAB\"},"
        "{\"kty\":\"RSA\",\"alg\":\"RSA-OAEP\",\"use\":\"enc\",\"kid\":\"enc\",\"n\":\"" RS256_N "\",\"e\":\"AQAB\"},"
        "{\"kty\":\"RSA\",\"alg\":\"RS512\",\"n\":\"AQAB\",\"e\":\"AQAB\"},"
        "{\"kty\":\"RSA\",\"key_ops\":[\"encrypt\"],\"n\":\"AQAB\",\"e\":\"AQAB\"},"
        "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\"},{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\"},"
        "{\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\"},{\"kty\":\"oct\",\"alg\":\"HS512\",\"k\":\"AA\"},"
        "{\"kty\":\"EC\",\"key_ops\":[\"verify\"],\"crv\":\"P-256\",\"x\":\"" ES256_X "\",\"y\":\"" ES256_Y "\"}]}");
    ck_assert_uint_eq(keyring_count(ring), 2);
    ck_assert_str_eq(ring->keys[0].id, "r");
    ck_assert_int_eq(ring->keys[1].algorithm, KEY_ES256);
    keyring_free(ring);
}
END_TEST

START_TEST(a_bad_key_is_told_in_words_with_its_place) {
    assert_problem("", "there is no key in it");
    assert_problem("secret", "a key is written eddsa:");
    assert_problem("hs512:secretsecretsecretsecretsecretsecret", "a key is written eddsa:");
    assert_problem("hs256:short", "32 to 1024 bytes");
    assert_problem("hs256/:secretsecretsecretsecretsecretsecret", "a kid is UTF-8");
    assert_problem("eddsa:AAAA", "no public key of Ed25519");
    assert_problem("eddsa:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "no public key of Ed25519"); /* of small order */
    assert_problem("eddsa:" ED25519_X "=", "not base64url");
    assert_problem("es256:AAAA", "no public key on the curve P-256");
    assert_problem("rs256:" ES256_DER, "no RSA public key");
    assert_problem("es256:" ES256_DER "AAAA", "no public key on the curve P-256");
    assert_problem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "there is no PEM key");
    assert_problem("{", "it is not JSON");
    assert_problem("{\"kty\":\"oct\",\"kty\":\"oct\",\"k\":\"" HS256_K "\"}", "it is not JSON, each name once");
    assert_problem("{}", "it is no JWK");
    assert_problem("{\"kty\":\"oct\",\"k\":\"AAAA\"}", "32 to 1024 bytes");
    assert_problem("{\"kty\":\"oct\",\"k\":1}", "it is no JWK");
    assert_problem("{\"kty\":\"oct\",\"kid\":1,\"k\":\"" HS256_K "\"}", "a kid is UTF-8");
    assert_problem("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED25519_D "\",\"d\":\"" ED25519_D "\"}", "does not belong");
    assert_problem("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" ES256_X "\",\"y\":\"" ES256_X "\"}", "on the curve P-256");
    assert_problem("{\"kty\":\"RSA\",\"n\":\"" SMALL_RSA_N "\",\"e\":\"AQAB\"}", "2048 to 8192 bits");
    assert_problem("{\"kty\":\"RSA\",\"n\":\"" RS256_N "\",\"e\":\"AQ\"}", "with an odd exponent");
    assert_problem("{\"kty\":\"RSA\",\"n\":\"" RS256_N "\",\"e\":\"Ag\"}", "with an odd exponent");
    assert_problem("{\"kty\":\"AKP\"}", "it is not a key for EdDSA");
    assert_problem("{\"keys\":{}}", "must be an array");
    assert_problem("{\"keys\":[]}", "none of its keys");
    assert_problem("{\"keys\":[{\"kty\":\"AKP\"},{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", "key 2: a secret for HS256");
    assert_problem("{\"keys\":[1]}", "key 1: it is no JWK");
}
END_TEST

START_TEST(a_problem_never_shows_the_key) {
    static const char *const contents[] = {"hs256:Geheim",   "eddsa:Geheim",         "{\"kty\":\"oct\",\"k\":\"Geheim\"}",
                                           "Geheim",         "{\"kty\":\"Geheim\"}", "{\"k\":\"Geheim\"",
                                           "es256/Geheim:AA"};
    for (size_t i = 0; i < N_ELEMENTS(contents); i++) {
        char *problems = problems_of(contents[i]);
        ck_assert_ptr_null(strstr(problems, "Geheim"));
        free(problems);
    }
}
END_TEST

START_TEST(every_cut_of_a_jwk_and_a_pem_is_refused) {
    static const char *const contents[] = {ED25519_JWK, RS256_JWK, ES256_JWK, HS256_JWK, ES256_DER, RS256_PEM};
    for (size_t i = 0; i < N_ELEMENTS(contents); i++) {
        for (size_t n = strlen(contents[i]) - strlen("-----END PUBLIC KEY-----\n") - 1; n > 0; n--) {
            char *content = strndup(contents[i], n);
            free(problems_of(content));
            free(content);
        }
    }
}
END_TEST

START_TEST(a_content_with_a_nul_is_no_text) {
    static const char content[] = SECRET_TEXT "\0 behind it";
    Keyring *ring = NULL;
    Buf problems;
    buf_init(&problems, 4096);
    ck_assert_int_eq(keyring_new(&ring), 0);
    ck_assert_int_eq(keyring_add_content(ring, content, sizeof(content), "here", &problems), KEYRING_BAD);
    ck_assert_ptr_nonnull(memmem(problems.bytes, problems.n_bytes, "nor text", 8));
    ck_assert_uint_eq(keyring_count(ring), 0);
    keyring_free(ring);
    buf_finish(&problems);
}
END_TEST

START_TEST(the_ring_has_an_end) {
    Keyring *ring = ring_of(SECRET_TEXT);
    Buf problems;
    buf_init(&problems, 4096);
    for (unsigned i = 1; i < KEYRING_KEYS_MAX; i++)
        ring_add(ring, SECRET_TEXT);
    ck_assert_int_eq(keyring_add_text(ring, SECRET_TEXT, "auth.keys", &problems), KEYRING_BAD);
    ck_assert_uint_eq(keyring_count(ring), KEYRING_KEYS_MAX);
    keyring_free(ring);
    buf_finish(&problems);
    ck_assert_ptr_null(keyring_free(NULL));
}
END_TEST

START_TEST(a_file_is_read_and_one_that_is_not_there_is_told) {
    char path[] = "/tmp/barker_keyring_XXXXXX";
    int fd = mkstemp(path);
    Keyring *ring = NULL;
    Buf problems;
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, RS256_PEM, strlen(RS256_PEM)), (ssize_t)strlen(RS256_PEM));
    buf_init(&problems, 4096);
    ck_assert_int_eq(keyring_new(&ring), 0);
    ck_assert_int_eq(keyring_add_file(ring, path, &problems), KEYRING_OK);
    ck_assert_uint_eq(keyring_count(ring), 1);
    ck_assert_int_eq(ftruncate(fd, KEYRING_FILE_MAX + 1), 0);
    ck_assert_int_eq(keyring_add_file(ring, path, &problems), KEYRING_BAD);
    ck_assert_ptr_nonnull(memmem(problems.bytes, problems.n_bytes, "larger than 256 KiB", 19));
    close(fd);
    unlink(path);
    ck_assert_int_eq(keyring_add_file(ring, path, &problems), KEYRING_BAD);
    ck_assert_ptr_nonnull(memmem(problems.bytes, problems.n_bytes, "No such file", 12));
    ck_assert_int_eq(keyring_add_file(ring, "/tmp", &problems), KEYRING_BAD);
    buf_finish(&problems);
    keyring_free(ring);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        every_form_of_a_key_is_read,
        a_private_key_gives_its_public_half,
        a_jwks_gives_the_keys_that_are_ours,
        a_bad_key_is_told_in_words_with_its_place,
        a_problem_never_shows_the_key,
        every_cut_of_a_jwk_and_a_pem_is_refused,
        a_content_with_a_nul_is_no_text,
        the_ring_has_an_end,
        a_file_is_read_and_one_that_is_not_there_is_told,
    };
    return run_suite("auth/keyring", tests, N_ELEMENTS(tests));
}
