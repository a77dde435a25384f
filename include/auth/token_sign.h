/* Making tokens and keys, for the command line and for tests. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "auth/keyring.h"

enum { TOKEN_SIGN_OK, TOKEN_SIGN_NO_KEY, TOKEN_SIGN_BAD_INFO, TOKEN_SIGN_BAD_LIMITS, TOKEN_SIGN_BAD_TEXT };

/* NULL texts and empty lists are left out. All texts are UTF-8. */
typedef struct TokenClaims {
    const char *user;
    const char *info;   /* one JSON value */
    const char *limits; /* a JSON object */
    const char *channel;
    const char *audience;
    const char *issuer;
    const char *const *channels;
    const char *const *subscribe;
    const char *const *publish;
    size_t n_channels;
    size_t n_subscribe;
    size_t n_publish;
    int64_t issued_s;
    int64_t expires_s; /* 0: never */
} TokenClaims;

/* Appends a token signed by the ring's first key that can sign: HS256, or EdDSA with its private half. TOKEN_SIGN_OK or why
   not; BUF_FULL cannot be told from -ENOMEM, for a token has no use for a small limit: give TOKEN_TEXT_MAX or more. */
int token_sign(Buf *out, const Keyring *ring, const TokenClaims *claims);

/* Appends a new random key as JWK: the whole of it to secret, and for EdDSA the half that may be shown to public. Each has the
   same kid. 0; -ENOMEM; -EINVAL for an algorithm that we only verify; -EIO when libsodium cannot be started. */
int token_keygen(Buf *secret, Buf *public_half, KeyAlgorithm algorithm);
