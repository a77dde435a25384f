#include "auth/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/key.h"
#include "auth/words.h"
#include "base/error.h"

int keyring_new(Keyring **ring) {
    if (sodium_init() < 0)
        return error_origin(-EIO);
    *ring = calloc(1, sizeof(**ring));
    return *ring ? 0 : error_origin(-ENOMEM);
}

Keyring *keyring_free(Keyring *ring) {
    if (!ring)
        return NULL;
    for (unsigned i = 0; i < ring->n_keys; i++)
        key_finish(&ring->keys[i]);
    free(ring);
    return NULL;
}

unsigned keyring_count(const Keyring *ring) {
    return ring->n_keys;
}

const char *key_algorithm_name(KeyAlgorithm algorithm) {
    static const char *const names[KEY_N_ALGORITHMS] = {
        [KEY_EDDSA] = "EdDSA", [KEY_HS256] = "HS256", [KEY_RS256] = "RS256", [KEY_ES256] = "ES256"};
    return names[algorithm];
}

int keyring_add(Keyring *ring, Key *key, const char **why) {
    if (ring->n_keys == KEYRING_KEYS_MAX) {
        key_finish(key);
        *why = "there are more than 64 keys in all";
        return KEYRING_BAD;
    }
    ring->keys[ring->n_keys++] = *key;
    *key = (Key){.id = NULL};
    return KEYRING_OK;
}

int keyring_problem(Buf *problems, const char *place, const char *why) {
    (void)buf_append_format(problems, "%s: %s\n", place, why); /* a full list of problems is still a list */
    return KEYRING_BAD;
}

typedef enum WordForm { FORM_EDDSA, FORM_HS256, FORM_HS256_BASE64URL, FORM_RS256, FORM_ES256, N_FORMS } WordForm;

static const char *const form_names[N_FORMS] = {"eddsa", "hs256", "hs256-base64url", "rs256", "es256"};

static WordForm find_form(const char *name, size_t n_name) {
    for (unsigned i = 0; i < N_FORMS; i++)
        if (strlen(form_names[i]) == n_name && strncasecmp(form_names[i], name, n_name) == 0)
            return (WordForm)i;
    return N_FORMS;
}

static int set_decoded(Key *key, WordForm form, const uint8_t *bytes, size_t n_bytes, const char **why) {
    switch (form) {
    case FORM_EDDSA:
        return key_set_ed25519(key, bytes, n_bytes, why);
    case FORM_RS256:
        key->algorithm = KEY_RS256;
        return evp_key_der(&key->evp, EVP_KIND_RSA, bytes, n_bytes, why);
    case FORM_ES256:
        key->algorithm = KEY_ES256;
        return evp_key_der(&key->evp, EVP_KIND_P256, bytes, n_bytes, why);
    default:
        return key_set_hs256(key, bytes, n_bytes, why);
    }
}

static int set_value(Key *key, WordForm form, const char *value, const char **why) {
    size_t n_value = strlen(value);
    if (form == FORM_HS256)
        return key_set_hs256(key, (const uint8_t *)value, n_value, why);
    *why = "what stands behind the colon is not base64url without padding";
    uint8_t *bytes = malloc(n_value / 4 * 3 + 2);
    if (!bytes)
        return error_origin(-ENOMEM);
    ptrdiff_t n_bytes = base64url_decode(bytes, value, n_value);
    int r = n_bytes < 0 ? KEYRING_BAD : set_decoded(key, form, bytes, (size_t)n_bytes, why);
    sodium_memzero(bytes, n_value / 4 * 3 + 2);
    free(bytes);
    return r;
}

int keyring_add_text(Keyring *ring, const char *text, const char *place, Buf *problems) {
    const char *why =
        "a key is written eddsa:, hs256:, hs256-base64url:, rs256: or es256:, and the key; ALG/KID: gives it an id";
    size_t n_head = strcspn(text, ":");
    size_t n_name = strcspn(text, "/:");
    WordForm form = text[n_head] ? find_form(text, n_name) : N_FORMS;
    Key key = {.id = NULL};
    int r = form == N_FORMS ? KEYRING_BAD : KEYRING_OK;
    if (r == KEYRING_OK && n_name < n_head)
        r = key_set_id(&key, text + n_name + 1, n_head - n_name - 1, &why);
    if (r == KEYRING_OK)
        r = set_value(&key, form, text + n_head + 1, &why);
    if (r == KEYRING_OK)
        r = keyring_add(ring, &key, &why);
    if (r != KEYRING_OK)
        key_finish(&key);
    return r < 0 ? error_trace(r) : r > 0 ? keyring_problem(problems, place, why) : KEYRING_OK;
}

