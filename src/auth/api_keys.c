#include "auth/api_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/spans.h"
#include "base/error.h"

enum { API_DIGEST_SIZE = 32, API_FILE_MAX = 128 * 1024 };

typedef struct ApiKey {
    unsigned scopes;
    unsigned char digest[API_DIGEST_SIZE];
} ApiKey;

/* All of it lies in memory of sodium_malloc, also the key of the digests, without which a digest tells nothing. */
struct ApiKeys {
    unsigned n_keys;
    unsigned char seed[crypto_generichash_KEYBYTES];
    ApiKey keys[API_KEYS_MAX];
};

int api_keys_new(ApiKeys **out) {
    if (sodium_init() < 0)
        return error_origin(-EIO);
    ApiKeys *keys = sodium_malloc(sizeof(*keys));
    if (!keys)
        return error_origin(-ENOMEM);
    sodium_memzero(keys, sizeof(*keys));
    crypto_generichash_keygen(keys->seed);
    *out = keys;
    return 0;
}

ApiKeys *api_keys_free(ApiKeys *keys) {
    sodium_free(keys);
    return NULL;
}

unsigned api_keys_count(const ApiKeys *keys) {
    return keys->n_keys;
}

static void digest_of(unsigned char digest[API_DIGEST_SIZE], const ApiKeys *keys, const char *secret, size_t n_secret) {
    crypto_generichash(digest, API_DIGEST_SIZE, (const unsigned char *)secret, n_secret, keys->seed, sizeof(keys->seed));
}

static int add_problem(Buf *problems, const char *place, const char *why) {
    (void)buf_append_format(problems, "%s: %s\n", place, why); /* a full list of problems is still a list */
    return API_KEYS_BAD;
}

/* What can stand in an Authorization header: visible, without a space. */
static bool is_secret(Span secret) {
    for (size_t i = 0; i < secret.n; i++)
        if (secret.at[i] <= ' ' || secret.at[i] > '~')
            return false;
    return true;
}

static int add_digest(ApiKeys *keys, unsigned scopes, Span secret, const char *place, Buf *problems) {
    if (secret.n < API_SECRET_MIN)
        return add_problem(problems, place, "a secret has at least 16 characters");
    if (secret.n > API_SECRET_MAX)
        return add_problem(problems, place, "a secret has at most 1024 characters");
    if (!is_secret(secret))
        return add_problem(problems, place, "a secret is visible ASCII without spaces");
    if (keys->n_keys == API_KEYS_MAX)
        return add_problem(problems, place, "there are more than 64 keys in all");
    if (api_keys_check(keys, secret.at, secret.n) != 0)
        return add_problem(problems, place, "the same secret is given twice");
    ApiKey *key = &keys->keys[keys->n_keys++];
    key->scopes = scopes;
    digest_of(key->digest, keys, secret.at, secret.n);
    return API_KEYS_OK;
}

/* 0 where one of the words is no scope. */
static unsigned parse_scopes(Span list) {
    static const struct {
        const char *name;
        unsigned scopes;
    } words[] = {
        {"publish", API_PUBLISH}, {"read", API_READ}, {"manage", API_MANAGE}, {"metrics", API_METRICS}, {"all", API_ALL}};
    unsigned all = 0;
    for (;;) {
        const char *comma = memchr(list.at, ',', list.n);
        Span word = {list.at, comma ? (size_t)(comma - list.at) : list.n};
        unsigned scopes = 0;
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            if (strlen(words[i].name) == word.n && memcmp(words[i].name, word.at, word.n) == 0)
                scopes = words[i].scopes;
        if (scopes == 0)
            return 0;
        all |= scopes;
        if (!comma)
            return all;
        list = (Span){comma + 1, list.n - word.n - 1};
    }
}

static int add_line(ApiKeys *keys, Span line, const char *place, Buf *problems) {
    const char *colon = memchr(line.at, ':', line.n);
    size_t n_scopes = colon ? (size_t)(colon - line.at) : 0;
    unsigned scopes = colon ? parse_scopes((Span){line.at, n_scopes}) : 0;
    if (scopes == 0)
        return add_problem(problems, place,
                           "a key is written SCOPES:SECRET, the scopes being publish, read, manage and metrics, separated by "
                           "commas, or all");
    return add_digest(keys, scopes, (Span){colon + 1, line.n - n_scopes - 1}, place, problems);
}

int api_keys_add(ApiKeys *keys, const char *text, const char *place, Buf *problems) {
    return add_line(keys, (Span){text, strlen(text)}, place, problems);
}

int api_keys_add_secret(ApiKeys *keys, unsigned scopes, const char *secret, const char *place, Buf *problems) {
    return add_digest(keys, scopes, (Span){secret, strlen(secret)}, place, problems);
}

static int add_lines(ApiKeys *keys, const char *content, size_t n_content, const char *path, Buf *problems) {
    int result = API_KEYS_OK;
    unsigned n_line = 0;
    for (const char *at = content, *end = content + n_content; at < end;) {
        char place[512];
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        Span line = {at, (size_t)((stop ? stop : end) - at)};
        at += line.n + 1;
        if (line.n > 0 && line.at[line.n - 1] == '\r')
            line.n--;
        snprintf(place, sizeof(place), "%s:%u", path, ++n_line);
        if (line.n > 0 && line.at[0] != '#')
            result |= add_line(keys, line, place, problems);
    }
    return result;
}

int api_keys_add_file(ApiKeys *keys, const char *path, Buf *problems) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return add_problem(problems, path, strerror(errno));
    char *content = sodium_malloc(API_FILE_MAX);
    size_t n_content = 0;
    ssize_t n = content ? 1 : 0;
    while (n > 0 && n_content < API_FILE_MAX) {
        n = read(fd, content + n_content, API_FILE_MAX - n_content);
        n_content += n > 0 ? (size_t)n : 0;
    }
    int error = errno;
    close(fd);
    int r = API_KEYS_OK;
    if (!content)
        r = error_origin(-ENOMEM);
    else if (n < 0)
        r = add_problem(problems, path, strerror(error));
    else if (n_content == API_FILE_MAX)
        r = add_problem(problems, path, "the file is larger than 128 KiB");
    else
        r = add_lines(keys, content, n_content, path, problems);
    sodium_free(content);
    return r;
}

unsigned api_keys_check(const ApiKeys *keys, const char *secret, size_t n_secret) {
    unsigned char digest[API_DIGEST_SIZE];
    unsigned scopes = 0;
    if (n_secret == 0 || n_secret > API_SECRET_MAX)
        return 0;
    digest_of(digest, keys, secret, n_secret);
    for (unsigned i = 0; i < keys->n_keys; i++) {
        unsigned is_equal = sodium_memcmp(digest, keys->keys[i].digest, API_DIGEST_SIZE) == 0;
        scopes |= keys->keys[i].scopes & (0u - is_equal);
    }
    sodium_memzero(digest, sizeof(digest));
    return scopes;
}
