#include "broker/redis_url.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { REDIS_PORT = 6379, SENTINEL_PORT = 26379, PORT_MAX = 65535, DATABASE_MAX = 99999 };

typedef struct UrlText UrlText;

typedef struct UrlKind {
    const char *head;
    RedisScheme scheme;
    bool is_tls;
    int (*take)(RedisUrl *out, UrlText *url);
} UrlKind;

/* What is being parsed: text up to end, and where a complaint goes. */
struct UrlText {
    const char *text;
    const char *end;
    const char *parameters; /* behind the '?', to parameters_end; NULL: none */
    const char *parameters_end;
    const UrlKind *kind;
    char *error;
    size_t n_error;
};

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

/* Replaces what *out is. */
static int url_decode(const UrlText *url, char **out, const char *text, const char *end) {
    size_t n_text = (size_t)(end - text);
    char *copy = strndup(text, n_text);
    if (!copy)
        return error_origin(-ENOMEM);
    char *to = copy;
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
            return url_complain(url, "a '%' is followed by two hexadecimal digits, not 00; a '%' itself is %25");
        }
        *to++ = (char)(high << 4 | low);
        at += 2;
    }
    *to = '\0';
    if (*out)
        explicit_bzero(*out, strlen(*out));
    free(*out);
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

static const char *url_find(const char *text, const char *end, char c) {
    return memchr(text, c, (size_t)(end - text));
}

/* [user[:password]@], past which url->text is left. An '@' may stand in the password: the last one before the path ends it. */
static int url_take_credentials(RedisUrl *out, UrlText *url) {
    const char *slash = url_find(url->text, url->end, '/');
    const char *authority_end = slash ? slash : url->end;
    const char *at = memrchr(url->text, '@', (size_t)(authority_end - url->text));
    if (!at)
        return 0;
    const char *colon = url_find(url->text, at, ':');
    const char *user_end = colon ? colon : at;
    int r = 0;
    if (user_end > url->text)
        r = url_decode(url, &out->user, url->text, user_end);
    if (r == 0 && colon)
        r = url_decode(url, &out->password, colon + 1, at);
    url->text = at + 1;
    return r < 0 ? error_trace(r) : 0;
}

static void url_split_parameters(UrlText *url) {
    const char *question = url_find(url->text, url->end, '?');
    if (!question)
        return;
    url->parameters = question + 1;
    url->parameters_end = url->end;
    url->end = question;
}

/* Behind a unix socket's path there is nothing but ?db=database. */
static int url_take_unix(RedisUrl *out, UrlText *url) {
    if (url->parameters && (strncmp(url->parameters, "db=", 3) != 0 ||
                            !url_take_number(url->parameters + 3, url->parameters_end, DATABASE_MAX, &out->database)))
        return url_complain(url, "behind the path of a unix socket there may be ?db= and a number");
    url->parameters = NULL;
    size_t n_path = (size_t)(url->end - url->text);
    if (n_path < 2 || url->text[0] != '/')
        return url_complain(url, "the path of a unix socket starts with '/', as in unix:/run/redis/redis.sock");
    if (n_path >= REDIS_PATH_SIZE)
        return url_complain(url, "the path of a unix socket has at most 107 bytes");
    memcpy(out->endpoints[0].path, url->text, n_path);
    out->n_endpoints = 1;
    return 0;
}

/* host[:port], up to a ',' or a '/', where url->text is left. */
static int url_take_endpoint(RedisEndpoint *out, UrlText *url) {
    const char *host = url->text;
    const char *end = host + strcspn(host, ",/");
    if (end > url->end)
        end = url->end;
    const char *host_end = NULL;
    if (host < end && *host == '[') {
        host++;
        host_end = url_find(host, end, ']');
        if (!host_end)
            return url_complain(url, "an IPv6 address is written in brackets, as in redis://[::1]:6379");
        url->text = host_end + 1;
    } else {
        host_end = url_find(host, end, ':');
        url->text = host_end = host_end ? host_end : end;
    }
    if (host_end == host || host_end - host >= REDIS_HOST_SIZE || url_find(host, host_end, '#'))
        return url_complain(url, "a host is missing, as in redis://127.0.0.1:6379");
    memcpy(out->host, host, (size_t)(host_end - host));
    out->port = url->kind->scheme == REDIS_SENTINEL ? SENTINEL_PORT : REDIS_PORT;
    if (url->text < end && (*url->text != ':' || !url_take_number(url->text + 1, end, PORT_MAX, &out->port) || out->port == 0))
        return url_complain(url, "a port is a number from 1 to 65535, as in redis://127.0.0.1:6379");
    url->text = end;
    return 0;
}

