/* Permit: who may subscribe and publish to which channel, by its namespace and the session's token.
   Owner: the connection's worker. */
#pragma once

#include <stddef.h>

#include "session/commands.h"

/* COMMAND_OK, COMMAND_FORBIDDEN or COMMAND_UNAUTHORIZED. shown: a token besides the session's own, for this channel alone; NULL:
   none. */
CommandResult permit_subscribe(const Session *session, const char *channel, size_t n_channel, const Token *shown);
CommandResult permit_publish(const Session *session, const char *channel, size_t n_channel);
