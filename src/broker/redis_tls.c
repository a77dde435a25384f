#include "broker/redis_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

struct RedisTlsContext {
    SSL_CTX *ssl;
};

enum { TLS_ERROR_SIZE = 256 };

struct RedisTls {
    SSL *ssl;
    BIO *input;  /* the session's */
    BIO *output; /* the session's */
    bool is_ready;
    char error[TLS_ERROR_SIZE];
};

static const char *tls_reason(void) {
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason ? reason : "no reason is known";
}

/* OpenSSL's first error is the cause, such as a file that is not there; the later ones say who was in the way. */
static int tls_complain(char *error, size_t n_error, const char *what, const char *file) {
    unsigned long cause = ERR_peek_error();
    const char *reason = ERR_SYSTEM_ERROR(cause) ? strerror(ERR_GET_REASON(cause)) : ERR_reason_error_string(cause);
    snprintf(error, n_error, "%s %.80s: %s", what, file, reason ? reason : "no reason is known");
    return error_origin(-EINVAL);
}

static int tls_context_fill(SSL_CTX *ssl, const RedisTlsOptions *options, char *error, size_t n_error) {
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(ssl, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_verify(ssl, options->is_unverified ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    const char *cert = options->cert_file;
    const char *key = options->key_file ? options->key_file : cert;
    if (options->ca_file && SSL_CTX_load_verify_locations(ssl, options->ca_file, NULL) != 1)
        return tls_complain(error, n_error, "cannot take the certificates in", options->ca_file);
    if (!options->ca_file && !options->is_unverified && SSL_CTX_set_default_verify_paths(ssl) != 1)
        return tls_complain(error, n_error, "cannot take the certificates of", "the system");
    if (cert && SSL_CTX_use_certificate_chain_file(ssl, cert) != 1)
        return tls_complain(error, n_error, "cannot take the certificate in", cert);
    if (key && SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1)
        return tls_complain(error, n_error, "cannot take the key in", key);
    return 0;
}

int redis_tls_context_new(RedisTlsContext **out, const RedisTlsOptions *options, char *error, size_t n_error) {
    ERR_clear_error();
    RedisTlsContext *context = calloc(1, sizeof *context);
    if (context)
        context->ssl = SSL_CTX_new(TLS_client_method());
    int r = context && context->ssl ? tls_context_fill(context->ssl, options, error, n_error) : error_origin(-ENOMEM);
    ERR_clear_error();
    if (r < 0) {
        redis_tls_context_free(context);
        return error_trace(r);
    }
    *out = context;
    return 0;
}

RedisTlsContext *redis_tls_context_free(RedisTlsContext *context) {
    if (context)
        SSL_CTX_free(context->ssl);
    free(context);
    return NULL;
}

/* An address is looked for among the certificate's addresses, and is no name to ask the server for. */
static bool tls_expect(SSL *ssl, const char *host) {
    X509_VERIFY_PARAM *parameters = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1)
        return true;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static bool tls_make(RedisTls *tls, SSL_CTX *context, const char *host) {
    tls->ssl = SSL_new(context);
    tls->input = BIO_new(BIO_s_mem());
    tls->output = BIO_new(BIO_s_mem());
    if (!tls->ssl || !tls->input || !tls->output) {
        BIO_free(tls->input);
        BIO_free(tls->output);
        return false;
    }
    SSL_set_bio(tls->ssl, tls->input, tls->output);
    SSL_set_connect_state(tls->ssl);
    return tls_expect(tls->ssl, host);
}

int redis_tls_new(RedisTls **out, const RedisTlsContext *context, const char *host) {
    ERR_clear_error();
    RedisTls *tls = calloc(1, sizeof *tls);
    if (!tls)
        return error_origin(-ENOMEM);
    if (!tls_make(tls, context->ssl, host)) {
        redis_tls_free(tls);
        return error_origin(-ENOMEM);
    }
    SSL_do_handshake(tls->ssl); /* writes the first message, and wants the answer */
    *out = tls;
    return 0;
}

RedisTls *redis_tls_free(RedisTls *tls) {
    if (tls)
        SSL_free(tls->ssl);
    free(tls);
    return NULL;
}

/* What an OpenSSL call that did not succeed means. */
static int tls_judge(RedisTls *tls, int result) {
    int error = SSL_get_error(tls->ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return REDIS_TLS_OK;
    if (error == SSL_ERROR_ZERO_RETURN)
        return REDIS_TLS_CLOSED;
    long verdict = SSL_get_verify_result(tls->ssl);
    bool is_certificate = verdict != X509_V_OK && SSL_get_verify_mode(tls->ssl) != SSL_VERIFY_NONE;
    snprintf(tls->error, sizeof tls->error, is_certificate ? "the certificate of Redis: %s" : "TLS: %s",
             is_certificate ? X509_verify_cert_error_string(verdict) : tls_reason());
    ERR_clear_error();
    return REDIS_TLS_FAILED;
}

int redis_tls_feed(RedisTls *tls, const void *bytes, size_t n_bytes) {
    size_t n_written = 0;
    ERR_clear_error();
    if (BIO_write_ex(tls->input, bytes, n_bytes, &n_written) != 1 || n_written != n_bytes) {
        snprintf(tls->error, sizeof tls->error, "TLS: out of memory");
        return REDIS_TLS_FAILED;
    }
    if (tls->is_ready)
        return REDIS_TLS_OK;
    int r = SSL_do_handshake(tls->ssl);
    tls->is_ready = r == 1;
    return tls->is_ready ? REDIS_TLS_OK : tls_judge(tls, r);
}

bool redis_tls_is_ready(const RedisTls *tls) {
    return tls->is_ready;
}

int redis_tls_read(RedisTls *tls, void *bytes, size_t n_limit, size_t *n_bytes) {
    *n_bytes = 0;
    ERR_clear_error();
    int r = SSL_read_ex(tls->ssl, bytes, n_limit, n_bytes);
    return r == 1 ? REDIS_TLS_OK : tls_judge(tls, r);
}

int redis_tls_write(RedisTls *tls, const void *bytes, size_t n_bytes) {
    size_t n_written = 0;
    ERR_clear_error();
    int r = n_bytes ? SSL_write_ex(tls->ssl, bytes, n_bytes, &n_written) : 1;
    if (r == 1)
        return REDIS_TLS_OK;
    if (tls_judge(tls, r) != REDIS_TLS_FAILED) /* a write into memory never has to wait */
        snprintf(tls->error, sizeof tls->error, "TLS: closed by Redis");
    return REDIS_TLS_FAILED;
}

size_t redis_tls_take(RedisTls *tls, void *bytes, size_t n_limit) {
    size_t n_bytes = 0;
    return BIO_read_ex(tls->output, bytes, n_limit, &n_bytes) == 1 ? n_bytes : 0;
}

const char *redis_tls_error(const RedisTls *tls) {
    return tls->error;
}