static int url_take_endpoints(RedisUrl *out, UrlText *url) {
    for (;;) {
        if (out->n_endpoints == REDIS_HOSTS_MAX)
            return url_complain(url, "there are at most 16 hosts");
        int r = url_take_endpoint(&out->endpoints[out->n_endpoints], url);
        if (r < 0)
            return error_trace(r);
        out->n_endpoints++;
        if (url->text == url->end || *url->text != ',')
            return 0;
        url->text++;
    }
}

/* Nothing, or a '/' with nothing or a number behind it. */
static int url_take_database(RedisUrl *out, const UrlText *url) {
    const char *text = url->text == url->end ? url->end : url->text + 1;
    if (text < url->end && !url_take_number(text, url->end, DATABASE_MAX, &out->database))
        return url_complain(url, "a database is a number, as in redis://127.0.0.1:6379/0");
    return 0;
}

static int url_take_standalone(RedisUrl *out, UrlText *url) {
    int r = url_take_endpoint(&out->endpoints[0], url);
    if (r < 0)
        return error_trace(r);
    out->n_endpoints = 1;
    if (url->text < url->end && *url->text == ',')
        return url_complain(url, "one host: several servers are several URLs, or redis-sentinel:// or redis-cluster://");
    r = url_take_database(out, url);
    return r < 0 ? error_trace(r) : 0;
}

static int url_take_sentinel(RedisUrl *out, UrlText *url) {
    int r = url_take_endpoints(out, url);
    if (r < 0)
        return error_trace(r);
    const char *name = url->text == url->end ? url->end : url->text + 1;
    const char *slash = url_find(name, url->end, '/');
    const char *name_end = slash ? slash : url->end;
    if (name == name_end)
        return url_complain(url, "the master's name is missing, as in redis-sentinel://host1,host2/mymaster");
    r = url_decode(url, &out->master_name, name, name_end);
    url->text = name_end;
    if (r == 0)
        r = url_take_database(out, url);
    return r < 0 ? error_trace(r) : 0;
}

static int url_take_cluster(RedisUrl *out, UrlText *url) {
    int r = url_take_endpoints(out, url);
    if (r < 0)
        return error_trace(r);
    r = url_take_database(out, url);
    if (r < 0)
        return error_trace(r);
    return out->database ? url_complain(url, "a Redis Cluster has no databases but 0") : 0;
}

static int url_complain_of_parameter(const UrlText *url) {
    bool is_sentinel = url->kind->scheme == REDIS_SENTINEL;
    if (url->kind->is_tls)
        return url_complain(url, is_sentinel ? "behind the '?' there may be ca=FILE, cert=FILE, key=FILE, verify=yes or no, "
                                               "sentinel_user and sentinel_password, joined by '&'"
                                             : "behind the '?' there may be ca=FILE, cert=FILE, key=FILE and verify=yes or no, "
                                               "joined by '&'");
    return url_complain(url, is_sentinel ? "behind the '?' there may be sentinel_user and sentinel_password, joined by '&'"
                                         : "nothing may stand behind a '?'; in a password it is %3F");
}

static int url_take_verify(RedisUrl *out, const UrlText *url, const char *value, const char *end) {
    out->is_unverified = end - value == 2 && strncmp(value, "no", 2) == 0;
    if (!out->is_unverified && (end - value != 3 || strncmp(value, "yes", 3) != 0))
        return error_trace(url_complain_of_parameter(url));
    return 0;
}

