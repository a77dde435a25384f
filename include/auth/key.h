/* Key: one key bound to its algorithm, and the ring's inside. Owner: the Keyring. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "auth/evp_key.h"
#include "auth/keyring.h"

enum { KEY_VERIFIED, KEY_FORGED };
enum { KEY_ED25519_SIZE = 32, KEY_DIGEST_SIZE = 32, KEY_SIGNATURE_SIZE = 64 };

typedef struct Key {
    KeyAlgorithm algorithm;
    char *id;                          /* NULL: none */
    uint8_t ed25519[KEY_ED25519_SIZE]; /* EdDSA: the public half */
    uint8_t *secret;                   /* HS256, and EdDSA that can sign; of sodium_malloc */
    size_t n_secret;
    EvpKey *evp; /* RS256, ES256 */
} Key;

struct Keyring {
    Key keys[KEYRING_KEYS_MAX];
    unsigned n_keys;
};

/* Fill a zeroed key. KEYRING_OK; KEYRING_BAD with a static text in why; -ENOMEM. On error key_finish is still due. */
int key_set_id(Key *key, const char *id, size_t n_id, const char **why);
int key_set_hs256(Key *key, const uint8_t *secret, size_t n_secret, const char **why);
int key_set_ed25519(Key *key, const uint8_t *public_half, size_t n_public_half, const char **why);
/* From the private half; public_half is checked against it when it is not NULL. */
int key_set_ed25519_seed(Key *key, const uint8_t *seed, size_t n_seed, const uint8_t *public_half, const char **why);
void key_finish(Key *key);

/* KEY_VERIFIED; KEY_FORGED; -ENOMEM. */
int key_verify(const Key *key, const uint8_t *signature, size_t n_signature, const char *text, size_t n_text);
bool key_can_sign(const Key *key);
/* Writes KEY_SIGNATURE_SIZE bytes at most; returns how many. The key can sign. */
size_t key_sign(uint8_t *signature, const Key *key, const char *text, size_t n_text);

/* Takes the key over, also on error. KEYRING_OK; KEYRING_BAD with why when the ring is full. */
int keyring_add(Keyring *ring, Key *key, const char **why);
/* One line in problems. Returns KEYRING_BAD. */
int keyring_problem(Buf *problems, const char *place, const char *why);

/* The keys of a JWK or JWKS. Returns as keyring_add_content. */
int keyring_add_json(Keyring *ring, const char *content, size_t n_content, const char *place, Buf *problems);
