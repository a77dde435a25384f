#include "session_tokens.h"

#include <sodium.h>
#include <string.h>

#include "auth/token.h"
#include "auth/words.h"

#define SECRET "0123456789abcdef0123456789abcdef"

enum { SIGNED_MAX = 4096, PROBLEMS_BYTES = 256 };

static const char header[] = "eyJhbGciOiJIUzI1NiJ9."; /* {"alg":"HS256"} */

const Keyring *session_tokens_keyring(void) {
    static Keyring *ring;
    Buf problems;
    if (ring)
        return ring;
    buf_init(&problems, PROBLEMS_BYTES);
    fuzz_must(keyring_new(&ring) == 0 && keyring_add_text(ring, "hs256:" SECRET, "here", &problems) == KEYRING_OK,
              "the key is good");
    buf_finish(&problems);
    return ring;
}

bool session_tokens_sign(Buf *text, const FuzzInput *claims) {
    char bytes[SIGNED_MAX];
    char signature_text[64];
    uint8_t signature[crypto_auth_hmacsha256_BYTES];
    size_t n_header = sizeof header - 1;
    size_t n_signed = n_header + base64url_size(claims->n_bytes);
    if (n_signed >= sizeof bytes)
        return false;
    memcpy(bytes, header, n_header);
    base64url_encode(bytes + n_header, claims->bytes, claims->n_bytes);
    crypto_auth_hmacsha256(signature, (const uint8_t *)bytes, n_signed, (const uint8_t *)SECRET);
    base64url_encode(signature_text, signature, sizeof signature);
    return buf_append(text, bytes, n_signed) == BUF_OK && buf_append_format(text, ".%s", signature_text) == BUF_OK;
}
