#include "auth/token.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "auth/key.h"
#include "auth/token_claims.h"
#include "auth/words.h"
#include "base/error.h"

/* The three parts, decoded, behind each other in one allocation. */
typedef struct Parts {
    uint8_t *header;
    uint8_t *payload;
    uint8_t *signature;
    size_t n_header;
    size_t n_payload;
    size_t n_signature;
    size_t n_signed; /* of the text: what the signature is over */
} Parts;

const char *token_result_name(TokenResult result) {
    static const char *const names[TOKEN_N_RESULTS] = {
        [TOKEN_OK] = "ok",
        [TOKEN_MALFORMED] = "malformed",
        [TOKEN_TOO_BIG] = "too_big",
        [TOKEN_ALGORITHM_REFUSED] = "algorithm_refused",
        [TOKEN_NO_SUCH_KEY] = "no_such_key",
        [TOKEN_BAD_SIGNATURE] = "bad_signature",
        [TOKEN_EXPIRED] = "expired",
        [TOKEN_NOT_YET_VALID] = "not_yet_valid",
        [TOKEN_WRONG_AUDIENCE] = "wrong_audience",
        [TOKEN_WRONG_ISSUER] = "wrong_issuer",
        [TOKEN_BAD_CLAIMS] = "bad_claims",
        [TOKEN_NO_EXPIRY] = "no_expiry",
    };
    return names[result];
}

Token *token_free(Token *token) {
    free(token);
    return NULL;
}

static bool decode(uint8_t **bytes, size_t *n_bytes, uint8_t *room, const char *text, size_t n_text) {
    ptrdiff_t n = base64url_decode(room, text, n_text);
    if (n < 0)
        return false;
    *bytes = room;
    *n_bytes = (size_t)n;
    return true;
}

static bool split(Parts *parts, uint8_t *room, const char *text, size_t n_text) {
    const char *end = text + n_text;
    const char *first = memchr(text, '.', n_text);
    const char *second = first ? memchr(first + 1, '.', (size_t)(end - first) - 1) : NULL;
    if (!second || memchr(second + 1, '.', (size_t)(end - second) - 1))
        return false;
    parts->n_signed = (size_t)(second - text);
    return decode(&parts->header, &parts->n_header, room, text, (size_t)(first - text)) &&
           decode(&parts->payload, &parts->n_payload, room + parts->n_header, first + 1, (size_t)(second - first) - 1) &&
           decode(&parts->signature, &parts->n_signature, room + parts->n_header + parts->n_payload, second + 1,
                  (size_t)(end - second) - 1);
}

static bool find_algorithm(KeyAlgorithm *algorithm, const json_t *name) {
    for (unsigned i = 0; i < KEY_N_ALGORITHMS; i++) {
        if (strcmp(key_algorithm_name((KeyAlgorithm)i), json_string_value(name)) == 0) {
            *algorithm = (KeyAlgorithm)i;
            return true;
        }
    }
    return false;
}

static bool has_id(const Key *key, const char *id) {
    return id ? key->id && strcmp(key->id, id) == 0 : !key->id;
}

/* Those keys that match: with has_kid, the ones of that id (of none, for a NULL); else any. */
static int try_keys(const Keyring *ring, KeyAlgorithm algorithm, bool has_kid, const char *id, const Parts *parts,
                    const char *text) {
    int result = TOKEN_NO_SUCH_KEY;
    unsigned n_tries = 0;
    for (unsigned i = 0; i < ring->n_keys && n_tries < TOKEN_TRIES_MAX; i++) {
        const Key *key = &ring->keys[i];
        if (has_kid && !has_id(key, id))
            continue;
        if (key->algorithm != algorithm) { /* a key is for one algorithm: never the header's choice */
            if (result == TOKEN_NO_SUCH_KEY && id)
                result = TOKEN_ALGORITHM_REFUSED;
            continue;
        }
        int r = key_verify(key, parts->signature, parts->n_signature, text, parts->n_signed);
        if (r <= 0)
            return r < 0 ? error_trace(r) : TOKEN_OK;
        result = TOKEN_BAD_SIGNATURE;
        n_tries++;
    }
    return result;
}

static int judge_signature(const Keyring *ring, const json_t *header, const Parts *parts, const char *text) {
    const json_t *name = json_object_get(header, "alg");
    const json_t *kid = json_object_get(header, "kid");
    KeyAlgorithm algorithm = KEY_N_ALGORITHMS;
    if (!json_is_string(name) || (kid && !json_is_string(kid)))
        return TOKEN_MALFORMED;
    /* crit names extensions that must be understood, and we understand none (RFC 7515 4.1.11). */
    if (json_object_get(header, "crit") || !find_algorithm(&algorithm, name))
        return TOKEN_ALGORITHM_REFUSED;
    int r = try_keys(ring, algorithm, kid != NULL, json_string_value(kid), parts, text);
    if (r == TOKEN_NO_SUCH_KEY && kid)
        r = try_keys(ring, algorithm, true, NULL, parts, text);
    return r;
}

static int judge_parts(Token **token, const Keyring *ring, const Parts *parts, const char *text, const TokenRules *rules,
                       int64_t now_s) {
    json_t *header = NULL, *claims = NULL;
    int r = token_json(&header, (const char *)parts->header, parts->n_header);
    if (r == TOKEN_BAD_CLAIMS)
        r = TOKEN_MALFORMED;
    if (r == TOKEN_OK)
        r = judge_signature(ring, header, parts, text);
    if (r == TOKEN_OK)
        r = token_json(&claims, (const char *)parts->payload, parts->n_payload);
    if (r == TOKEN_OK)
        r = token_read_claims(token, claims, rules, now_s);
    json_decref(header);
    json_decref(claims);
    return r < 0 ? error_trace(r) : r;
}

int token_verify(Token **token, const Keyring *ring, const char *text, size_t n_text, const TokenRules *rules, int64_t now_s) {
    Parts parts = {.n_signed = 0};
    if (n_text > TOKEN_TEXT_MAX)
        return TOKEN_TOO_BIG;
    uint8_t *room = malloc(n_text + 8); /* each part may want 2 bytes more than it has */
    if (!room)
        return error_origin(-ENOMEM);
    int r = split(&parts, room, text, n_text) ? judge_parts(token, ring, &parts, text, rules, now_s) : TOKEN_MALFORMED;
    free(room);
    return r;
}
