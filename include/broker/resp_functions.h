/* RespFunctions: the commands of the embedded broker that call functions, or would load or run scripts. Owner: the bus thread.
   The functions of deploy/redis/barker.lua are built in; there is no Lua. */
#pragma once

#include "broker/resp_client.h"
#include "broker/resp_request.h"

void resp_run_fcall(RespClient *client, const RespRequest *request);
void resp_run_fcall_ro(RespClient *client, const RespRequest *request);
void resp_run_function(RespClient *client, const RespRequest *request);
void resp_run_eval(RespClient *client, const RespRequest *request);
void resp_run_evalsha(RespClient *client, const RespRequest *request);
