#include "auth/key.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "auth/words.h"
#include "base/error.h"

_Static_assert(KEY_ED25519_SIZE == crypto_sign_PUBLICKEYBYTES, "libsodium's public key");
_Static_assert(KEY_ED25519_SIZE == crypto_sign_SEEDBYTES, "libsodium's seed");
_Static_assert(KEY_DIGEST_SIZE == crypto_auth_hmacsha256_BYTES, "libsodium's digest");
_Static_assert(KEY_SIGNATURE_SIZE == crypto_sign_BYTES, "libsodium's signature");

static int bad(const char **why, const char *text) {
    *why = text;
    return KEYRING_BAD;
}

int key_set_id(Key *key, const char *id, size_t n_id, const char **why) {
    if (!words_is_name(id, n_id, KEY_ID_MAX))
        return bad(why, "a kid is UTF-8 of 1 to 255 bytes without control characters");
    key->id = strndup(id, n_id);
    return key->id ? KEYRING_OK : error_origin(-ENOMEM);
}

int key_set_hs256(Key *key, const uint8_t *secret, size_t n_secret, const char **why) {
    key->algorithm = KEY_HS256;
    if (n_secret < KEY_SECRET_MIN || n_secret > KEY_SECRET_MAX)
        return bad(why, "a secret for HS256 has 32 to 1024 bytes (RFC 7518 3.2)");
    key->secret = sodium_malloc(n_secret);
    if (!key->secret)
        return error_origin(-ENOMEM);
    memcpy(key->secret, secret, n_secret);
    key->n_secret = n_secret;
    return KEYRING_OK;
}

int key_set_ed25519(Key *key, const uint8_t *public_half, size_t n_public_half, const char **why) {
    key->algorithm = KEY_EDDSA;
    if (n_public_half != KEY_ED25519_SIZE || crypto_core_ed25519_is_valid_point(public_half) != 1)
        return bad(why, "it is no public key of Ed25519, which has 32 bytes");
    memcpy(key->ed25519, public_half, KEY_ED25519_SIZE);
    return KEYRING_OK;
}

int key_set_ed25519_seed(Key *key, const uint8_t *seed, size_t n_seed, const uint8_t *public_half, const char **why) {
    key->algorithm = KEY_EDDSA;
    if (n_seed != KEY_ED25519_SIZE)
        return bad(why, "it is no private key of Ed25519, which has 32 bytes");
    key->secret = sodium_malloc(crypto_sign_SECRETKEYBYTES);
    if (!key->secret)
        return error_origin(-ENOMEM);
    key->n_secret = crypto_sign_SECRETKEYBYTES;
    (void)crypto_sign_seed_keypair(key->ed25519, key->secret, seed);
    if (public_half && sodium_memcmp(public_half, key->ed25519, KEY_ED25519_SIZE) != 0)
        return bad(why, "its public half does not belong to its private half");
    return KEYRING_OK;
}

void key_finish(Key *key) {
    sodium_free(key->secret); /* wipes it */
    evp_key_free(key->evp);
    free(key->id);
    *key = (Key){.id = NULL};
}

static void digest(uint8_t *out, const Key *key, const char *text, size_t n_text) {
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key->secret, key->n_secret);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)text, n_text);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof(state));
}

static bool has_digest(const Key *key, const uint8_t *signature, size_t n_signature, const char *text, size_t n_text) {
    uint8_t expected[KEY_DIGEST_SIZE];
    if (n_signature != sizeof(expected))
        return false;
    digest(expected, key, text, n_text);
    bool is_equal = sodium_memcmp(expected, signature, sizeof(expected)) == 0;
    sodium_memzero(expected, sizeof(expected));
    return is_equal;
}

int key_verify(const Key *key, const uint8_t *signature, size_t n_signature, const char *text, size_t n_text) {
    bool is_good = false;
    switch (key->algorithm) {
    case KEY_EDDSA:
        is_good = n_signature == KEY_SIGNATURE_SIZE &&
                  crypto_sign_verify_detached(signature, (const unsigned char *)text, n_text, key->ed25519) == 0;
        break;
    case KEY_HS256:
        is_good = has_digest(key, signature, n_signature, text, n_text);
        break;
    case KEY_RS256:
    case KEY_ES256: {
        int r = evp_key_verify(key->evp, signature, n_signature, text, n_text);
        if (r < 0)
            return error_trace(r);
        is_good = r == 0;
        break;
    }
    case KEY_N_ALGORITHMS:
        break;
    }
    return is_good ? KEY_VERIFIED : KEY_FORGED;
}

bool key_can_sign(const Key *key) {
    return key->secret != NULL;
}

size_t key_sign(uint8_t *signature, const Key *key, const char *text, size_t n_text) {
    if (key->algorithm == KEY_HS256) {
        digest(signature, key, text, n_text);
        return KEY_DIGEST_SIZE;
    }
    (void)crypto_sign_detached(signature, NULL, (const unsigned char *)text, n_text, key->secret);
    return KEY_SIGNATURE_SIZE;
}
