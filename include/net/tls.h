/* Tls: what a node shows to clients that connect by TLS: certificates, keys, the authority for their own certificates.
   Immutable and counted; any thread. Once a Tls is replaced, the connections that were made with it go on. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct Tls Tls;

enum { TLS_PAIRS_MAX = 64 };

/* Names of files in PEM, borrowed. */
typedef struct TlsFiles {
    const char *certificates; /* separated by spaces, each with its chain; the first is for names that no other bears */
    const char *keys;         /* as many, in the same order */
    const char *client_ca;    /* clients must show a certificate of this authority; "": they need none */
} TlsFiles;

/* 0; -EINVAL with what is wrong in error, n_error bytes: a file that cannot be read, a key that does not fit its certificate;
   -ENOMEM. */
int tls_new(Tls **out, const TlsFiles *files, char *error, size_t n_error);
Tls *tls_ref(Tls *tls);   /* takes NULL */
Tls *tls_unref(Tls *tls); /* NULL, also for NULL */

/* Changes when one of the files does, or is replaced by another. */
uint64_t tls_stamp(const TlsFiles *files);

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */
/* Makes a server's context, owned by one thread, show at each new handshake what *current is then, which is not NULL. */
void tls_attach(struct ssl_ctx_st *context, Tls **current);
/* After each change of *current: tickets are its own, so none outlives the certificates under which it was given. */
void tls_renew_tickets(struct ssl_ctx_st *context, const Tls *tls);
