#include "app/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "app/cli_parse.h"
#include "app/options.h"

enum { PROBLEMS_LIMIT = 8192 };

void cli_complain(const CliStreams *streams, const char *format, ...) {
    va_list arguments;

    fputs("barker: ", streams->error);
    va_start(arguments, format);
    vfprintf(streams->error, format, arguments);
    va_end(arguments);
    fputc('\n', streams->error);
}

ConfigSources cli_sources(const CliInput *input) {
    return (ConfigSources){
        .file = input->switches[CLI_CONFIG],
        .environment = input->streams->environment,
        .flags = input->flags,
        .n_flags = input->n_flags,
        .is_development = input->switches[CLI_DEV] != NULL,
    };
}

int cli_load_config(Config **config, const CliInput *input) {
    const ConfigSources sources = cli_sources(input);
    Buf problems;
    int r;

    buf_init(&problems, PROBLEMS_LIMIT);
    r = config_load(config, &sources, &problems);
    for (size_t i = 0; r > 0 && i < problems.n_bytes;) {
        const char *line = (const char *)problems.bytes + i;
        size_t n_line = strcspn(line, "\n");

        cli_complain(input->streams, "%.*s", (int)n_line, line);
        i += n_line + 1;
    }
    if (r < 0)
        cli_complain(input->streams, "cannot load the configuration: %s", strerror(-r));
    buf_finish(&problems);
    return r < 0 ? EX_OSERR : r > 0 ? EX_CONFIG : EX_OK;
}

/* A node that nobody may use is a mistake; so would be one that everybody may use without having been told so. */
bool cli_is_closed(const CliInput *input, const Config *config) {
    if (!config_is_closed(config))
        return false;
    cli_complain(input->streams, "nobody could subscribe or publish: there is no key for tokens,\n"
                                 "and no namespace is open. Choose, here or in the configuration file:\n"
                                 "  to try it:               barker run --dev\n"
                                 "  with tokens:             --auth-key-files FILE --access-subscribe user\n"
                                 "  for everybody who asks:  --access-subscribe anyone\n"
                                 "                           (in the environment: BARKER_ACCESS_SUBSCRIBE=anyone)");
    return true;
}

static int complain_of_command(const CliStreams *streams, const char *name) {
    enum { FAR = 4 };
    const CliCommand *near = NULL;
    size_t n_edits = FAR;

    for (const CliCommand *const *at = cli_commands(); *at; at++) {
        size_t n = options_distance(name, (*at)->name, FAR);

        if (n < n_edits && 2 * n < strlen(name)) {
            n_edits = n;
            near = *at;
        }
    }
    if (near)
        cli_complain(streams, "there is no command '%s'; did you mean '%s'? barker --help lists them", name, near->name);
    else
        cli_complain(streams, "there is no command '%s'; barker --help lists them", name);
    return EX_USAGE;
}

static int run_command(const CliStreams *streams, const CliCommand *command, int argc, char **argv) {
    CliInput input = {.streams = streams};
    int r = cli_input_parse(&input, command, argc, argv);

    if (r == EX_OK && input.switches[CLI_HELP])
        cli_print_help(streams->out, command);
    else if (r == EX_OK)
        r = command->run(&input);
    cli_input_finish(&input);
    return r;
}

static int print_help(const CliStreams *streams, int argc, char **argv) {
    const CliCommand *command = argc > 0 ? cli_find_command(argv[0]) : NULL;

    if (argc == 0)
        cli_print_overview(streams->out);
    else if (!command)
        return complain_of_command(streams, argv[0]);
    else
        cli_print_help(streams->out, command);
    return EX_OK;
}

int cli_run(const CliStreams *streams, int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : NULL;
    const CliCommand *command;

    if (!name)
        return run_command(streams, &cli_command_run, 0, NULL);
    if (strcmp(name, "help") == 0)
        return print_help(streams, argc - 2, argv + 2);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return print_help(streams, 0, NULL);
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        return run_command(streams, &cli_command_version, argc - 2, argv + 2);
    if (name[0] == '-')
        return run_command(streams, &cli_command_run, argc - 1, argv + 1);
    command = cli_find_command(name);
    if (!command)
        return complain_of_command(streams, name);
    return run_command(streams, command, argc - 2, argv + 2);
}

int cli_main(int argc, char **argv) {
    const CliStreams streams = {stdin, stdout, stderr, environ};
    int r = cli_run(&streams, argc, argv);

    if (fflush(stdout) != 0 || ferror(stdout)) {
        cli_complain(&streams, "cannot write to standard output: %s", strerror(errno));
        return EX_IOERR;
    }
    return r;
}
