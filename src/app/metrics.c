#include "app/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/metrics_table.h"
#include "base/error.h"
#include "base/histogram.h"

enum { LABELS_BYTES = 512 };

typedef struct Scrape {
    Buf *out;
    const MetricsSources *sources;
    int result; /* of the first thing that could not be written; nothing is after it */
} Scrape;

#define scrape_put(scrape, ...)                                                                                                \
    do {                                                                                                                       \
        if ((scrape)->result == BUF_OK)                                                                                        \
            (scrape)->result = buf_append_format((scrape)->out, __VA_ARGS__);                                                  \
    } while (0)

/* In whole units, with as many digits behind the point as per_unit (a power of ten) has noughts. */
static void put_value(Scrape *scrape, uint64_t value, uint32_t per_unit) {
    int n_digits = 0;
    for (uint32_t n = per_unit; n >= 10; n /= 10)
        n_digits++;
    if (n_digits == 0)
        scrape_put(scrape, "%" PRIu64, value);
    else
        scrape_put(scrape, "%" PRIu64 ".%0*" PRIu64, value / per_unit, n_digits, value % per_unit);
}

static void put_sample(Scrape *scrape, const Metric *metric, const char *labels, uint64_t value) {
    scrape_put(scrape, "%s%s%s%s ", metric->name, labels[0] ? "{" : "", labels, labels[0] ? "}" : "");
    put_value(scrape, value, metric->per_unit);
    scrape_put(scrape, "\n");
}

static const Counter *counter_at(const void *of, size_t offset) {
    return (const Counter *)((const char *)of + offset);
}

static void put_buckets(Scrape *scrape, const Metric *metric, const char *labels, const uint64_t buckets[HISTOGRAM_BUCKETS],
                        uint64_t sum) {
    const char *comma = labels[0] ? "," : "";
    uint64_t n = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
        n += buckets[i];
        scrape_put(scrape, "%s_bucket{%s%sle=\"", metric->name, labels, comma);
        put_value(scrape, UINT64_C(1) << i, metric->per_unit);
        scrape_put(scrape, "\"} %" PRIu64 "\n", n);
    }
    n += buckets[HISTOGRAM_BUCKETS - 1];
    scrape_put(scrape, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", metric->name, labels, comma, n);
    scrape_put(scrape, "%s_sum%s%s%s ", metric->name, labels[0] ? "{" : "", labels, labels[0] ? "}" : "");
    put_value(scrape, sum, metric->per_unit);
    scrape_put(scrape, "\n%s_count%s%s%s %" PRIu64 "\n", metric->name, labels[0] ? "{" : "", labels, labels[0] ? "}" : "", n);
}

/* Of n objects of one kind, stride bytes apart, all summed. */
static void put_histogram(Scrape *scrape, const Metric *metric, const char *labels, const void *of, size_t n, size_t stride) {
    uint64_t buckets[HISTOGRAM_BUCKETS] = {0};
    uint64_t sum = 0;
    for (size_t k = 0; k < n; k++) {
        const Histogram *histogram = (const void *)((const char *)of + k * stride + metric->offset);
        for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
            buckets[i] += counter_read(&histogram->buckets[i]);
        sum += counter_read(&histogram->sum);
    }
    put_buckets(scrape, metric, labels, buckets, sum);
}

static uint64_t sum_of(const void *of, size_t n, size_t stride, size_t offset) {
    uint64_t sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += counter_read(counter_at((const char *)of + k * stride, offset));
    return sum;
}

static void put_label(char labels[LABELS_BYTES], const char *label, const char *value) {
    labels[0] = '\0';
    if (label)
        snprintf(labels, LABELS_BYTES, "%s=\"%s\"", label, value);
}

static void put_objects(Scrape *scrape, const Metric *metric, const void *of, size_t n, size_t stride) {
    char labels[LABELS_BYTES];
    put_label(labels, metric->value ? metric->label : NULL, metric->value);
    if (metric->type == METRIC_HISTOGRAM) {
        put_histogram(scrape, metric, labels, of, n, stride);
        return;
    }
    if (!metric->item) {
        put_sample(scrape, metric, labels, sum_of(of, n, stride, metric->offset));
        return;
    }
    for (unsigned i = metric->first; i < metric->n_items; i++) {
        const char *item = metric->item(i);
        put_label(labels, metric->label, item);
        if (item)
            put_sample(scrape, metric, labels, sum_of(of, n, stride, metric->offset + i * sizeof(Counter)));
    }
}

static void put_loop(Scrape *scrape, const Metric *metric, const char *thread, const Loop *loop) {
    char labels[LABELS_BYTES];
    put_label(labels, metric->label, thread);
    if (metric->type == METRIC_HISTOGRAM)
        put_histogram(scrape, metric, labels, loop, 1, 0);
    else
        put_sample(scrape, metric, labels, counter_read(counter_at(loop, metric->offset)));
}

