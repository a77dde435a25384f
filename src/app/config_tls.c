#include "app/config_values.h"
#include "app/options.h"
#include "base/spaced.h"
#include "net/tls.h"

static int complain(const Config *config, const char *key, Buf *problems, const char *what) {
    const ConfigValue *value = config_value(config, options_find(OPTION_KEY, key), "");

    return config_problem(problems, value->origin, "%s: %s", key, what);
}

int config_check_tls(const Config *config, Buf *problems) {
    unsigned n_certificates = spaced_count(config->tls_certificate), n_keys = spaced_count(config->tls_key);

    if (n_certificates != n_keys)
        return complain(config, "tls.key", problems, "it takes as many files as tls.certificate, in the same order");
    if (n_certificates > TLS_PAIRS_MAX)
        return complain(config, "tls.certificate", problems, "that is too many certificates");
    if (config->n_tls_addresses > 0 && n_certificates == 0)
        return complain(config, "listen.tls_address", problems, "it wants tls.certificate and tls.key");
    return CONFIG_OK;
}
