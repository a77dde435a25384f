#include "app/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

typedef int KeysAdd(Keyring *ring, const char *item, Buf *problems);

static int add_text(Keyring *ring, const char *item, Buf *problems) {
    return keyring_add_text(ring, item, "auth.keys", problems);
}

/* Each of the list's items, which are separated by spaces. */
static int add_all(Keyring *ring, const char *list, KeysAdd *add, Buf *problems) {
    int result = KEYRING_OK;
    char *copy = strdup(list), *rest = NULL;
    if (!copy)
        return error_origin(-ENOMEM);
    for (const char *item = strtok_r(copy, " ", &rest); item && result >= 0; item = strtok_r(NULL, " ", &rest)) {
        int r = add(ring, item, problems);
        result = r < 0 ? r : result | r;
    }
    explicit_bzero(copy, strlen(list));
    free(copy);
    return result < 0 ? error_trace(result) : result;
}

static int add_everything(Keyring *ring, const Config *config, Buf *problems) {
    int r = add_all(ring, config->auth.keys, add_text, problems);
    if (r >= 0) {
        int other = add_all(ring, config->auth.key_files, keyring_add_file, problems);
        r = other < 0 ? other : r | other;
    }
    if (r >= 0 && config->auth.jwks_file[0]) {
        int other = keyring_add_file(ring, config->auth.jwks_file, problems);
        r = other < 0 ? other : r | other;
    }
    return r < 0 ? error_trace(r) : r;
}

int keys_load(Keyring **out, const Config *config, Buf *problems) {
    Keyring *ring = NULL;
    *out = NULL;
    if (!config_has_keys(config))
        return 0;
    int r = keyring_new(&ring);
    if (r == 0)
        r = add_everything(ring, config, problems);
    if (r == KEYRING_OK) {
        *out = ring;
        return 0;
    }
    keyring_free(ring);
    return r < 0 ? error_trace(r) : error_origin(-EINVAL);
}
