#include "app/cli_parse.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "app/options.h"

typedef struct SwitchRow {
    const char *name;
    char letter;
    const char *value; /* what its value is called; NULL: it takes none */
    const char *help;
} SwitchRow;

static const SwitchRow switch_rows[CLI_N_SWITCHES] = {
    [CLI_HELP] = {"--help", 'h', NULL, "Print this help and exit."},
    [CLI_CONFIG] = {"--config", 'c', "FILE", "Read an INI file; the environment variable BARKER_CONFIG names one too."},
    [CLI_DEV] = {"--dev", 0, NULL,
                 "Development: the demo page at /, and clients may publish. With no Redis given, the embedded broker serves."},
    [CLI_OPTIONS] = {"--options", 0, NULL, "Print the table of all options in Markdown and exit."},
    [CLI_ALGORITHM] = {"--algorithm", 0, "NAME", "eddsa (the default) or hs256."},
    [CLI_KEY] = {"--key", 'k', "FILE|TEXT", "What to sign with: a file, or the key itself as hs256:SECRET."},
    [CLI_SUB] = {"--sub", 0, "USER", "Who bears the token."},
    [CLI_INFO] = {"--info", 0, "JSON", "What others see of the user in presence."},
    [CLI_LIMITS] = {"--limits", 0, "JSON", "In place of the node's: messages, bytes, subscriptions, connections."},
    [CLI_CHANNEL] = {"--channel", 0, "NAME", "Makes it a channel token: it opens this one channel."},
    [CLI_JOIN] = {"--join", 0, "NAME", "A channel to subscribe to at connect. May be given again."},
    [CLI_SUBSCRIBE] = {"--subscribe", 0, "PATTERN", "Channels that it may subscribe to, like chat:*. May be given again."},
    [CLI_PUBLISH] = {"--publish", 0, "PATTERN", "Channels that it may publish to. May be given again."},
    [CLI_EXPIRES] = {"--expires", 0, "DURATION", "How long it holds, like 15m; 1h when it is not given, 0 for ever."},
    [CLI_AUDIENCE] = {"--audience", 0, "TEXT", "Whom it is for."},
    [CLI_ISSUER] = {"--issuer", 0, "TEXT", "Who made it."},
    [CLI_QUIET] = {"--quiet", 'q', NULL, "Print nothing: the exit code tells whether the node is healthy."},
};

static const CliCommand *const commands[] = {&cli_command_run,   &cli_command_publish, &cli_command_check_config,
                                             &cli_command_token, &cli_command_keygen,  &cli_command_status,
                                             &cli_command_top,   &cli_command_version, NULL};

const CliCommand *const *cli_commands(void) {
    return commands;
}

const CliCommand *cli_find_command(const char *name) {
    for (const CliCommand *const *at = commands; *at; at++) {
        if (strcmp((*at)->name, name) == 0)
            return *at;
    }
    return NULL;
}

static bool takes_switch(const CliCommand *command, CliSwitch which) {
    return which == CLI_HELP || (command->switches & (1U << which)) != 0;
}

/* The switch that this is a spelling of; CLI_N_SWITCHES when none. name has no value behind it. */
static CliSwitch find_switch(const CliCommand *command, const char *name) {
    for (unsigned i = 0; i < CLI_N_SWITCHES; i++) {
        bool is_letter = name[1] == switch_rows[i].letter && name[1] && !name[2];

        if (takes_switch(command, (CliSwitch)i) && (is_letter || strcmp(switch_rows[i].name, name) == 0))
            return (CliSwitch)i;
    }
    return CLI_N_SWITCHES;
}

static int complain_of_flag(const CliInput *input, const CliCommand *command, const char *name) {
    enum { FAR = 4 };
    char spelled[OPTION_NAME_SIZE];
    const Option *option = options_nearest(OPTION_FLAG, name);
    const char *near =
        option && options_has_section(option, command->sections) ? option_spell(spelled, option, OPTION_FLAG) : NULL;
    size_t n_edits = near ? options_distance(name, near, FAR) : FAR;

    for (unsigned i = 0; i < CLI_N_SWITCHES; i++) {
        if (takes_switch(command, (CliSwitch)i) && options_distance(name, switch_rows[i].name, FAR) < n_edits) {
            near = switch_rows[i].name;
            n_edits = options_distance(name, near, FAR);
        }
    }
    if (near)
        cli_complain(input->streams, "flag %s: there is no such flag; did you mean %s?", name, near);
    else
        cli_complain(input->streams, "flag %s: there is no such flag; barker %s --help lists them", name, command->name);
    return EX_USAGE;
}

static void set_switch(CliInput *input, CliSwitch which, const char *value) {
    input->switches[which] = value;
    input->given[input->n_given++] = (CliGiven){.which = which, .value = value};
}

