/* Tokens: the input's first byte names a key of the ring that signs (0: HS256, 1: Ed25519), the rest is a header, a line feed and a
   payload; with another first byte the input is a token as it comes. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "auth/grants.h"
#include "auth/key.h"
#include "auth/token.h"
#include "auth/words.h"
#include "auth_fixture.h"
#include "base/utf8.h"
#include "fuzz.h"

enum { NOW_S = 1300000000, LEEWAY_S = 10, PROBLEMS_BYTES = 1024, SIGNERS = 2 };

static const TokenRules rules = {.audience = "barker", .leeway_s = LEEWAY_S};

static Keyring *given_keys(void) {
    static const char *const keys[] = {HS256_JWK, ED25519_JWK,
                                       "{\"kty\":\"RSA\",\"kid\":\"r\",\"n\":\"" RS256_N "\",\"e\":\"AQAB\"}", ES256_JWK};
    static Keyring *ring;
    Buf problems;
    if (ring)
        return ring;
    buf_init(&problems, PROBLEMS_BYTES);
    fuzz_must(keyring_new(&ring) == 0, "there is a ring");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        fuzz_must(keyring_add_content(ring, keys[i], strlen(keys[i]), "here", &problems) == KEYRING_OK, "the key is good");
    buf_finish(&problems);
    return ring;
}

static void check_text(const TokenText *text, size_t n_limit) {
    if (!text->text)
        return;
    fuzz_must(text->n_text >= 1 && text->n_text <= n_limit && text->text[text->n_text] == '\0', "a text is bounded and ends");
    fuzz_must(utf8_is_valid(text->text, text->n_text), "a text is UTF-8");
}

static void check_list(const TokenList *list) {
    fuzz_must(list->n_items <= TOKEN_LIST_MAX, "a list is bounded");
    for (size_t i = 0; i < list->n_items; i++) {
        fuzz_must(list->items[i].text != NULL, "an item is a text");
        check_text(&list->items[i], TOKEN_NAME_MAX);
    }
}

static void check(const Token *token) {
    check_text(&token->user, TOKEN_NAME_MAX);
    check_text(&token->info, TOKEN_INFO_MAX);
    check_text(&token->channel, TOKEN_NAME_MAX);
    check_list(&token->channels);
    check_list(&token->subscribe);
    check_list(&token->publish);
    fuzz_must(token->expires_s == 0 || token->expires_s > NOW_S - LEEWAY_S - 1, "a token that holds has not expired");
    fuzz_must(token->not_before_s <= NOW_S + LEEWAY_S, "a token that holds is valid already");
    (void)grants_subscribe(token, "chat:1", 6); /* what it says is for the sanitizers to judge */
    (void)grants_publish(token, "chat:1", 6);
    (void)grants_opens(token, "u", 1, "chat:1", 6);
}

static int judge(const Keyring *ring, const char *text, size_t n_text) {
    Token *token = NULL;
    char *copy = fuzz_copy(text, n_text);
    int r = token_verify(&token, ring, copy, n_text, &rules, NOW_S);
    free(copy);
    fuzz_must(r >= 0 && r < TOKEN_N_RESULTS, "each token has a result");
    fuzz_must((r == TOKEN_OK) == (token != NULL), "there is a token when all is well");
    if (token)
        check(token);
    token_free(token);
    return r;
}

static bool header_names(const FuzzInput *header, KeyAlgorithm algorithm) {
    json_t *root = json_loadb(header->bytes, header->n_bytes, 0, NULL);
    const char *name = json_string_value(json_object_get(root, "alg"));
    bool is_named = name && strcmp(name, key_algorithm_name(algorithm)) == 0;
    json_decref(root);
    return is_named;
}

static void judge_signed(const Keyring *ring, const Key *key, FuzzInput payload) {
    uint8_t signature[KEY_SIGNATURE_SIZE];
    FuzzInput header = fuzz_take(&payload, '\n');
    size_t n_header = base64url_size(header.n_bytes);
    size_t n_signed = n_header + 1 + base64url_size(payload.n_bytes);
    char *text = malloc(n_signed + 1 + base64url_size(sizeof signature) + 1);
    base64url_encode(text, header.bytes, header.n_bytes);
    text[n_header] = '.';
    base64url_encode(text + n_header + 1, payload.bytes, payload.n_bytes);
    size_t n_signature = key_sign(signature, key, text, n_signed);
    text[n_signed] = '.';
    base64url_encode(text + n_signed + 1, signature, n_signature);
    size_t n_text = n_signed + 1 + base64url_size(n_signature);
    int r = judge(ring, text, n_text);
    fuzz_must(r != TOKEN_OK || header_names(&header, key->algorithm), "a key is bound to its algorithm");
    if (r == TOKEN_OK) {
        text[n_header + 1] ^= 1;
        fuzz_must(judge(ring, text, n_text) != TOKEN_OK, "what was changed is not taken");
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    const Keyring *ring = given_keys();
    FuzzInput input = {(const char *)bytes, n_bytes};
    if (n_bytes && bytes[0] >= '0' && bytes[0] < '0' + SIGNERS) {
        unsigned i = fuzz_take_byte(&input) - '0';
        judge_signed(ring, &ring->keys[i], input);
    } else {
        judge(ring, input.bytes, input.n_bytes);
    }
    return 0;
}
