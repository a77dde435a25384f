/* Differences between two readings of the configuration, and what they mean for a node that runs. Any thread. */
#pragma once

#include <stdbool.h>

#include "app/config.h"
#include "app/options.h"

/* Each option that is not written alike in both; namespace_name: "" unless it is an option of namespaces. */
typedef void ConfigDiffers(void *context, const Option *option, const char *namespace_name);
void config_compare(const Config *before, const Config *after, ConfigDiffers *differs, void *context);

/* Each option is one of the two: it changes while the node runs, or a node keeps what it was started with. */
bool option_is_live(const Option *option);
bool option_needs_restart(const Option *option);
