#include <sysexits.h>
#include <unistd.h>

#include "app/cli.h"
#include "app/server.h"

/* A node that nobody may use is a mistake; so would be one that everybody may use without having been told so. */
static int refuse_closed(const CliInput *input) {
    cli_complain(input->streams, "nobody could subscribe or publish: there is no key for tokens, and no namespace is open.\n"
                                 "  To try it:                 barker run --dev\n"
                                 "  With tokens:               --auth-keys, --auth-key-files or --auth-jwks-file, and\n"
                                 "                             --access-subscribe user (or token)\n"
                                 "  For everybody who asks:    --access-subscribe anyone");
    return EX_CONFIG;
}

static int run(const CliInput *input) {
    const ConfigSources sources = cli_sources(input);
    Config *config = NULL;
    int r = cli_load_config(&config, input);

    if (r != EX_OK)
        return r;
    if (config_is_closed(config)) {
        config_free(config);
        return refuse_closed(input);
    }
    log_configure(config->log_level, config->log_format, STDERR_FILENO);
    return server_run(config, &sources);
}

const CliCommand cli_command_run = {
    .name = "run",
    .summary = "Run a gateway node until SIGTERM or SIGINT. This is what barker does without a command.",
    .details = "Runs a gateway node until SIGTERM or SIGINT, which tell the connections to go and end it in good\n"
               "order. A second signal hurries, a third ends it at once. SIGHUP reads the configuration, keys and\n"
               "certificates again. The log goes to standard error.",
    .switches = 1U << CLI_CONFIG | 1U << CLI_DEV,
    .run = run,
};
