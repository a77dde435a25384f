/* Server: the whole node: one bus thread, its workers, their order of start and stop. Owner: the main thread. */
#pragma once

#include "app/config.h"

/* Takes the config over, which has been loaded from the sources; SIGHUP loads from them again. Runs until SIGTERM or SIGINT, then
   drains; a second one hurries, the next ends the process at once. EX_OK, or another code of sysexits.h after a log line
   that says why. */
int server_run(Config *config, const ConfigSources *sources);