/* Takes the flag at argv[0], perhaps with its value at argv[1], and says in n_taken how many it took. */
static int take_flag(CliInput *input, const CliCommand *command, int argc, char **argv, int *n_taken) {
    char name[OPTION_NAME_SIZE];
    size_t n_name = strcspn(argv[0], "=");
    const char *value = argv[0][n_name] ? argv[0] + n_name + 1 : NULL;
    const Option *option;
    CliSwitch which;

    snprintf(name, sizeof(name), "%.*s", (int)n_name, argv[0]);
    *n_taken = 1;
    which = find_switch(command, name);
    option = options_find(OPTION_FLAG, name);
    if (which == CLI_N_SWITCHES && (!option || !options_has_section(option, command->sections)))
        return complain_of_flag(input, command, name);
    if (which != CLI_N_SWITCHES && !switch_rows[which].value) {
        if (value) {
            cli_complain(input->streams, "flag %s: it takes no value", name);
            return EX_USAGE;
        }
        set_switch(input, which, "");
        return EX_OK;
    }
    if (!value) {
        if (argc < 2) {
            cli_complain(input->streams, "flag %s: its value is missing", name);
            return EX_USAGE;
        }
        value = argv[1];
        *n_taken = 2;
    }
    if (which != CLI_N_SWITCHES) {
        set_switch(input, which, value);
    } else {
        ConfigFlag *flag = &input->flags[input->n_flags++];

        flag->option = option;
        flag->text = value;
        option_namespace(flag->namespace_name, option, OPTION_FLAG, name);
    }
    return EX_OK;
}

static int check_arguments(const CliInput *input, const CliCommand *command) {
    if (input->switches[CLI_HELP] || input->n_arguments == command->n_arguments)
        return EX_OK;
    if (!command->arguments)
        cli_complain(input->streams, "%s takes no arguments, but '%s' was given", command->name, input->arguments[0]);
    else
        cli_complain(input->streams, "%s takes %s, which is %zu arguments, but got %zu", command->name, command->arguments,
                     command->n_arguments, input->n_arguments);
    return EX_USAGE;
}

int cli_input_parse(CliInput *input, const CliCommand *command, int argc, char **argv) {
    bool has_ended = false;

    input->arguments = calloc((size_t)argc + 1, sizeof(*input->arguments));
    input->flags = calloc((size_t)argc + 1, sizeof(*input->flags));
    input->given = calloc((size_t)argc + 1, sizeof(*input->given));
    if (!input->arguments || !input->flags || !input->given) {
        cli_complain(input->streams, "out of memory");
        return EX_OSERR;
    }
    for (int i = 0; i < argc;) {
        int r = EX_OK, n_taken = 1;

        if (!has_ended && strcmp(argv[i], "--") == 0)
            has_ended = true;
        else if (has_ended || argv[i][0] != '-' || argv[i][1] == '\0')
            input->arguments[input->n_arguments++] = argv[i];
        else
            r = take_flag(input, command, argc - i, argv + i, &n_taken);
        if (r != EX_OK)
            return r;
        i += n_taken;
    }
    return check_arguments(input, command);
}

void cli_input_finish(CliInput *input) {
    free(input->arguments);
    free(input->flags);
    free(input->given);
    *input = (CliInput){.streams = input->streams};
}

void cli_print_overview(FILE *out) {
    fputs("Usage: barker [COMMAND] [FLAGS]\n\n"
          "Barker is a realtime gateway: what is published to Redis reaches every browser\n"
          "that has subscribed.\n\n"
          "Commands:\n",
          out);
    for (const CliCommand *const *at = commands; *at; at++)
        options_print_row(out, (*at)->name, (*at)->summary);
    options_print_row(out, "help [COMMAND]", "Print this help, or that of a command.");
    fputs("\nWithout a command, barker runs a node: barker --dev is barker run --dev.\n"
          "barker COMMAND --help tells what a command takes.\n",
          out);
}

void cli_print_help(FILE *out, const CliCommand *command) {
    bool has_options = !command->sections || *command->sections;

    fprintf(out, "Usage: barker %s [FLAGS]%s%s\n\n%s\n\nFlags:\n", command->name, command->arguments ? " " : "",
            command->arguments ? command->arguments : "", command->details);
    for (unsigned i = 0; i < CLI_N_SWITCHES; i++) {
        const SwitchRow *row = &switch_rows[i];
        char name[OPTION_NAME_SIZE];

        if (!row->name || !takes_switch(command, (CliSwitch)i))
            continue;
        snprintf(name, sizeof(name), "%c%c%s%s %s", row->letter ? '-' : ' ', row->letter ? row->letter : ' ',
                 row->letter ? ", " : "  ", row->name, row->value ? row->value : "");
        options_print_row(out, name, row->help);
    }
    if (!has_options)
        return;
    options_print_help(out, command->sections);
    fputs("\nEach of these options is also a variable of the environment and a key of the\n"
          "file: --redis-url is BARKER_REDIS_URL and url = in [redis]. Flags beat the\n"
          "environment, the environment beats the file.\n",
          out);
}
