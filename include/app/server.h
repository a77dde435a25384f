/* Server: the whole node: one bus thread, its workers, their order of start and stop. Owner: the main thread. */
#pragma once

#include "app/config.h"

/* Runs until SIGTERM or SIGINT; a second one ends the process at once. EX_OK, or another code of sysexits.h after a log line
   that says why. */
int server_run(const Config *config);
