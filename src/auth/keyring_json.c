#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <string.h>

#include "auth/key.h"
#include "auth/words.h"
#include "base/error.h"

enum { JWK_OTHER = 2 }; /* beside KEYRING_OK and KEYRING_BAD: a key that is none of ours */
enum { PARAMETER_MAX = 1024 };

static const char not_a_jwk[] =
    "it is no JWK: kty must be OKP, oct, RSA or EC, with that kind's members (RFC 7517, 7518, 8037)";

static int bad(const char **why, const char *text) {
    *why = text;
    return KEYRING_BAD;
}

/* A member in base64url, up to PARAMETER_MAX bytes of it. Returns how many, 0 when it is absent, or -EINVAL. */
static ptrdiff_t read_member(uint8_t *bytes, const json_t *jwk, const char *name) {
    const json_t *value = json_object_get(jwk, name);
    size_t n_text = json_string_length(value);
    if (!value)
        return 0;
    if (!json_is_string(value) || n_text == 0 || n_text > base64url_size(PARAMETER_MAX))
        return -EINVAL;
    return base64url_decode(bytes, json_string_value(value), n_text);
}

static bool has_word(const json_t *jwk, const char *name, const char *word) {
    const char *text = json_string_value(json_object_get(jwk, name));
    return text && strcmp(text, word) == 0;
}

static bool is_absent_or(const json_t *jwk, const char *name, const char *word) {
    return !json_object_get(jwk, name) || has_word(jwk, name, word);
}

static int set_okp(Key *key, const json_t *jwk, uint8_t *bytes, const char **why) {
    uint8_t public_half[PARAMETER_MAX + 2];
    if (!has_word(jwk, "crv", "Ed25519") || (!is_absent_or(jwk, "alg", "EdDSA") && !has_word(jwk, "alg", "Ed25519")))
        return JWK_OTHER;
    ptrdiff_t n_public = read_member(public_half, jwk, "x");
    ptrdiff_t n_seed = read_member(bytes, jwk, "d");
    if (n_public != KEY_ED25519_SIZE || n_seed < 0)
        return bad(why, not_a_jwk);
    if (n_seed > 0)
        return key_set_ed25519_seed(key, bytes, (size_t)n_seed, public_half, why);
    return key_set_ed25519(key, public_half, (size_t)n_public, why);
}

static int set_oct(Key *key, const json_t *jwk, uint8_t *bytes, const char **why) {
    if (!is_absent_or(jwk, "alg", "HS256"))
        return JWK_OTHER;
    ptrdiff_t n_secret = read_member(bytes, jwk, "k");
    return n_secret <= 0 ? bad(why, not_a_jwk) : key_set_hs256(key, bytes, (size_t)n_secret, why);
}

static int set_rsa(Key *key, const json_t *jwk, uint8_t *bytes, const char **why) {
    uint8_t exponent[PARAMETER_MAX + 2];
    if (!is_absent_or(jwk, "alg", "RS256"))
        return JWK_OTHER;
    ptrdiff_t n_modulus = read_member(bytes, jwk, "n");
    ptrdiff_t n_exponent = read_member(exponent, jwk, "e");
    if (n_modulus <= 0 || n_exponent <= 0)
        return bad(why, not_a_jwk);
    key->algorithm = KEY_RS256;
    return evp_key_rsa(&key->evp, bytes, (size_t)n_modulus, exponent, (size_t)n_exponent, why);
}

static int set_ec(Key *key, const json_t *jwk, uint8_t *bytes, const char **why) {
    uint8_t y[PARAMETER_MAX + 2];
    if (!has_word(jwk, "crv", "P-256") || !is_absent_or(jwk, "alg", "ES256"))
        return JWK_OTHER;
    if (read_member(bytes, jwk, "x") != EVP_KEY_COORDINATE_SIZE || read_member(y, jwk, "y") != EVP_KEY_COORDINATE_SIZE)
        return bad(why, not_a_jwk);
    key->algorithm = KEY_ES256;
    return evp_key_p256(&key->evp, bytes, y, why);
}

static int set_by_type(Key *key, const json_t *jwk, uint8_t *bytes, const char **why) {
    if (has_word(jwk, "kty", "OKP"))
        return set_okp(key, jwk, bytes, why);
    if (has_word(jwk, "kty", "oct"))
        return set_oct(key, jwk, bytes, why);
    if (has_word(jwk, "kty", "RSA"))
        return set_rsa(key, jwk, bytes, why);
    if (has_word(jwk, "kty", "EC"))
        return set_ec(key, jwk, bytes, why);
    return json_is_string(json_object_get(jwk, "kty")) ? JWK_OTHER : bad(why, not_a_jwk);
}

