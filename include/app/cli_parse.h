/* CLI arguments: which command, which flags. Owner: the main thread. */
#pragma once

#include "app/cli.h"

const CliCommand *const *cli_commands(void); /* NULL-terminated */
const CliCommand *cli_find_command(const char *name);

/* Sorts the arguments behind the command's name into switches, configuration flags and arguments. EX_OK; EX_USAGE or
   EX_OSERR after saying why. cli_input_finish frees what it allocated, in every case. */
int cli_input_parse(CliInput *input, const CliCommand *command, int argc, char **argv);
void cli_input_finish(CliInput *input);

void cli_print_overview(FILE *out);
void cli_print_help(FILE *out, const CliCommand *command);
