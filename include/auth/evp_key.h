/* EVP key: what OpenSSL does for tokens: RS256 and ES256, and reading PEM. Owner: the Key; read by any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct evp_pkey_st EvpKey;

enum { EVP_KEY_OK, EVP_KEY_BAD };
enum { EVP_KEY_COORDINATE_SIZE = 32, EVP_KEY_SEED_SIZE = 32 };

typedef enum EvpKind { EVP_KIND_RSA, EVP_KIND_P256, EVP_KIND_ED25519, EVP_KIND_ED25519_SECRET } EvpKind;

/* All: EVP_KEY_OK; EVP_KEY_BAD with a static text in why; -ENOMEM. RSA: 2048 to 8192 bits, an odd exponent of up to 64 bits.
   The point must lie on the curve. */
int evp_key_rsa(EvpKey **key, const uint8_t *modulus, size_t n_modulus, const uint8_t *exponent, size_t n_exponent,
                const char **why);
int evp_key_p256(EvpKey **key, const uint8_t *x, const uint8_t *y, const char **why);
/* A DER SubjectPublicKeyInfo of that kind, EVP_KIND_RSA or EVP_KIND_P256. */
int evp_key_der(EvpKey **key, EvpKind kind, const uint8_t *der, size_t n_der, const char **why);
/* The first key in the text. Of an Ed25519 key the public half or the seed goes to raw (EVP_KEY_SEED_SIZE bytes, for the caller
   to wipe), else key is set. */
int evp_key_pem(EvpKey **key, EvpKind *kind, uint8_t *raw, const char *text, size_t n_text, const char **why);
EvpKey *evp_key_free(EvpKey *key); /* takes NULL, returns NULL */

/* A JWS signature with SHA-256: RSASSA-PKCS1-v1_5, or ECDSA as R and S of 32 bytes each (RFC 7518 3.3, 3.4). 0: it is the
   key's; 1: it is not; -ENOMEM. */
int evp_key_verify(EvpKey *key, const uint8_t *signature, size_t n_signature, const char *text, size_t n_text);