static bool is_for_signatures(const json_t *jwk) {
    const json_t *uses = json_object_get(jwk, "key_ops");
    bool is_for = !uses;
    for (size_t i = 0; i < json_array_size(uses); i++) {
        const char *use = json_string_value(json_array_get(uses, i));
        if (use && (strcmp(use, "verify") == 0 || strcmp(use, "sign") == 0))
            is_for = true;
    }
    return is_for && is_absent_or(jwk, "use", "sig");
}

static int set_from_jwk(Key *key, const json_t *jwk, const char **why) {
    const json_t *id = json_object_get(jwk, "kid");
    uint8_t bytes[PARAMETER_MAX + 2];
    if (!json_is_object(jwk))
        return bad(why, not_a_jwk);
    if (!is_for_signatures(jwk))
        return JWK_OTHER;
    int r = set_by_type(key, jwk, bytes, why);
    sodium_memzero(bytes, sizeof(bytes));
    if (r == KEYRING_OK && id)
        r = key_set_id(key, json_string_value(id) ? json_string_value(id) : "", json_string_length(id), why);
    return r;
}

static int add_jwk(Keyring *ring, const json_t *jwk, const char **why) {
    Key key = {.id = NULL};
    int r = set_from_jwk(&key, jwk, why);
    if (r == KEYRING_OK)
        r = keyring_add(ring, &key, why);
    key_finish(&key); /* empty, when the ring has taken it */
    return r;
}

/* Keys of other kinds are passed over (RFC 7517 section 5); one of ours that is broken is a mistake to tell. */
static int add_jwks(Keyring *ring, const json_t *keys, const char *place, Buf *problems) {
    unsigned n_before = ring->n_keys;
    if (!json_is_array(keys))
        return keyring_problem(problems, place, "keys of a JWKS must be an array");
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const char *why = NULL;
        int r = add_jwk(ring, json_array_get(keys, i), &why);
        if (r < 0)
            return error_trace(r);
        if (r == KEYRING_BAD) {
            (void)buf_append_format(problems, "%s: key %zu: %s\n", place, i + 1, why);
            return KEYRING_BAD;
        }
    }
    if (ring->n_keys == n_before)
        return keyring_problem(problems, place, "none of its keys is for EdDSA, HS256, RS256 or ES256 signatures");
    return KEYRING_OK;
}

static int add_root(Keyring *ring, const json_t *root, const char *place, Buf *problems) {
    const json_t *keys = json_object_get(root, "keys");
    const char *why = NULL;
    if (keys)
        return add_jwks(ring, keys, place, problems);
    int r = add_jwk(ring, root, &why);
    if (r == JWK_OTHER)
        why = "it is not a key for EdDSA (Ed25519), HS256, RS256 or ES256 (P-256) signatures";
    return r < 0 ? error_trace(r) : r > 0 ? keyring_problem(problems, place, why) : KEYRING_OK;
}

/* Best effort: what jansson's own reading has freed is beyond reach. */
static void wipe_member(const json_t *jwk, const char *name) {
    json_t *value = json_object_get(jwk, name);
    if (json_is_string(value))
        sodium_memzero((char *)json_string_value(value), json_string_length(value));
}

static void wipe(const json_t *root) {
    const json_t *keys = json_object_get(root, "keys");
    for (size_t i = 0; i < json_array_size(keys) + 1; i++) {
        const json_t *jwk = i < json_array_size(keys) ? json_array_get(keys, i) : root;
        wipe_member(jwk, "d");
        wipe_member(jwk, "k");
    }
}

int keyring_add_json(Keyring *ring, const char *content, size_t n_content, const char *place, Buf *problems) {
    json_error_t error = {.text = ""};
    json_t *root = words_is_text(content, n_content) ? json_loadb(content, n_content, JSON_REJECT_DUPLICATES, &error) : NULL;
    if (!root) {
        (void)buf_append_format(problems, "%s: it is not JSON, each name once, at line %d\n", place, error.line);
        return KEYRING_BAD;
    }
    int r = add_root(ring, root, place, problems);
    wipe(root);
    json_decref(root);
    return r;
}
