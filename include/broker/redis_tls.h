/* RedisTls: TLS of one connection to Redis, between the bytes on its socket and the plain ones: it does no I/O itself, so that
   a connection stays one libuv stream. Owner: the bus thread; a RedisTlsContext is immutable, and any thread's.
   Only redis_tls.c knows OpenSSL. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct RedisTlsContext RedisTlsContext;
typedef struct RedisTls RedisTls;

/* Files in PEM, borrowed. */
typedef struct RedisTlsOptions {
    const char *ca_file;   /* NULL: the system's certificates */
    const char *cert_file; /* NULL: we show none. Redis asks for one unless it has tls-auth-clients no */
    const char *key_file;  /* NULL: in cert_file */
    bool is_unverified;    /* any certificate will do */
} RedisTlsOptions;

/* 0; -EINVAL with what is wrong in error, n_error bytes; -ENOMEM. */
int redis_tls_context_new(RedisTlsContext **out, const RedisTlsOptions *options, char *error, size_t n_error);
RedisTlsContext *redis_tls_context_free(RedisTlsContext *context); /* NULL, also for NULL; sessions keep their own reference */

/* host: the name or address that the certificate must bear. 0 or -ENOMEM. The first bytes to send are there at once, by
   redis_tls_take. */
int redis_tls_new(RedisTls **out, const RedisTlsContext *context, const char *host);
RedisTls *redis_tls_free(RedisTls *tls); /* NULL, also for NULL */

/* What comes from the socket. Afterwards take and send what waits, whatever it returns, and read all that there is to read.
   REDIS_TLS_FAILED: the connection is to end, redis_tls_error says why. */
enum { REDIS_TLS_OK, REDIS_TLS_CLOSED, REDIS_TLS_FAILED };
int redis_tls_feed(RedisTls *tls, const void *bytes, size_t n_bytes);
bool redis_tls_is_ready(const RedisTls *tls); /* shaken hands, and the certificate is right: plain bytes may be written */
/* REDIS_TLS_OK with up to n_limit plain bytes, 0 when there are no more for now; REDIS_TLS_CLOSED by the peer, in order;
   REDIS_TLS_FAILED. */
int redis_tls_read(RedisTls *tls, void *bytes, size_t n_limit, size_t *n_bytes);
int redis_tls_write(RedisTls *tls, const void *bytes, size_t n_bytes); /* REDIS_TLS_OK or REDIS_TLS_FAILED */
/* What waits to go to the socket, at most n_limit bytes of it; 0 when there is no more. */
size_t redis_tls_take(RedisTls *tls, void *bytes, size_t n_limit);
const char *redis_tls_error(const RedisTls *tls); /* what failed, for the log; the session's */
