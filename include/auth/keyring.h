/* Keyring: the keys that tokens are judged by, each bound to one algorithm. Owner: the main thread while keys are added; from
   then on it does not change, and any thread reads it. Secrets lie in memory of sodium_malloc and are wiped. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum { KEYRING_OK, KEYRING_BAD };
enum {
    KEYRING_KEYS_MAX = 64,
    KEYRING_FILE_MAX = 256 * 1024,
    KEY_ID_MAX = 255,
    KEY_SECRET_MIN = 32, /* bytes of an HS256 secret (RFC 7518 3.2) */
    KEY_SECRET_MAX = 1024,
};

typedef enum KeyAlgorithm { KEY_EDDSA, KEY_HS256, KEY_RS256, KEY_ES256, KEY_N_ALGORITHMS } KeyAlgorithm;

typedef struct Keyring Keyring;

/* 0 or -errno: -ENOMEM, or -EIO when libsodium cannot be started. */
int keyring_new(Keyring **ring);
Keyring *keyring_free(Keyring *ring); /* takes NULL, returns NULL */
unsigned keyring_count(const Keyring *ring);

/* One key in one word: "eddsa:X", X the 32 bytes of an Ed25519 public key in base64url; "hs256:SECRET", the secret as it stands;
   "hs256-base64url:X", a secret of any bytes; "rs256:X" and "es256:X", a DER public key (SubjectPublicKeyInfo). "ALG/KID:" gives
   it an id. place names where it was written, for problems. KEYRING_OK; KEYRING_BAD with one line in problems that never shows
   the key; -ENOMEM. */
int keyring_add_text(Keyring *ring, const char *text, const char *place, Buf *problems);
/* A file's content: PEM (its first key: a public one of Ed25519, RSA or P-256, or a private one of Ed25519), a JWK, a JWKS, or
   words as above. Keys of a JWKS that are for something else are passed over; one without any key for us is bad. Returns as keyring_add_text; what was added before an error stays. */
int keyring_add_content(Keyring *ring, const char *content, size_t n_content, const char *place, Buf *problems);
int keyring_add_file(Keyring *ring, const char *path, Buf *problems); /* the same, read from the file */

const char *key_algorithm_name(KeyAlgorithm algorithm); /* as in a token's header: "EdDSA" */
