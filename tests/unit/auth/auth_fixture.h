/* Keys and tokens to try, those of the RFCs first. Owner: the main thread of the test. */
#pragma once

#include "auth/key.h"
#include "auth/token.h"

/* RFC 8037 appendix A: its key, and the JWS (A.4), whose payload is no JSON. */
#define ED25519_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define ED25519_D "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
#define ED25519_JWK "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"d\":\"" ED25519_D "\",\"x\":\"" ED25519_X "\"}"
#define ED25519_SIGNED "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
#define ED25519_SIGNATURE "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

/* RFC 7515 appendix A.1 to A.3: {"iss":"joe", "exp":1300819380, "http://example.com/is_root":true}. */
#define JOE_PAYLOAD "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define JOE_EXPIRES_S 1300819380
#define HS256_K "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
#define HS256_JWK "{\"kty\":\"oct\",\"k\":\"" HS256_K "\"}"
#define HS256_TOKEN "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." JOE_PAYLOAD ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define RS256_N                                                                                                                \
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_" \
    "YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-"                                    \
    "UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZl"                                                                                    \
    "xvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
#define RS256_JWK "{\"kty\":\"RSA\",\"n\":\"" RS256_N "\",\"e\":\"AQAB\"}"
#define RS256_PEM                                                                                                              \
    "-----BEGIN PUBLIC KEY-----\n"                                                                                             \
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJj\n"                                                       \
    "NiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz\n"                                                       \
    "P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo\n"                                                       \
    "9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTB\n"                                                       \
    "EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX\n"                                                       \
    "FvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp\n"                                                       \
    "oQIDAQAB\n"                                                                                                               \
    "-----END PUBLIC KEY-----\n"
#define RS256_TOKEN                                                                                                            \
    "eyJhbGciOiJSUzI1NiJ9." JOE_PAYLOAD                                                                                        \
    ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt"                                    \
    "_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_"    \
    "eSN9"                                                                                                                     \
    "383LcOLn6_dO--xi12jzDwusC-"                                                                                               \
    "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN"                          \
    "_IoypGlUPQGe77Rw"
#define ES256_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define ES256_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define ES256_JWK "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" ES256_X "\",\"y\":\"" ES256_Y "\"}"
#define ES256_DER                                                                                                              \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72bfocs3-257rn0s2ldbqkLJK2KRiMohYjl" \
    "rQ"
#define ES256_TOKEN                                                                                                            \
    "eyJhbGciOiJFUzI1NiJ9." JOE_PAYLOAD                                                                                        \
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

#define SECRET_TEXT "hs256:a-secret-of-thirty-two-bytes,-or-more"

Keyring *ring_of(const char *content); /* of what keyring_add_content takes; it must be good */
void ring_add(Keyring *ring, const char *content);
/* A token with this header and payload, signed by the ring's first key; for the caller to free. */
char *mint(const Keyring *ring, const char *header, const char *payload);
char *mint_bytes(const Keyring *ring, const char *header, const void *payload, size_t n_payload);
/* token_verify with what it gives freed; without rules, or with these. */
int verify(const Keyring *ring, const char *text, int64_t now_s);
int verify_by(const Keyring *ring, const char *text, const TokenRules *rules, int64_t now_s);