static void put_loops(Scrape *scrape, const Metric *metric) {
    const MetricsSources *sources = scrape->sources;
    for (uint32_t i = 0; i < sources->n_workers; i++) {
        char thread[32];
        snprintf(thread, sizeof(thread), "worker-%" PRIu32, i);
        put_loop(scrape, metric, thread, &sources->workers[i].loop);
    }
    put_loop(scrape, metric, "bus", &sources->bus->loop);
    if (sources->desk_loop)
        put_loop(scrape, metric, "desk", sources->desk_loop);
}

/* As the text format escapes a label's value. */
static void escape(char *out, size_t n_out, const char *text) {
    size_t n = 0;
    for (; *text && n + 3 < n_out; text++) {
        if (*text == '\\' || *text == '"' || *text == '\n')
            out[n++] = '\\';
        out[n++] = *text == '\n' ? 'n' : *text;
    }
    out[n] = '\0';
}

static void put_redis_servers(Scrape *scrape, const Metric *metric, const RedisCounters *redis) {
    uint64_t n_servers = counter_read(&redis->n_servers);
    for (uint64_t i = 0; i < n_servers && i < REDIS_SERVERS_COUNTED; i++) {
        const RedisServerCounters *server = &redis->servers[i];
        char endpoint[LABEL_BYTES], escaped[2 * LABEL_BYTES], labels[LABELS_BYTES];
        label_read(&server->endpoint, endpoint);
        if (!endpoint[0])
            continue; /* it is nowhere */
        escape(escaped, sizeof(escaped), endpoint);
        snprintf(labels, sizeof(labels), "index=\"%" PRIu64 "\",server=\"%s\"", i, escaped);
        put_sample(scrape, metric, labels, counter_read(counter_at(server, metric->offset)));
    }
}

static void put_redis(Scrape *scrape, const Metric *metric) {
    const BusThread *bus = scrape->sources->bus;
    if (bus->n_urls == 0)
        return;
    const RedisCounters *redis = redis_backend_counters(bus->backend);
    if (metric->place == METRIC_OF_REDIS_SERVERS)
        put_redis_servers(scrape, metric, redis);
    else
        put_objects(scrape, metric, redis, 1, 0);
}

static void put_process(Scrape *scrape, const Metric *metric) {
    char labels[LABELS_BYTES];
    put_label(labels, metric->label, metric->value);
    put_sample(scrape, metric, labels, metric->read(scrape->sources));
}

/* What this node has not is told as a name without a value. */
static void put_optional(Scrape *scrape, const Metric *metric, const void *of) {
    if (of)
        put_objects(scrape, metric, of, 1, 0);
}

static void put_metric(Scrape *scrape, const Metric *metric) {
    const MetricsSources *sources = scrape->sources;
    switch (metric->place) {
    case METRIC_OF_WORKERS:
        put_objects(scrape, metric, sources->workers, sources->n_workers, sizeof(*sources->workers));
        break;
    case METRIC_OF_LOOPS:
        put_loops(scrape, metric);
        break;
    case METRIC_OF_BUS:
        put_objects(scrape, metric, sources->bus, 1, 0);
        break;
    case METRIC_OF_PRESENCE:
        put_optional(scrape, metric, sources->bus->bus.presence ? presence_counters(sources->bus->bus.presence) : NULL);
        break;
    case METRIC_OF_REDIS:
    case METRIC_OF_REDIS_SERVERS:
        put_redis(scrape, metric);
        break;
    case METRIC_OF_DESK:
        put_optional(scrape, metric, sources->desk);
        break;
    case METRIC_OF_DESK_HTTP:
        put_optional(scrape, metric, sources->desk_http);
        break;
    case METRIC_OF_CERTIFICATES:
        put_optional(scrape, metric, sources->certificates);
        break;
    case METRIC_OF_RELOAD:
        put_optional(scrape, metric, sources->reload);
        break;
    case METRIC_OF_PROCESS:
        put_process(scrape, metric);
        break;
    }
}

int metrics_write(Buf *out, const MetricsSources *sources) {
    static const char *const types[] = {"counter", "gauge", "histogram"};
    Scrape scrape = {.out = out, .sources = sources};
    const char *name = "";
    size_t n_metrics;
    const Metric *metrics = metrics_table(&n_metrics);
    for (size_t i = 0; i < n_metrics; i++) {
        const Metric *metric = &metrics[i];
        if (strcmp(metric->name, name) != 0)
            scrape_put(&scrape, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name, types[metric->type]);
        name = metric->name;
        put_metric(&scrape, metric);
    }
    return scrape.result == BUF_OK ? 0 : error_origin(-ENOMEM);
}
