/* API keys: who may use the HTTP API for what. Owner: the main thread while they are added; from then on they do not change, and any
   thread reads them. Only digests are kept, in memory of sodium_malloc; comparing takes the same time whichever key it is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

typedef enum ApiScope {
    API_PUBLISH = 1 << 0,
    API_READ = 1 << 1,    /* history, presence, channels, connections, info */
    API_MANAGE = 1 << 2,  /* subscribe, unsubscribe, disconnect */
    API_METRICS = 1 << 3, /* /metrics */
    API_ALL = 0xf,
} ApiScope;

enum { API_KEYS_OK, API_KEYS_BAD };
enum { API_KEYS_MAX = 64, API_SECRET_MIN = 16, API_SECRET_MAX = 1024 };

typedef struct ApiKeys ApiKeys;

int api_keys_new(ApiKeys **out);       /* 0, -ENOMEM, or -EIO when libsodium cannot be started */
ApiKeys *api_keys_free(ApiKeys *keys); /* NULL, also for NULL */
unsigned api_keys_count(const ApiKeys *keys);

/* "SCOPES:SECRET". place names where it was written. API_KEYS_OK; API_KEYS_BAD with one line in problems that never shows the
   secret; -ENOMEM. */
int api_keys_add(ApiKeys *keys, const char *text, const char *place, Buf *problems);
int api_keys_add_file(ApiKeys *keys, const char *path,
                      Buf *problems); /* one a line; empty lines and those with # are passed over */
/* A key with these scopes and the secret as it stands. Returns as api_keys_add. */
int api_keys_add_secret(ApiKeys *keys, unsigned scopes, const char *secret, const char *place, Buf *problems);

/* The scopes that the secret opens; 0: it is no key's. */
unsigned api_keys_check(const ApiKeys *keys, const char *secret, size_t n_secret);
