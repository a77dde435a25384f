/* TLS towards Redis that opens no file: an input may name any. */
#include <stdlib.h>

#include "broker/redis_tls.h"

struct RedisTlsContext {
    char nothing;
};

int __wrap_redis_tls_context_new(RedisTlsContext **out, const RedisTlsOptions *options, char *error, size_t n_error);
RedisTlsContext *__wrap_redis_tls_context_free(RedisTlsContext *context);

int __wrap_redis_tls_context_new(RedisTlsContext **out, const RedisTlsOptions *options, char *error, size_t n_error) {
    *out = malloc(sizeof **out);
    return 0;
}

RedisTlsContext *__wrap_redis_tls_context_free(RedisTlsContext *context) {
    free(context);
    return NULL;
}
