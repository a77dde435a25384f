/* Redis URL: where a Redis is and how to get in. Any thread.
   redis://[user[:password]@]host[:port][/database], redis+unix://[user[:password]@]/path[?db=database], unix:/path.
   User and password are percent-decoded. */
#pragma once

#include <stddef.h>

typedef struct RedisUrl {
    char *host; /* NULL for a unix socket */
    unsigned port;
    char *path; /* NULL for TCP */
    char *user; /* NULL: none */
    char *password;
    unsigned database;
} RedisUrl;

/* 0; -ENOMEM; -EINVAL with what is wrong and what would be right in error, n_error bytes. */
int redis_url_parse(RedisUrl *out, const char *text, char *error, size_t n_error);
void redis_url_finish(RedisUrl *url); /* wipes the password */
