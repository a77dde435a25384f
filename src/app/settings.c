#include "app/settings.h"

#include <errno.h>
#include <stdlib.h>

#include "app/keys.h"
#include "base/error.h"

static int load(Settings **out, Config *config, Buf *problems) {
    Settings *settings = calloc(1, sizeof(*settings));
    if (!settings)
        return error_origin(-ENOMEM);
    ref_init(&settings->ref);
    settings->config = config;
    int r = keys_load(&settings->keyring, &settings->api_keys, config, problems);
    if (r < 0) {
        free(settings);
        return error_trace(r);
    }
    *out = settings;
    return 0;
}

int settings_new(Settings **out, Config *config, Buf *problems) {
    int r = load(out, config, problems);
    if (r < 0)
        config_free(config);
    return r < 0 ? error_trace(r) : 0;
}

int settings_renew(Settings **out, Settings *before, Buf *problems) {
    Settings *lender = before->lender ? before->lender : before;
    int r = load(out, lender->config, problems);
    if (r < 0)
        return error_trace(r);
    (*out)->lender = settings_ref(lender);
    return 0;
}

Settings *settings_ref(Settings *settings) {
    ref_acquire(&settings->ref);
    return settings;
}

Settings *settings_unref(Settings *settings) {
    if (!settings || !ref_release(&settings->ref))
        return NULL;
    keyring_free(settings->keyring);
    api_keys_free(settings->api_keys);
    if (settings->lender)
        settings_unref(settings->lender);
    else
        config_free(settings->config);
    free(settings);
    return NULL;
}
