#include "auth/token_sign.h"

#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/key.h"
#include "auth/words.h"
#include "base/error.h"

enum { KID_SIZE = 44, SECRET_SIZE = 44, ID_BYTES = 12 }; /* 32 bytes in base64url, and a NUL */

static const Key *find_signing_key(const Keyring *ring) {
    for (unsigned i = 0; i < ring->n_keys; i++)
        if (key_can_sign(&ring->keys[i]))
            return &ring->keys[i];
    return NULL;
}

/* Takes the value over. */
static int set_value(json_t *object, const char *name, json_t *value) {
    return value && json_object_set_new(object, name, value) == 0 ? TOKEN_SIGN_OK : error_origin(-ENOMEM);
}

static int set_text(json_t *object, const char *name, const char *text) {
    if (!text)
        return TOKEN_SIGN_OK;
    if (!words_is_text(text, strlen(text)))
        return TOKEN_SIGN_BAD_TEXT;
    return set_value(object, name, json_string_nocheck(text));
}

static int set_list(json_t *object, const char *name, const char *const *items, size_t n_items) {
    if (n_items == 0)
        return TOKEN_SIGN_OK;
    json_t *list = json_array();
    int r = set_value(object, name, list);
    for (size_t i = 0; i < n_items && r == TOKEN_SIGN_OK; i++) {
        if (!words_is_name(items[i], strlen(items[i]), KEY_ID_MAX))
            r = TOKEN_SIGN_BAD_TEXT;
        else if (json_array_append_new(list, json_string_nocheck(items[i])) != 0)
            r = error_origin(-ENOMEM);
    }
    return r;
}

static int set_json(json_t *object, const char *name, const char *text, int bad) {
    if (!text)
        return TOKEN_SIGN_OK;
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    return value ? set_value(object, name, value) : bad;
}

static int set_claims(json_t *object, const TokenClaims *claims) {
    int r = set_text(object, "sub", claims->user);
    if (r == TOKEN_SIGN_OK)
        r = set_text(object, "iss", claims->issuer);
    if (r == TOKEN_SIGN_OK)
        r = set_text(object, "aud", claims->audience);
    if (r == TOKEN_SIGN_OK)
        r = set_text(object, "channel", claims->channel);
    if (r == TOKEN_SIGN_OK)
        r = set_json(object, "info", claims->info, TOKEN_SIGN_BAD_INFO);
    if (r == TOKEN_SIGN_OK)
        r = set_json(object, "limits", claims->limits, TOKEN_SIGN_BAD_LIMITS);
    if (r == TOKEN_SIGN_OK)
        r = set_list(object, "channels", claims->channels, claims->n_channels);
    if (r == TOKEN_SIGN_OK)
        r = set_list(object, "subscribe", claims->subscribe, claims->n_subscribe);
    if (r == TOKEN_SIGN_OK)
        r = set_list(object, "publish", claims->publish, claims->n_publish);
    if (r == TOKEN_SIGN_OK && claims->issued_s != 0)
        r = set_value(object, "iat", json_integer(claims->issued_s));
    if (r == TOKEN_SIGN_OK && claims->expires_s != 0)
        r = set_value(object, "exp", json_integer(claims->expires_s));
    return r;
}

static int append_base64url(Buf *out, const void *bytes, size_t n_bytes) {
    char *text = malloc(base64url_size(n_bytes) + 1);
    if (!text)
        return error_origin(-ENOMEM);
    base64url_encode(text, bytes, n_bytes);
    int r = buf_append_text(out, text);
    free(text);
    return r == BUF_OK ? 0 : error_origin(-ENOMEM);
}

static int append_object(Buf *out, const json_t *object) {
    char *text = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER);
    int r = text ? append_base64url(out, text, strlen(text)) : error_origin(-ENOMEM);
    free(text);
    return r;
}

static int append_header(Buf *out, const Key *key) {
    json_t *header = json_object();
    int r = header ? set_text(header, "alg", key_algorithm_name(key->algorithm)) : error_origin(-ENOMEM);
    if (r == TOKEN_SIGN_OK)
        r = set_text(header, "typ", "JWT");
    if (r == TOKEN_SIGN_OK)
        r = set_text(header, "kid", key->id);
    if (r == TOKEN_SIGN_OK)
        r = append_object(out, header);
    json_decref(header);
    return r;
}

