#include <sysexits.h>
#include <unistd.h>

#include "app/cli.h"
#include "app/server.h"

static int run(const CliInput *input) {
    Config *config = NULL;
    int r = cli_load_config(&config, input);

    if (r != EX_OK)
        return r;
    log_configure(config->log_level, config->log_format, STDERR_FILENO);
    r = server_run(config);
    config_free(config);
    return r;
}

const CliCommand cli_command_run = {
    .name = "run",
    .summary = "Run a gateway node until SIGTERM or SIGINT. This is what barker does without a command.",
    .details = "Runs a gateway node until SIGTERM or SIGINT, which close the connections and end it in good\n"
               "order. A second signal ends it at once. The log goes to standard error.",
    .switches = 1U << CLI_CONFIG | 1U << CLI_DEV,
    .run = run,
};
