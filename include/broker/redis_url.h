/* Redis URL: where a Redis is and how to get in. Any thread.
   redis://[user[:password]@]host[:port][/database], redis+unix://[user[:password]@]/path[?db=database], unix:/path;
   redis-sentinel://[user[:password]@]host[:port],host[:port]…/master-name[/database][?sentinel_user=…&sentinel_password=…];
   redis-cluster://[user[:password]@]host[:port],host[:port]…; each but the unix ones with rediss for TLS (rediss://,
   rediss-sentinel://, rediss-cluster://), with
   ?ca=FILE&cert=FILE&key=FILE&verify=no. User, password and the values behind the '?' are
   percent-decoded. Ports: 6379, of a sentinel 26379. Over TLS a certificate must bear the host's name or address as it stands in
   the URL, or as the sentinels or the cluster tell it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "broker/redis_tls.h"

enum { REDIS_HOST_SIZE = 256, REDIS_PATH_SIZE = 108, REDIS_HOSTS_MAX = 16 };

/* A place to connect to, by value. */
typedef struct RedisEndpoint {
    char host[REDIS_HOST_SIZE]; /* "" for a unix socket; an IPv6 address without its brackets */
    unsigned port;
    char path[REDIS_PATH_SIZE]; /* "" for TCP */
} RedisEndpoint;

bool redis_endpoint_equal(const RedisEndpoint *a, const RedisEndpoint *b);

typedef enum RedisScheme { REDIS_STANDALONE, REDIS_SENTINEL, REDIS_CLUSTER } RedisScheme;

typedef struct RedisUrl {
    RedisScheme scheme;
    bool is_tls;
    bool is_unverified;                       /* TLS without a look at the certificate */
    char *ca_file;                            /* NULL: the system's */
    char *cert_file;                          /* the certificate that we show; NULL: none */
    char *key_file;                           /* NULL: in cert_file */
    RedisTlsContext *tls;                     /* made of these; NULL without TLS */
    RedisEndpoint endpoints[REDIS_HOSTS_MAX]; /* standalone: one; the sentinels; where to begin in a cluster */
    unsigned n_endpoints;
    char *master_name; /* sentinel */
    char *user;        /* NULL: none */
    char *password;
    char *sentinel_user;
    char *sentinel_password;
    unsigned database;
} RedisUrl;

/* 0; -ENOMEM; -EINVAL with what is wrong and what would be right in error, n_error bytes; it never tells a password. TLS is
   -EINVAL in a build without it, and with a file that cannot be read. */
int redis_url_parse(RedisUrl *out, const char *text, char *error, size_t n_error);
void redis_url_finish(RedisUrl *url); /* wipes the passwords */
