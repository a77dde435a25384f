/* The part of the bus that reads histories for the workers. Owner: the bus thread. */
#pragma once

#include "broker/interest.h"

void bus_on_read(void *context, void *cookie, HistoryReply *reply); /* events->read */
