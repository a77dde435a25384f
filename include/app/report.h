/* Report: the counters of all threads, summed. Owner: the main thread, once the others have ended. */
#pragma once

#include "app/bus_thread.h"
#include "app/reload.h"
#include "app/worker.h"

/* One log line for the node, and one for each cause that ended a connection. */
void report_log(const Worker *workers, uint32_t n_workers, const BusThread *bus);
void report_log_reload(const Reload *reload); /* nothing where nothing was loaded again */