static int append_payload(Buf *out, const TokenClaims *claims) {
    json_t *object = json_object();
    int r = object ? set_claims(object, claims) : error_origin(-ENOMEM);
    if (r == TOKEN_SIGN_OK)
        r = buf_append_text(out, ".") == BUF_OK ? append_object(out, object) : error_origin(-ENOMEM);
    json_decref(object);
    return r;
}

int token_sign(Buf *out, const Keyring *ring, const TokenClaims *claims) {
    uint8_t signature[KEY_SIGNATURE_SIZE];
    const Key *key = find_signing_key(ring);
    size_t n_before = out->n_bytes;
    if (!key)
        return TOKEN_SIGN_NO_KEY;
    int r = append_header(out, key);
    if (r == TOKEN_SIGN_OK)
        r = append_payload(out, claims);
    if (r != TOKEN_SIGN_OK)
        return r;
    size_t n_signature = key_sign(signature, key, (const char *)out->bytes + n_before, out->n_bytes - n_before);
    if (buf_append_text(out, ".") != BUF_OK)
        return error_origin(-ENOMEM);
    return append_base64url(out, signature, n_signature);
}

static int generate_hs256(Buf *secret) {
    uint8_t bytes[KEY_SECRET_MIN], id[ID_BYTES];
    char bytes_text[SECRET_SIZE], id_text[KID_SIZE];
    randombytes_buf(bytes, sizeof(bytes));
    randombytes_buf(id, sizeof(id));
    base64url_encode(bytes_text, bytes, sizeof(bytes));
    base64url_encode(id_text, id, sizeof(id));
    int r = buf_append_format(secret, "{\"kty\":\"oct\",\"alg\":\"HS256\",\"use\":\"sig\",\"kid\":\"%s\",\"k\":\"%s\"}",
                              id_text, bytes_text);
    sodium_memzero(bytes, sizeof(bytes));
    sodium_memzero(bytes_text, sizeof(bytes_text));
    return r == BUF_OK ? 0 : error_origin(-ENOMEM);
}

/* The public half's thumbprint (RFC 7638, RFC 8037 A.3): the same kid, whoever computes it. */
static void write_thumbprint(char *kid, const char *public_text) {
    uint8_t hash[crypto_hash_sha256_BYTES];
    char members[128];
    int n = snprintf(members, sizeof(members), "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}", public_text);
    crypto_hash_sha256(hash, (const unsigned char *)members, (size_t)n);
    base64url_encode(kid, hash, sizeof(hash));
}

static int generate_eddsa(Buf *secret, Buf *public_half) {
    static const char head[] =
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"EdDSA\",\"use\":\"sig\",\"kid\":\"%s\",\"x\":\"%s\"";
    uint8_t seed[crypto_sign_SEEDBYTES], whole[crypto_sign_SECRETKEYBYTES], x[crypto_sign_PUBLICKEYBYTES];
    char x_text[SECRET_SIZE], seed_text[SECRET_SIZE], kid[KID_SIZE];
    randombytes_buf(seed, sizeof(seed));
    (void)crypto_sign_seed_keypair(x, whole, seed);
    base64url_encode(x_text, x, sizeof(x));
    base64url_encode(seed_text, seed, sizeof(seed));
    write_thumbprint(kid, x_text);
    bool is_written = buf_append_format(secret, head, kid, x_text) == BUF_OK &&
                      buf_append_format(secret, ",\"d\":\"%s\"}", seed_text) == BUF_OK &&
                      buf_append_format(public_half, head, kid, x_text) == BUF_OK &&
                      buf_append_text(public_half, "}") == BUF_OK;
    sodium_memzero(seed, sizeof(seed));
    sodium_memzero(whole, sizeof(whole));
    sodium_memzero(seed_text, sizeof(seed_text));
    return is_written ? 0 : error_origin(-ENOMEM);
}

int token_keygen(Buf *secret, Buf *public_half, KeyAlgorithm algorithm) {
    if (sodium_init() < 0)
        return error_origin(-EIO);
    if (algorithm == KEY_EDDSA)
        return generate_eddsa(secret, public_half);
    return algorithm == KEY_HS256 ? generate_hs256(secret) : error_origin(-EINVAL);
}
