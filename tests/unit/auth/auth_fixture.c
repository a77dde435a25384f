#include "auth_fixture.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "auth/words.h"

enum { PROBLEMS_LIMIT = 4096 };

void ring_add(Keyring *ring, const char *content) {
    Buf problems;
    buf_init(&problems, PROBLEMS_LIMIT);
    int r = keyring_add_content(ring, content, strlen(content), "here", &problems);
    ck_assert_msg(r == KEYRING_OK, "%.*s", (int)problems.n_bytes, (const char *)problems.bytes);
    buf_finish(&problems);
}

Keyring *ring_of(const char *content) {
    Keyring *ring = NULL;
    ck_assert_int_eq(keyring_new(&ring), 0);
    ring_add(ring, content);
    return ring;
}

char *mint_bytes(const Keyring *ring, const char *header, const void *payload, size_t n_payload) {
    uint8_t signature[KEY_SIGNATURE_SIZE];
    size_t n_header = base64url_size(strlen(header));
    size_t n_signed = n_header + 1 + base64url_size(n_payload);
    char *text = malloc(n_signed + 1 + base64url_size(sizeof(signature)) + 1);
    ck_assert_ptr_nonnull(text);
    base64url_encode(text, header, strlen(header));
    text[n_header] = '.';
    base64url_encode(text + n_header + 1, payload, n_payload);
    size_t n_signature = key_sign(signature, &ring->keys[0], text, n_signed);
    text[n_signed] = '.';
    base64url_encode(text + n_signed + 1, signature, n_signature);
    return text;
}

char *mint(const Keyring *ring, const char *header, const char *payload) {
    return mint_bytes(ring, header, payload, strlen(payload));
}

int verify_by(const Keyring *ring, const char *text, const TokenRules *rules, int64_t now_s) {
    Token *token = NULL;
    int r = token_verify(&token, ring, text, strlen(text), rules, now_s);
    ck_assert_int_eq(token != NULL, r == TOKEN_OK);
    token_free(token);
    return r;
}

int verify(const Keyring *ring, const char *text, int64_t now_s) {
    const TokenRules rules = {.audience = NULL};
    return verify_by(ring, text, &rules, now_s);
}