static int add_pem(Keyring *ring, const char *content, size_t n_content, const char *place, Buf *problems) {
    uint8_t raw[EVP_KEY_SEED_SIZE];
    const char *why = NULL;
    Key key = {.id = NULL};
    EvpKind kind = EVP_KIND_RSA;
    int r = evp_key_pem(&key.evp, &kind, raw, content, n_content, &why);
    if (r == EVP_KEY_OK && kind == EVP_KIND_ED25519)
        r = key_set_ed25519(&key, raw, sizeof(raw), &why);
    else if (r == EVP_KEY_OK && kind == EVP_KIND_ED25519_SECRET)
        r = key_set_ed25519_seed(&key, raw, sizeof(raw), NULL, &why);
    else
        key.algorithm = kind == EVP_KIND_RSA ? KEY_RS256 : KEY_ES256;
    sodium_memzero(raw, sizeof(raw));
    if (r == KEYRING_OK)
        r = keyring_add(ring, &key, &why);
    if (r != KEYRING_OK)
        key_finish(&key);
    return r < 0 ? error_trace(r) : r > 0 ? keyring_problem(problems, place, why) : KEYRING_OK;
}

/* Words of one form or another, separated by white space. */
static int add_words(Keyring *ring, const char *content, size_t n_content, const char *place, Buf *problems) {
    char *rest = NULL;
    unsigned n_words = 0;
    int r = KEYRING_OK;
    if (memchr(content, '\0', n_content))
        return keyring_problem(problems, place, "it is neither PEM nor JSON nor text");
    char *words = strndup(content, n_content);
    if (!words)
        return error_origin(-ENOMEM);
    for (char *word = strtok_r(words, " \t\r\n", &rest); word && r == KEYRING_OK; word = strtok_r(NULL, " \t\r\n", &rest)) {
        r = keyring_add_text(ring, word, place, problems);
        n_words++;
    }
    if (n_words == 0)
        r = keyring_problem(problems, place, "there is no key in it");
    sodium_memzero(words, n_content);
    free(words);
    return r;
}

int keyring_add_content(Keyring *ring, const char *content, size_t n_content, const char *place, Buf *problems) {
    static const char pem[] = "-----BEGIN ";
    size_t at = 0;
    if (n_content > KEYRING_FILE_MAX)
        return keyring_problem(problems, place, "it is larger than 256 KiB");
    while (at < n_content && memchr(" \t\r\n", content[at], 4))
        at++;
    if (at < n_content && content[at] == '{')
        return keyring_add_json(ring, content + at, n_content - at, place, problems);
    if (memmem(content + at, n_content - at, pem, sizeof(pem) - 1))
        return add_pem(ring, content + at, n_content - at, place, problems);
    return add_words(ring, content + at, n_content - at, place, problems);
}

/* Returns how many bytes there were, KEYRING_FILE_MAX + 1 when there are more; -errno. */
static ptrdiff_t read_file(char *content, const char *path) {
    size_t n_content = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;
    while (n_content <= KEYRING_FILE_MAX) {
        ssize_t n = read(fd, content + n_content, KEYRING_FILE_MAX + 1 - n_content);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            int error = n < 0 ? -errno : 0;
            close(fd);
            return error < 0 ? error : (ptrdiff_t)n_content;
        }
        n_content += (size_t)n;
    }
    close(fd);
    return (ptrdiff_t)n_content;
}

int keyring_add_file(Keyring *ring, const char *path, Buf *problems) {
    char *content = sodium_malloc(KEYRING_FILE_MAX + 1);
    if (!content)
        return error_origin(-ENOMEM);
    ptrdiff_t n_content = read_file(content, path);
    int r;
    if (n_content < 0) {
        (void)buf_append_format(problems, "%s: it cannot be read: %s\n", path, strerror((int)-n_content));
        r = KEYRING_BAD;
    } else {
        r = keyring_add_content(ring, content, (size_t)n_content, path, problems);
    }
    sodium_free(content);
    return r;
}
