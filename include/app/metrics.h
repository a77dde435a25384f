/* Metrics: the counters of all threads as Prometheus reads them (text format 0.0.4). Any thread, while what is read lives. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/bus_thread.h"
#include "app/certificates.h"
#include "app/desk.h"
#include "app/reload.h"
#include "app/worker.h"
#include "base/buf.h"
#include "net/http_server.h"
#include "net/loop.h"

/* Whose counters they are; all borrowed. */
typedef struct MetricsSources {
    const Worker *workers;
    uint32_t n_workers;
    const BusThread *bus;
    const Loop *desk_loop; /* NULL: there is no desk; so are these */
    const HttpServerCounters *desk_http;
    const DeskCounters *desk;
    const Certificates *certificates; /* NULL: none */
    const ReloadCounters *reload;     /* likewise */
    uint64_t started_wall_ms;         /* when the node began, clock_wall_ms */
    bool is_healthy;                  /* as /healthz and /readyz say */
    bool is_ready;
    bool is_draining;
} MetricsSources;

/* Appends all of them. 0; -ENOMEM without memory, or past the limit of out. */
int metrics_write(Buf *out, const MetricsSources *sources);
