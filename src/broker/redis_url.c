#include "broker/redis_url.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/error.h"

enum { DEFAULT_PORT = 6379, PORT_MAX = 65535, DATABASE_MAX = 99999, HOST_MAX_BYTES = 255 };

/* What is being parsed: text up to end, and where a complaint goes. */
typedef struct UrlText {
    const char *text;
    const char *end;
    char *error;
    size_t n_error;
} UrlText;

static int url_complain(const UrlText *url, const char *complaint) {
    snprintf(url->error, url->n_error, "%s", complaint);
    return error_origin(-EINVAL);
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int url_copy(char **out, const char *text, size_t n_text) {
    char *copy = strndup(text, n_text);
    if (!copy)
        return error_origin(-ENOMEM);
    *out = copy;
    return 0;
}

static int url_decode(const UrlText *url, char **out, const char *text, size_t n_text) {
    char *copy = NULL;
    int r = url_copy(&copy, text, n_text);
    if (r < 0)
        return error_trace(r);
    char *to = copy;
    const char *end = text + n_text;
    for (const char *at = text; at < end; at++) {
        if (*at != '%') {
            *to++ = *at;
            continue;
        }
        int high = end - at > 2 ? hex_value(at[1]) : -1;
        int low = end - at > 2 ? hex_value(at[2]) : -1;
        if (high < 0 || low < 0 || high + low == 0) {
            explicit_bzero(copy, n_text);
            free(copy);
            return url_complain(url, "in user and password a '%' is followed by two hexadecimal digits, not 00");
        }
        *to++ = (char)(high << 4 | low);
        at += 2;
    }
    *to = '\0';
    *out = copy;
    return 0;
}

static bool url_take_number(const char *text, const char *end, unsigned max, unsigned *out) {
    unsigned number = 0;
    if (text == end)
        return false;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9')
            return false;
        number = number * 10 + (unsigned)(*text - '0');
        if (number > max)
            return false;
    }
    *out = number;
    return true;
}

/* [user[:password]@], past which url->text is left. An '@' may stand in the password: the last one before the path ends it. */
static int url_take_credentials(RedisUrl *out, UrlText *url) {
    const char *slash = memchr(url->text, '/', (size_t)(url->end - url->text));
    const char *authority_end = slash ? slash : url->end;
    const char *at = memrchr(url->text, '@', (size_t)(authority_end - url->text));
    if (!at)
        return 0;
    const char *colon = memchr(url->text, ':', (size_t)(at - url->text));
    const char *user_end = colon ? colon : at;
    int r = 0;
    if (user_end > url->text)
        r = url_decode(url, &out->user, url->text, (size_t)(user_end - url->text));
    if (r == 0 && colon)
        r = url_decode(url, &out->password, colon + 1, (size_t)(at - colon - 1));
    url->text = at + 1;
    return r < 0 ? error_trace(r) : 0;
}

static int url_take_path(RedisUrl *out, UrlText *url) {
    size_t n_path = (size_t)(url->end - url->text);
    if (n_path < 2 || url->text[0] != '/')
        return url_complain(url, "the path of a unix socket starts with '/', as in unix:/run/redis/redis.sock");
    if (n_path >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return url_complain(url, "the path of a unix socket has at most 107 bytes");
    int r = url_copy(&out->path, url->text, n_path);
    return r < 0 ? error_trace(r) : 0;
}

/* [user[:password]@]/path[?db=database] */
static int url_take_unix(RedisUrl *out, UrlText *url) {
    int r = url_take_credentials(out, url);
    if (r < 0)
        return error_trace(r);
    const char *query = memchr(url->text, '?', (size_t)(url->end - url->text));
    if (query) {
        if (strncmp(query, "?db=", 4) != 0 || !url_take_number(query + 4, url->end, DATABASE_MAX, &out->database))
            return url_complain(url, "behind the path of a unix socket there may be ?db= and a number");
        url->end = query;
    }
    r = url_take_path(out, url);
    return r < 0 ? error_trace(r) : 0;
}

/* host or [host], past which url->text is left. */
static int url_take_host(RedisUrl *out, UrlText *url) {
    const char *host = url->text;
    const char *host_end;
    if (host < url->end && *host == '[') {
        host++;
        host_end = memchr(host, ']', (size_t)(url->end - host));
        if (!host_end)
            return url_complain(url, "an IPv6 address is written in brackets, as in redis://[::1]:6379");
        url->text = host_end + 1;
    } else {
        host_end = host + strcspn(host, ":/?#");
        url->text = host_end;
    }
    if (host_end == host || host_end - host > HOST_MAX_BYTES)
        return url_complain(url, "a host is missing, as in redis://127.0.0.1:6379");
    int r = url_copy(&out->host, host, (size_t)(host_end - host));
    return r < 0 ? error_trace(r) : 0;
}

/* [user[:password]@]host[:port][/database] */
static int url_take_tcp(RedisUrl *out, UrlText *url) {
    int r = url_take_credentials(out, url);
    if (r == 0)
        r = url_take_host(out, url);
    if (r < 0)
        return error_trace(r);
    out->port = DEFAULT_PORT;
    const char *slash = memchr(url->text, '/', (size_t)(url->end - url->text));
    const char *port_end = slash ? slash : url->end;
    if (url->text < port_end &&
        (*url->text != ':' || !url_take_number(url->text + 1, port_end, PORT_MAX, &out->port) || out->port == 0))
        return url_complain(url, "a port is a number from 1 to 65535, as in redis://127.0.0.1:6379");
    if (slash && slash + 1 < url->end && !url_take_number(slash + 1, url->end, DATABASE_MAX, &out->database))
        return url_complain(url, "a database is a number, as in redis://127.0.0.1:6379/0");
    return 0;
}

static int url_take(RedisUrl *out, UrlText *url) {
    static const struct {
        const char *scheme;
        int (*take)(RedisUrl *out, UrlText *url);
    } schemes[] = {
        {"redis://", url_take_tcp},
        {"redis+unix://", url_take_unix},
        {"unix://", url_take_unix},
        {"unix:", url_take_unix},
    };
    if (strncmp(url->text, "rediss://", 9) == 0)
        return url_complain(url, "Redis over TLS is not built in: use redis:// on a private network");
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t n_scheme = strlen(schemes[i].scheme);
        if (strncmp(url->text, schemes[i].scheme, n_scheme) == 0) {
            url->text += n_scheme;
            return schemes[i].take(out, url);
        }
    }
    return url_complain(url, "it must be redis://[user[:password]@]host[:port][/database], "
                             "redis+unix://[user[:password]@]/path[?db=database] or unix:/path");
}

int redis_url_parse(RedisUrl *out, const char *text, char *error, size_t n_error) {
    RedisUrl parsed = {0};
    UrlText url = {.text = text, .end = text + strlen(text), .error = error, .n_error = n_error};
    int r = url_take(&parsed, &url);
    if (r < 0) {
        redis_url_finish(&parsed);
        return error_trace(r);
    }
    *out = parsed;
    return 0;
}

void redis_url_finish(RedisUrl *url) {
    if (url->password)
        explicit_bzero(url->password, strlen(url->password));
    free(url->host);
    free(url->path);
    free(url->user);
    free(url->password);
    *url = (RedisUrl){0};
}
