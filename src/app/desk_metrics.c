#include "app/desk.h"
#include "app/metrics.h"

int desk_metrics(Desk *desk, Buf *out) {
    const DeskOptions *options = &desk->options;
    NodeHealth health = desk_health(desk);
    return metrics_write(out, &(MetricsSources){.workers = options->workers,
                                                .n_workers = options->n_workers,
                                                .bus = options->bus,
                                                .desk_loop = &desk->loop,
                                                .desk_http = &desk->http_counters,
                                                .desk = &desk->counters,
                                                .certificates = &options->reload->certificates,
                                                .reload = &options->reload->counters,
                                                .started_wall_ms = desk->started_wall_ms,
                                                .is_healthy = !health.unhealthy,
                                                .is_ready = !health.unready,
                                                .is_draining = atomic_load(&desk->is_draining)});
}
