#include "net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/ref.h"
#include "base/spaced.h"

enum { TLS_TICKET_KEY_BYTES = 80 }; /* OpenSSL's: a name, a key of the MAC and one of the cipher */

struct Tls {
    Ref ref;
    unsigned n_pairs;
    SSL_CTX *pairs[TLS_PAIRS_MAX];
    uint8_t ticket_key[TLS_TICKET_KEY_BYTES]; /* the same in every worker: a client comes back to any of them */
};

/* Tickets are bound to it, and without one no client that showed a certificate could resume. */
static const uint8_t tls_session_context[] = "barker";
static const uint8_t tls_protocols[] = "\x08http/1.1";
/* Of TLS 1.2 only what has forward secrecy and authenticates what it encrypts; TLS 1.3 has nothing else. */
static const char tls_ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

/* OpenSSL's first error is the cause, such as a file that is not there; the later ones say who was in the way. */
static int tls_complain(char *error, size_t n_error, const char *what, const char *file) {
    unsigned long cause = ERR_peek_error();
    const char *reason = ERR_SYSTEM_ERROR(cause) ? strerror(ERR_GET_REASON(cause)) : ERR_reason_error_string(cause);
    snprintf(error, n_error, "%s %.160s: %s", what, file, reason ? reason : "no reason is known");
    return error_origin(-EINVAL);
}

/* A client that names other protocols only is refused (RFC 7301 section 3.2): what we send is no HTTP/2. */
static int tls_on_protocols(SSL *ssl, const unsigned char **out, unsigned char *n_out, const unsigned char *in, unsigned n_in,
                            void *context) {
    unsigned char *chosen = NULL;
    int r = SSL_select_next_proto(&chosen, n_out, tls_protocols, sizeof(tls_protocols) - 1, in, n_in);
    *out = chosen;
    return r == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* What a connection takes of the context that it begins with, and what of the one that it is switched to, differs from setting
   to setting: so both have all. */
static bool tls_prepare(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_alpn_select_cb(context, tls_on_protocols, NULL);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 && SSL_CTX_set_cipher_list(context, tls_ciphers) == 1 &&
           SSL_CTX_set_session_id_context(context, tls_session_context, sizeof(tls_session_context) - 1) == 1;
}

/* Nobody is there to be asked for it. */
static int tls_no_passphrase(char *text, int n_text, int is_written, void *context) {
    return -1;
}

static int tls_ask_clients(SSL_CTX *context, const char *ca, char *error, size_t n_error) {
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca);
    if (!names || SSL_CTX_load_verify_locations(context, ca, NULL) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return tls_complain(error, n_error, "cannot take the clients' authority in", ca);
    }
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return 0;
}

static int tls_fill(SSL_CTX *context, const char *certificate, const char *key, const char *ca, char *error, size_t n_error) {
    if (!tls_prepare(context))
        return tls_complain(error, n_error, "cannot prepare TLS for", certificate);
    SSL_CTX_set_default_passwd_cb(context, tls_no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
        return tls_complain(error, n_error, "cannot take the certificate in", certificate);
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(context) != 1)
        return tls_complain(error, n_error, "cannot take the key in", key);
    return *ca ? tls_ask_clients(context, ca, error, n_error) : 0;
}

static int tls_add(Tls *tls, const char *certificate, const char *key, const char *ca, char *error, size_t n_error) {
    SSL_CTX *context = certificate && key ? SSL_CTX_new(TLS_server_method()) : NULL;
    if (!context)
        return error_origin(-ENOMEM);
    int r = tls_fill(context, certificate, key, ca, error, n_error);
    if (r < 0) {
        SSL_CTX_free(context);
        return error_trace(r);
    }
    tls->pairs[tls->n_pairs++] = context;
    return 0;
}

