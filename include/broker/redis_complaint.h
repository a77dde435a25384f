/* RedisComplaint: what of an error reply of Redis may be told to the log. Any thread; no state. */
#pragma once

#include "broker/backend.h"

BrokerComplaint redis_complaint(const char *command, const char *error); /* borrows both */