/* One name=value. */
static int url_take_parameter(RedisUrl *out, const UrlText *url, const char *text, const char *end) {
    const char *equals = url_find(text, end, '=');
    size_t n_name = equals ? (size_t)(equals - text) : 0;
    const struct {
        const char *name;
        bool is_allowed;
        char **field; /* NULL: verify */
    } known[] = {
        {"ca", url->kind->is_tls, &out->ca_file},
        {"cert", url->kind->is_tls, &out->cert_file},
        {"key", url->kind->is_tls, &out->key_file},
        {"verify", url->kind->is_tls, NULL},
        {"sentinel_user", url->kind->scheme == REDIS_SENTINEL, &out->sentinel_user},
        {"sentinel_password", url->kind->scheme == REDIS_SENTINEL, &out->sentinel_password},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!known[i].is_allowed || strlen(known[i].name) != n_name || memcmp(known[i].name, text, n_name) != 0)
            continue;
        if (equals + 1 == end)
            break;
        int r = known[i].field ? url_decode(url, known[i].field, equals + 1, end) : url_take_verify(out, url, equals + 1, end);
        return r < 0 ? error_trace(r) : 0;
    }
    return error_trace(url_complain_of_parameter(url));
}

static int url_take_parameters(RedisUrl *out, const UrlText *url) {
    if (!url->parameters)
        return 0;
    for (const char *text = url->parameters;;) {
        const char *ampersand = url_find(text, url->parameters_end, '&');
        int r = url_take_parameter(out, url, text, ampersand ? ampersand : url->parameters_end);
        if (r < 0)
            return error_trace(r);
        if (!ampersand)
            return 0;
        text = ampersand + 1;
    }
}

static const UrlKind url_kinds[] = {
    {"redis://", REDIS_STANDALONE, false, url_take_standalone},
    {"rediss://", REDIS_STANDALONE, true, url_take_standalone},
    {"redis-sentinel://", REDIS_SENTINEL, false, url_take_sentinel},
    {"rediss-sentinel://", REDIS_SENTINEL, true, url_take_sentinel},
    {"redis-cluster://", REDIS_CLUSTER, false, url_take_cluster},
    {"rediss-cluster://", REDIS_CLUSTER, true, url_take_cluster},
    {"redis+unix://", REDIS_STANDALONE, false, url_take_unix},
    {"unix://", REDIS_STANDALONE, false, url_take_unix},
    {"unix:", REDIS_STANDALONE, false, url_take_unix},
};

static const UrlKind *url_take_kind(UrlText *url) {
    for (size_t i = 0; i < sizeof url_kinds / sizeof url_kinds[0]; i++) {
        size_t n_head = strlen(url_kinds[i].head);
        if (strncmp(url->text, url_kinds[i].head, n_head) != 0)
            continue;
        url->text += n_head;
        return &url_kinds[i];
    }
    return NULL;
}

static int url_make_tls(RedisUrl *out, const UrlText *url) {
    const RedisTlsOptions options = {
        .ca_file = out->ca_file, .cert_file = out->cert_file, .key_file = out->key_file, .is_unverified = out->is_unverified};
    int r = redis_tls_context_new(&out->tls, &options, url->error, url->n_error);
    return r < 0 ? error_trace(r) : 0;
}

static int url_take(RedisUrl *out, UrlText *url) {
    url->kind = url_take_kind(url);
    if (!url->kind)
        return url_complain(url,
                            "it must be redis://[user[:password]@]host[:port][/database], redis-sentinel://host,host/master, "
                            "redis-cluster://host,host (rediss: over TLS) or redis+unix:///path");
    out->scheme = url->kind->scheme;
    out->is_tls = url->kind->is_tls;
    int r = url_take_credentials(out, url);
    if (r < 0)
        return error_trace(r);
    url_split_parameters(url);
    r = url->kind->take(out, url);
    if (r == 0)
        r = url_take_parameters(out, url);
    if (r == 0 && out->is_tls)
        r = url_make_tls(out, url);
    return r < 0 ? error_trace(r) : 0;
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

static void secret_free(char *secret) {
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

void redis_url_finish(RedisUrl *url) {
    secret_free(url->password);
    secret_free(url->sentinel_password);
    free(url->ca_file);
    free(url->cert_file);
    free(url->key_file);
    free(url->master_name);
    free(url->user);
    free(url->sentinel_user);
    redis_tls_context_free(url->tls);
    *url = (RedisUrl){0};
}

bool redis_endpoint_equal(const RedisEndpoint *a, const RedisEndpoint *b) {
    return a->port == b->port && strcmp(a->host, b->host) == 0 && strcmp(a->path, b->path) == 0;
}
