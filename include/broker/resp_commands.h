/* RespCommands: the commands that the embedded broker knows, answered as Redis 7 does. Owner: the bus thread. */
#pragma once

#include "broker/resp_client.h"
#include "broker/resp_request.h"

void resp_commands_run(RespClient *client, const RespRequest *request); /* with one argument at least: its name */
