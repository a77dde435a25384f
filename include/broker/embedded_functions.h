/* EmbeddedFunctions: the functions of deploy/redis/barker.lua for the clients of the embedded broker's listener, with the same
   arguments, replies and complaints. Owner: the bus thread.
   A key must be a channel's name behind the prefix. There are no leases: the embedded broker is one node. */
#pragma once

#include "broker/embedded_core.h"
#include "broker/resp_server.h"
#include "broker/writer.h"

void embedded_functions_run(EmbeddedCore *core, const RespCall *call, Writer *writer); /* writes one reply */
