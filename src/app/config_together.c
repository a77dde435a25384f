#include "app/config_values.h"

int config_check_together(const Config *config, Buf *problems) {
    if (config->has_proxy_header && config->n_trusted_proxies == 0)
        return config_problem(problems, "listen.proxy_protocol",
                              "it needs access.trusted_proxies, the proxies whose header is believed");
    return CONFIG_OK;
}
