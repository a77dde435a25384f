#include "auth/evp_key.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192, EXPONENT_BITS_MAX = 64, P256_SIGNATURE_SIZE = 64, DER_SIGNATURE_SIZE = 80 };

static const char not_rsa[] = "it is no RSA public key of 2048 to 8192 bits with an odd exponent";
static const char not_p256[] = "it is no public key on the curve P-256";

/* OpenSSL keeps its errors in the thread, where TLS would find them and take them for its own. */
static int bad(const char **why, const char *text) {
    ERR_clear_error();
    *why = text;
    return EVP_KEY_BAD;
}

EvpKey *evp_key_free(EvpKey *key) {
    EVP_PKEY_free(key);
    return NULL;
}

static bool is_sound_rsa(EVP_PKEY *key) {
    BIGNUM *exponent = NULL;
    int n_bits = EVP_PKEY_get_bits(key);
    bool is_sound = EVP_PKEY_is_a(key, "RSA") && n_bits >= RSA_BITS_MIN && n_bits <= RSA_BITS_MAX &&
                    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 && BN_is_odd(exponent) &&
                    !BN_is_one(exponent) && BN_num_bits(exponent) <= EXPONENT_BITS_MAX;
    BN_free(exponent);
    return is_sound;
}

static bool is_p256(EVP_PKEY *key) {
    char group[32];
    size_t n_group;
    return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), &n_group) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

/* Takes the key over. */
static int accept_key(EvpKey **out, EvpKind kind, EVP_PKEY *key, const char **why) {
    bool is_sound = key && (kind == EVP_KIND_RSA ? is_sound_rsa(key) : is_p256(key));
    if (!is_sound) {
        EVP_PKEY_free(key);
        return bad(why, kind == EVP_KIND_RSA ? not_rsa : not_p256);
    }
    *out = key;
    return EVP_KEY_OK;
}

static EVP_PKEY *from_parameters(const char *type, OSSL_PARAM_BLD *build) {
    EVP_PKEY *key = NULL;
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (!parameters || !context || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    return key;
}

int evp_key_rsa(EvpKey **key, const uint8_t *modulus, size_t n_modulus, const uint8_t *exponent, size_t n_exponent,
                const char **why) {
    if (n_modulus > RSA_BITS_MAX / CHAR_BIT || n_exponent > EXPONENT_BITS_MAX / CHAR_BIT)
        return bad(why, not_rsa);
    BIGNUM *n = BN_bin2bn(modulus, (int)n_modulus, NULL);
    BIGNUM *e = BN_bin2bn(exponent, (int)n_exponent, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    int r = -ENOMEM;
    if (n && e && build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        r = accept_key(key, EVP_KIND_RSA, from_parameters("RSA", build), why);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return r < 0 ? error_origin(r) : r;
}

int evp_key_p256(EvpKey **key, const uint8_t *x, const uint8_t *y, const char **why) {
    uint8_t point[1 + 2 * EVP_KEY_COORDINATE_SIZE] = {POINT_CONVERSION_UNCOMPRESSED};
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    int r = -ENOMEM;
    memcpy(point + 1, x, EVP_KEY_COORDINATE_SIZE);
    memcpy(point + 1 + EVP_KEY_COORDINATE_SIZE, y, EVP_KEY_COORDINATE_SIZE);
    if (build && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)) == 1)
        r = accept_key(key, EVP_KIND_P256, from_parameters("EC", build), why);
    OSSL_PARAM_BLD_free(build);
    return r < 0 ? error_origin(r) : r;
}

int evp_key_der(EvpKey **key, EvpKind kind, const uint8_t *der, size_t n_der, const char **why) {
    const unsigned char *at = der;
    EVP_PKEY *read = d2i_PUBKEY(NULL, &at, (long)n_der);
    if (read && at != der + n_der) {
        EVP_PKEY_free(read);
        read = NULL;
    }
    return accept_key(key, kind, read, why);
}

/* Without it OpenSSL asks for a password at the terminal. */
static int no_password(char *password, int n_password, int is_writing, void *user) {
    return -1;
}

/* Takes the key over. */
static int take_pem(EvpKey **out, EvpKind *kind, uint8_t *raw, EVP_PKEY *key, bool is_private, const char **why) {
    size_t n_raw = EVP_KEY_SEED_SIZE;
    if (EVP_PKEY_is_a(key, "ED25519")) {
        int r = is_private ? EVP_PKEY_get_raw_private_key(key, raw, &n_raw) : EVP_PKEY_get_raw_public_key(key, raw, &n_raw);
        *kind = is_private ? EVP_KIND_ED25519_SECRET : EVP_KIND_ED25519;
        EVP_PKEY_free(key);
        return r == 1 && n_raw == EVP_KEY_SEED_SIZE ? EVP_KEY_OK : bad(why, "it is no Ed25519 key");
    }
    if (is_private) {
        EVP_PKEY_free(key);
        return bad(why, "a private key of this kind has no use here: give the public one");
    }
    *kind = EVP_PKEY_is_a(key, "RSA") ? EVP_KIND_RSA : EVP_KIND_P256;
    return accept_key(out, *kind, key, why);
}

int evp_key_pem(EvpKey **key, EvpKind *kind, uint8_t *raw, const char *text, size_t n_text, const char **why) {
    BIO *bio = BIO_new_mem_buf(text, (int)n_text);
    if (!bio)
        return error_origin(-ENOMEM);
    EVP_PKEY *read = PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
    bool is_private = !read;
    BIO_free(bio);
    if (is_private) {
        bio = BIO_new_mem_buf(text, (int)n_text);
        read = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
        BIO_free(bio);
    }
    if (!read)
        return bad(why, "there is no PEM key in it that can be read (PUBLIC KEY, or PRIVATE KEY without a password)");
    int r = take_pem(key, kind, raw, read, is_private, why);
    ERR_clear_error();
    return r;
}

/* R and S as ASN.1, as EVP wants them. Returns the size, or -ENOMEM. */
static int write_der(uint8_t *der, const uint8_t *signature) {
    const int n_half = P256_SIGNATURE_SIZE / 2;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, n_half, NULL);
    BIGNUM *s = BN_bin2bn(signature + n_half, n_half, NULL);
    int n = -1;
    if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
        r = s = NULL; /* the pair's now */
        n = i2d_ECDSA_SIG(pair, &der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    return n > 0 ? n : error_origin(-ENOMEM);
}

int evp_key_verify(EvpKey *key, const uint8_t *signature, size_t n_signature, const char *text, size_t n_text) {
    uint8_t der[DER_SIGNATURE_SIZE];
    if (EVP_PKEY_is_a(key, "EC")) {
        int n_der = n_signature == P256_SIGNATURE_SIZE ? write_der(der, signature) : 0;
        if (n_der <= 0)
            return n_der < 0 ? error_trace(n_der) : 1;
        signature = der;
        n_signature = (size_t)n_der;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context)
        return error_origin(-ENOMEM);
    bool is_good = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                   EVP_DigestVerify(context, signature, n_signature, (const unsigned char *)text, n_text) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return is_good ? 0 : 1;
}
