/* StatusQuery: a command's question to the node whose configuration it has. Owner: the main thread. */
#pragma once

#include "app/cli.h"
#include "app/node_status.h"

/* What it says at /api/v1/info. EX_OK; EX_UNAVAILABLE, EX_NOPERM or EX_PROTOCOL after saying why on the error stream. */
int status_query(NodeStatus *status, const Config *config, const CliStreams *streams);
/* Whether it answers at /healthz that it is well; says nothing. */
bool status_query_is_healthy(const Config *config);
