#include <netinet/in.h>
#include <string.h>

#include "app/config_values.h"
#include "auth/api_keys.h"

/* Whether nobody but programs of this machine can reach it. */
static bool is_local(const ListenAddress *address) {
    switch (address->socket.any.sa_family) {
    case AF_UNIX:
        return true;
    case AF_INET:
        return ntohl(((const struct sockaddr_in *)&address->socket)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    default:
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&address->socket)->sin6_addr);
    }
}

static int check_admin(const Config *config, Buf *problems) {
    if (config->admin_token[0] && strlen(config->admin_token) < API_SECRET_MIN)
        return config_problem(problems, "admin.token", "it has at least %d characters", API_SECRET_MIN);
    for (uint32_t i = 0; i < config->n_admin_addresses && !config->admin_token[0]; i++) {
        char text[LISTEN_ADDRESS_TEXT_SIZE];
        if (!is_local(&config->admin_addresses[i]))
            return config_problem(problems, "admin.address", "%s is beyond loopback, where admin.token has to guard it: set it",
                                  listen_address_format(text, sizeof(text), &config->admin_addresses[i]));
    }
    return CONFIG_OK;
}

bool config_has_far_admin(const Config *config) {
    bool has_far = false;
    for (uint32_t i = 0; i < config->n_admin_addresses; i++)
        has_far |= !is_local(&config->admin_addresses[i]);
    return has_far;
}

int config_check_together(const Config *config, Buf *problems) {
    int r = check_admin(config, problems);
    if (config->has_proxy_header && config->n_trusted_proxies == 0)
        return config_problem(problems, "listen.proxy_protocol",
                              "it needs access.trusted_proxies, the proxies whose header is believed");
    return r;
}
