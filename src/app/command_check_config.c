#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "app/cli.h"
#include "app/keys.h"
#include "app/options.h"
#include "base/spaced.h"
#include "net/tls.h"

enum { PROBLEMS_LIMIT = 8192, ERROR_SIZE = 320 };

/* The files that it names, as a node reads them at its start. EX_OK, or EX_CONFIG after saying what is wrong. */
static int check_keys(const CliInput *input, const Config *config) {
    Keyring *ring;
    ApiKeys *api_keys;
    Buf problems;

    buf_init(&problems, PROBLEMS_LIMIT);
    int r = keys_load(&ring, &api_keys, config, &problems);
    for (size_t i = 0; i < problems.n_bytes;) {
        const char *line = (const char *)problems.bytes + i;
        size_t n_line = strcspn(line, "\n");

        cli_complain(input->streams, "%.*s", (int)n_line, line);
        i += n_line + 1;
    }
    if (r < 0 && r != -EINVAL)
        cli_complain(input->streams, "cannot load the keys: %s", strerror(-r));
    buf_finish(&problems);
    keyring_free(ring);
    api_keys_free(api_keys);
    return r < 0 ? EX_CONFIG : EX_OK;
}

static int check_certificates(const CliInput *input, const Config *config) {
    const TlsFiles files = {config->tls_certificate, config->tls_key, config->tls_client_ca};
    char error[ERROR_SIZE];
    Tls *tls = NULL;

    if (config->n_tls_addresses == 0 && spaced_count(files.certificates) == 0)
        return EX_OK;
    if (tls_new(&tls, &files, error, sizeof(error)) < 0) {
        cli_complain(input->streams, "tls: %s", error);
        return EX_CONFIG;
    }
    tls_unref(tls);
    return EX_OK;
}

static int run(const CliInput *input) {
    Config *config = NULL;
    int r;

    if (input->switches[CLI_OPTIONS]) {
        options_print_markdown(input->streams->out);
        return EX_OK;
    }
    r = cli_load_config(&config, input);
    if (r != EX_OK)
        return r;
    config_print(config, input->streams->out);
    r = check_keys(input, config);
    if (cli_is_closed(input, config))
        r = EX_CONFIG;
    if (check_certificates(input, config) != EX_OK)
        r = EX_CONFIG;
    config_free(config);
    return r;
}

const CliCommand cli_command_check_config = {
    .name = "check-config",
    .summary = "Check the configuration and print it, with the origin of each value.",
    .details = "Checks the configuration as barker run would and prints it as an INI file, each\n"
               "value with its origin and passwords masked; then reads the files of keys and\n"
               "certificates that it names. Exits with 78 when something is wrong with any of\n"
               "it.",
    .switches = 1U << CLI_CONFIG | 1U << CLI_DEV | 1U << CLI_OPTIONS,
    .run = run,
};
