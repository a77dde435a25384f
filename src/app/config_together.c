#include <string.h>

#include "app/config_values.h"
#include "auth/api_keys.h"

static int check_admin(const Config *config, Buf *problems) {
    if (config->admin_token[0] && strlen(config->admin_token) < API_SECRET_MIN)
        return config_problem(problems, "admin.token", "it has at least %d characters", API_SECRET_MIN);
    for (uint32_t i = 0; i < config->n_admin_addresses && !config->admin_token[0]; i++) {
        char text[LISTEN_ADDRESS_TEXT_SIZE];
        if (!listen_address_is_local(&config->admin_addresses[i]))
            return config_problem(problems, "admin.address", "%s is beyond loopback, where admin.token has to guard it: set it",
                                  listen_address_format(text, sizeof(text), &config->admin_addresses[i]));
    }
    return CONFIG_OK;
}

int config_check_together(const Config *config, Buf *problems) {
    int r = check_admin(config, problems);
    if (config->has_proxy_header && config->n_trusted_proxies == 0)
        return config_problem(problems, "listen.proxy_protocol",
                              "it needs access.trusted_proxies, the proxies whose header is believed");
    return r;
}
