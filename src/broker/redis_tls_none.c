#include <errno.h>
#include <stdio.h>

#include "base/error.h"
#include "broker/redis_tls.h"

/* In place of redis_tls.c in a build without OpenSSL: the URL is refused, so nothing past the first two is ever called. */

bool redis_tls_is_built(void) {
    return false;
}

int redis_tls_context_new(RedisTlsContext **out, const RedisTlsOptions *options, char *error, size_t n_error) {
    snprintf(error, n_error, "Redis over TLS is not in this build");
    return error_origin(-EINVAL);
}

RedisTlsContext *redis_tls_context_free(RedisTlsContext *context) {
    return NULL;
}

int redis_tls_new(RedisTls **out, const RedisTlsContext *context, const char *host) {
    return error_origin(-EPROTONOSUPPORT);
}

RedisTls *redis_tls_free(RedisTls *tls) {
    return NULL;
}

int redis_tls_feed(RedisTls *tls, const void *bytes, size_t n_bytes) {
    return REDIS_TLS_FAILED;
}

bool redis_tls_is_ready(const RedisTls *tls) {
    return false;
}

int redis_tls_read(RedisTls *tls, void *bytes, size_t n_limit, size_t *n_bytes) {
    *n_bytes = 0;
    return REDIS_TLS_FAILED;
}

int redis_tls_write(RedisTls *tls, const void *bytes, size_t n_bytes) {
    return REDIS_TLS_FAILED;
}

size_t redis_tls_take(RedisTls *tls, void *bytes, size_t n_limit) {
    return 0;
}

const char *redis_tls_error(const RedisTls *tls) {
    return "not in this build";
}
