#include "app/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"

enum { KEYS_OK, KEYS_BAD }; /* as KEYRING_… and API_KEYS_… */

/* Adds one item of a list to the keys: a Keyring or ApiKeys. */
typedef int KeysAdd(void *keys, const char *item, Buf *problems);

static int add_token_key(void *keys, const char *item, Buf *problems) {
    return keyring_add_text(keys, item, "auth.keys", problems);
}

static int add_token_file(void *keys, const char *item, Buf *problems) {
    return keyring_add_file(keys, item, problems);
}

static int add_api_key(void *keys, const char *item, Buf *problems) {
    return api_keys_add(keys, item, "api.keys", problems);
}

/* Each of the list's items, which are separated by spaces. */
static int add_all(void *keys, const char *list, KeysAdd *add, Buf *problems) {
    int result = KEYS_OK;
    char *copy = strdup(list), *rest = NULL;
    if (!copy)
        return error_origin(-ENOMEM);
    for (const char *item = strtok_r(copy, " ", &rest); item && result >= 0; item = strtok_r(NULL, " ", &rest)) {
        int r = add(keys, item, problems);
        result = r < 0 ? r : result | r;
    }
    explicit_bzero(copy, strlen(list));
    free(copy);
    return result < 0 ? error_trace(result) : result;
}

/* What is bad here and what was before: an error is more than a mistake. */
static int both(int before, int r) {
    if (before < 0)
        return before;
    return r < 0 ? r : before | r;
}

static int load_ring(Keyring **out, const Config *config, Buf *problems) {
    if (!config_has_keys(config))
        return KEYS_OK;
    int r = keyring_new(out);
    if (r == 0)
        r = add_all(*out, config->auth.keys, add_token_key, problems);
    if (r >= 0)
        r = both(r, add_all(*out, config->auth.key_files, add_token_file, problems));
    if (r >= 0 && config->auth.jwks_file[0])
        r = both(r, keyring_add_file(*out, config->auth.jwks_file, problems));
    return r < 0 ? error_trace(r) : r;
}

static int load_api_keys(ApiKeys **out, const Config *config, Buf *problems) {
    if (!config->admin_token[0] && !config->api.keys[0] && !config->api.key_file[0])
        return KEYS_OK;
    int r = api_keys_new(out);
    if (r == 0 && config->admin_token[0])
        r = api_keys_add_secret(*out, API_ALL, config->admin_token, "admin.token", problems);
    if (r >= 0)
        r = both(r, add_all(*out, config->api.keys, add_api_key, problems));
    if (r >= 0 && config->api.key_file[0])
        r = both(r, api_keys_add_file(*out, config->api.key_file, problems));
    return r < 0 ? error_trace(r) : r;
}

int keys_load(Keyring **ring, ApiKeys **api_keys, const Config *config, Buf *problems) {
    *ring = NULL;
    *api_keys = NULL;
    int r = load_ring(ring, config, problems);
    if (r >= 0)
        r = both(r, load_api_keys(api_keys, config, problems));
    if (r == KEYS_OK)
        return 0;
    *ring = keyring_free(*ring);
    *api_keys = api_keys_free(*api_keys);
    return r < 0 ? error_trace(r) : error_origin(-EINVAL);
}

bool keys_have_pipe(const Config *config) {
    return files_have_pipe(config->auth.key_files) || files_have_pipe(config->auth.jwks_file) ||
           files_have_pipe(config->api.key_file);
}

uint64_t keys_stamp(const Config *config) {
    uint64_t stamp = files_stamp(0, config->auth.key_files);
    return files_stamp(files_stamp(stamp, config->auth.jwks_file), config->api.key_file);
}
