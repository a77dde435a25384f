#include <sysexits.h>

#include "app/cli.h"
#include "app/options.h"

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
    config_free(config);
    return EX_OK;
}

const CliCommand cli_command_check_config = {
    .name = "check-config",
    .summary = "Check the configuration and print it, with the origin of each value.",
    .details = "Checks the configuration as barker run would and prints it as an INI file, each value with its\n"
               "origin and passwords masked. Exits with 78 when something is wrong with it.",
    .switches = 1U << CLI_CONFIG | 1U << CLI_DEV | 1U << CLI_OPTIONS,
    .run = run,
};