static int tls_add_all(Tls *tls, const TlsFiles *files, char *error, size_t n_error) {
    const char *certificates = files->certificates, *keys = files->keys;
    unsigned n = spaced_count(certificates);
    int r = 0;
    if (n == 0 || n > TLS_PAIRS_MAX || n != spaced_count(keys)) {
        snprintf(error, n_error, "%u certificates and %u keys, up to %d pairs are right", n, spaced_count(keys), TLS_PAIRS_MAX);
        return error_origin(-EINVAL);
    }
    for (unsigned i = 0; i < n && r == 0; i++) {
        size_t n_certificate, n_key;
        const char *certificate = spaced_next(&certificates, &n_certificate), *key = spaced_next(&keys, &n_key);
        char *certificate_copy = strndup(certificate, n_certificate), *key_copy = strndup(key, n_key);
        r = tls_add(tls, certificate_copy, key_copy, files->client_ca, error, n_error);
        free(certificate_copy);
        free(key_copy);
    }
    return r;
}

int tls_new(Tls **out, const TlsFiles *files, char *error, size_t n_error) {
    Tls *tls = calloc(1, sizeof(*tls));
    if (!tls)
        return error_origin(-ENOMEM);
    ref_init(&tls->ref);
    snprintf(error, n_error, "out of memory");
    ERR_clear_error();
    int r = tls_add_all(tls, files, error, n_error);
    if (r == 0 && RAND_bytes(tls->ticket_key, sizeof(tls->ticket_key)) != 1)
        r = tls_complain(error, n_error, "cannot draw a key for", "tickets");
    ERR_clear_error();
    if (r < 0) {
        tls_unref(tls);
        return error_trace(r);
    }
    *out = tls;
    return 0;
}

Tls *tls_ref(Tls *tls) {
    if (tls)
        ref_acquire(&tls->ref);
    return tls;
}

Tls *tls_unref(Tls *tls) {
    if (!tls || !ref_release(&tls->ref))
        return NULL;
    for (unsigned i = 0; i < tls->n_pairs; i++)
        SSL_CTX_free(tls->pairs[i]); /* connections hold references of their own */
    OPENSSL_cleanse(tls->ticket_key, sizeof(tls->ticket_key));
    free(tls);
    return NULL;
}

uint64_t tls_stamp(const TlsFiles *files) {
    return files_stamp(files_stamp(files_stamp(0, files->certificates), files->keys), files->client_ca);
}

/* The name is one that the peer chose: it is only compared. */
static SSL_CTX *tls_find(const Tls *tls, const char *name) {
    for (unsigned i = 0; name && i < tls->n_pairs; i++)
        if (X509_check_host(SSL_CTX_get0_certificate(tls->pairs[i]), name, strlen(name), 0, NULL) == 1)
            return tls->pairs[i];
    return tls->pairs[0];
}

/* OpenSSL calls it in every handshake, with a name or without (RFC 6066 section 3). */
static int tls_on_name(SSL *ssl, int *alert, void *argument) {
    Tls *const *current = argument;
    SSL_CTX *context = tls_find(*current, SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
    if (!SSL_set_SSL_CTX(ssl, context))
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    SSL_set_verify(ssl, SSL_CTX_get_verify_mode(context), NULL);
    return SSL_TLSEXT_ERR_OK;
}

void tls_attach(struct ssl_ctx_st *context, Tls **current) {
    tls_prepare(context);
    SSL_CTX_set_tlsext_servername_callback(context, tls_on_name);
    SSL_CTX_set_tlsext_servername_arg(context, current);
    tls_renew_tickets(context, *current);
}

void tls_renew_tickets(struct ssl_ctx_st *context, const Tls *tls) {
    uint8_t key[TLS_TICKET_KEY_BYTES]; /* OpenSSL's parameter is older than const */
    memcpy(key, tls->ticket_key, sizeof(key));
    SSL_CTX_set_tlsext_ticket_keys(context, key, (long)sizeof(key));
    OPENSSL_cleanse(key, sizeof(key));
}
