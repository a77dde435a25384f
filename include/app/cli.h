/* CLI: subcommands, their flags and their help. Owner: the main thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "app/config.h"

/* Flags that are not configuration. Each command says which it takes. */
typedef enum CliSwitch {
    CLI_HELP,
    CLI_CONFIG,
    CLI_DEV,
    CLI_OPTIONS,
    CLI_ALGORITHM,
    CLI_KEY,
    CLI_SUB,
    CLI_INFO,
    CLI_LIMITS,
    CLI_CHANNEL,
    CLI_JOIN,
    CLI_SUBSCRIBE,
    CLI_PUBLISH,
    CLI_EXPIRES,
    CLI_AUDIENCE,
    CLI_ISSUER,
    CLI_QUIET,
    CLI_N_SWITCHES,
} CliSwitch;

/* One switch as it was given: for those that may stand there more than once. */
typedef struct CliGiven {
    CliSwitch which;
    const char *value;
} CliGiven;

typedef struct CliStreams {
    FILE *in;
    FILE *out;
    FILE *error;
    char *const *environment;
} CliStreams;

/* What a command is run with. */
typedef struct CliInput {
    const CliStreams *streams;
    const char *switches[CLI_N_SWITCHES]; /* the last of each; NULL: not given; "" for one that takes no value */
    CliGiven *given;                      /* every one, in order */
    size_t n_given;
    const char **arguments; /* exactly as many as the command wants */
    size_t n_arguments;
    ConfigFlag *flags;
    size_t n_flags;
} CliInput;

/* Returns a code of sysexits.h. */
typedef int CliRun(const CliInput *input);

typedef struct CliCommand {
    const char *name;
    const char *summary;   /* one line, for the list of commands */
    const char *details;   /* for its own help; lines within 80 columns */
    const char *arguments; /* "CHANNEL DATA"; NULL: none */
    size_t n_arguments;
    unsigned switches;    /* bits 1 << CliSwitch; CLI_HELP is understood by all */
    const char *sections; /* whose configuration flags it takes, space-separated; NULL: all; "": none */
    CliRun *run;
} CliCommand;

/* The program: chooses the command, run when the first argument is a flag or there is none. Returns a code of sysexits.h. */
int cli_main(int argc, char **argv);
int cli_run(const CliStreams *streams, int argc, char **argv); /* the same on other streams, for tests */

/* Loads the configuration as the input says. EX_OK; EX_CONFIG or EX_OSERR after saying why on the error stream. */
int cli_load_config(Config **config, const CliInput *input);
/* Whether nobody could use a node of this configuration, which is then said on the error stream. */
bool cli_is_closed(const CliInput *input, const Config *config);
/* Where the input says that the configuration comes from; it borrows from the input. */
ConfigSources cli_sources(const CliInput *input);
/* "barker: " and the text as one line on the error stream. */
void cli_complain(const CliStreams *streams, const char *format, ...) __attribute__((format(printf, 2, 3)));

extern const CliCommand cli_command_run;
extern const CliCommand cli_command_publish;
extern const CliCommand cli_command_check_config;
extern const CliCommand cli_command_token;
extern const CliCommand cli_command_keygen;
extern const CliCommand cli_command_status;
extern const CliCommand cli_command_top;
extern const CliCommand cli_command_version;
