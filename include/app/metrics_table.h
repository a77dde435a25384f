/* MetricsTable: every metric that a node tells: its name, where its value stands, and what it means. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "app/metrics.h"

typedef enum MetricType { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM } MetricType;

/* In what the offset counts. */
typedef enum MetricPlace {
    METRIC_OF_WORKERS,       /* Worker; summed */
    METRIC_OF_LOOPS,         /* Loop; one series a thread */
    METRIC_OF_BUS,           /* BusThread */
    METRIC_OF_PRESENCE,      /* PresenceCounters */
    METRIC_OF_REDIS,         /* RedisCounters */
    METRIC_OF_REDIS_SERVERS, /* RedisServerCounters; one series a server */
    METRIC_OF_DESK,          /* DeskCounters */
    METRIC_OF_DESK_HTTP,     /* HttpServerCounters */
    METRIC_OF_CERTIFICATES,  /* Certificates */
    METRIC_OF_RELOAD,        /* ReloadCounters */
    METRIC_OF_PROCESS,       /* read tells it */
} MetricPlace;

typedef struct Metric {
    const char *name; /* rows of one name stand together; only the first has type and help */
    MetricType type;
    MetricPlace place;
    size_t offset;
    uint32_t per_unit;               /* the counter counts in units of 1 / per_unit: 1000 for milliseconds; 0 is 1 */
    const char *label;               /* NULL: none */
    const char *value;               /* of the label; NULL: item tells it */
    unsigned first, n_items;         /* counters in a row, the first at offset + first * sizeof(Counter) */
    const char *(*item)(unsigned i); /* NULL: this one is left out */
    uint64_t (*read)(const MetricsSources *sources);
    const char *help;
} Metric;

const Metric *metrics_table(size_t *n_metrics);
