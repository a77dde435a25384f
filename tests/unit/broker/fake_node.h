/* The node around a bus, written to the journal: ops for the bus, or events for a backend without a bus.
   Owner: the main thread of the test. */
#pragma once

#include "broker/bus.h"

extern const BusOps fake_bus_ops;
extern const BackendEvents fake_backend_events;
extern const char *fake_last_reason; /* of the last link lost */

const char *fake_result(BrokerResult result);
