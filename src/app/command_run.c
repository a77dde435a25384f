#include <sysexits.h>
#include <unistd.h>

#include "app/cli.h"
#include "app/server.h"

static int run(const CliInput *input) {
    const ConfigSources sources = cli_sources(input);
    Config *config = NULL;
    int r = cli_load_config(&config, input);

    if (r != EX_OK)
        return r;
    if (cli_is_closed(input, config)) {
        config_free(config);
        return EX_CONFIG;
    }
    log_configure(config->log_level, config->log_format, STDERR_FILENO);
    if (config->is_development)
        log_event(LOG_LEVEL_WARN, "development", log_text("reason", "--dev lets everybody do what no option forbids"));
    return server_run(config, &sources);
}

const CliCommand cli_command_run = {
    .name = "run",
    .summary = "Run a gateway node until SIGTERM or SIGINT. This is what barker does without a command.",
    .details = "Runs a gateway node until SIGTERM or SIGINT, which tell the connections to go\n"
               "and end it in good order; each further signal hurries. SIGHUP reads the\n"
               "configuration, keys and certificates again. The log goes to standard error.",
    .switches = 1U << CLI_CONFIG | 1U << CLI_DEV,
    .run = run,
};
