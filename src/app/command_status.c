#include <sysexits.h>

#include "app/status_query.h"

static int run(const CliInput *input) {
    Config *config = NULL;
    NodeStatus status;
    int r = cli_load_config(&config, input);

    if (r != EX_OK)
        return r;
    if (input->switches[CLI_QUIET]) {
        r = status_query_is_healthy(config) ? EX_OK : 1;
    } else {
        r = status_query(&status, config, input->streams);
        if (r == EX_OK)
            node_status_print(input->streams->out, &status, NULL, 0, "\n");
    }
    config_free(config);
    return r;
}

const CliCommand cli_command_status = {
    .name = "status",
    .summary = "Ask a running node how it fares: connections, rates, the broker.",
    .details = "Asks the node at the first admin.address and prints what it says. Exits with 69\n"
               "when it cannot be reached. With --quiet it asks /healthz alone, which never asks\n"
               "Redis, and prints nothing: 0 is healthy, 1 is not. That is what a container's\n"
               "HEALTHCHECK runs.",
    .switches = 1U << CLI_CONFIG | 1U << CLI_QUIET,
    .sections = "admin",
    .run = run,
};
