#include "load.h"

#include <stdio.h>

#include "now.h"

typedef struct Figures {
    double seconds;
    double deliveries_per_second;
    double deliveries_per_read;
    double cpu_us_per_delivery;
    double cpu_share;
    double generator_share;
    uint64_t n_messages;
    uint64_t n_deliveries;
    double latency_us[5];
} Figures;

static const double fractions[] = {0.5, 0.9, 0.99, 0.999};

static double ratio(double dividend, double divisor) {
    return divisor > 0 ? dividend / divisor : 0;
}

static Figures compute(const Load *load) {
    const Sample *from = &load->from;
    const Sample *to = &load->to;
    double ns = (double)(to->at_ns - from->at_ns);
    double n_deliveries = (double)(to->n_deliveries - from->n_deliveries);
    Figures figures = {
        .seconds = ns / (double)NS_PER_SECOND,
        .deliveries_per_second = ratio(n_deliveries * (double)NS_PER_SECOND, ns),
        .deliveries_per_read = ratio(n_deliveries, (double)(to->n_reads - from->n_reads)),
        .cpu_us_per_delivery = ratio((double)(to->cpu_ns - from->cpu_ns) / 1000, n_deliveries),
        .cpu_share = ratio((double)(to->cpu_ns - from->cpu_ns), ns),
        .generator_share = ratio((double)(to->generator_cpu_ns - from->generator_cpu_ns), ns),
        .n_messages = to->n_messages - from->n_messages,
        .n_deliveries = to->n_deliveries - from->n_deliveries,
    };
    for (unsigned i = 0; i < 4; i++)
        figures.latency_us[i] = (double)histogram_percentile(&load->latencies, fractions[i]) / 1000;
    figures.latency_us[4] = (double)load->latencies.max / 1000;
    return figures;
}

static void print_json(const Load *load, const Figures *figures) {
    const Options *options = load->options;
    printf("{\"label\":\"%s\",\"connections\":%u,\"channels\":%u,\"size_bytes\":%u,\"window\":%u,\"rate\":%g,", options->label,
           options->n_connections, options->n_channels, options->n_payload_bytes, options->n_window, options->rate);
    printf(
        "\"seconds\":%.3f,\"messages\":%llu,\"deliveries\":%llu,\"deliveries_per_second\":%.0f,\"deliveries_per_read\":%.2f,",
        figures->seconds, (unsigned long long)figures->n_messages, (unsigned long long)figures->n_deliveries,
        figures->deliveries_per_second, figures->deliveries_per_read);
    if (options->n_pids > 0)
        printf("\"cpu_us_per_delivery\":%.4f,\"cpu_share\":%.3f,", figures->cpu_us_per_delivery, figures->cpu_share);
    else
        printf("\"cpu_us_per_delivery\":null,\"cpu_share\":null,");
    printf("\"generator_cpu_share\":%.3f,", figures->generator_share);
    printf("\"latency_us\":{\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p99_9\":%.1f,\"max\":%.1f},", figures->latency_us[0],
           figures->latency_us[1], figures->latency_us[2], figures->latency_us[3], figures->latency_us[4]);
    printf("\"missing\":%llu,\"duplicate\":%llu,\"out_of_order\":%llu,\"stray\":%llu,\"lost_connections\":%u,\"pings\":%llu}\n",
           (unsigned long long)tally_missing(&load->tally), (unsigned long long)load->tally.n_duplicate,
           (unsigned long long)load->tally.n_disordered, (unsigned long long)load->tally.n_stray, load->n_lost,
           (unsigned long long)load->shared.n_pings);
}

static void print_table(const Load *load, const Figures *figures) {
    const Options *options = load->options;
    char loop[32];
    char cpu[32] = "-";
    uint64_t n_disordered = load->tally.n_disordered + load->tally.n_stray;
    if (options->n_window > 0)
        snprintf(loop, sizeof(loop), "window %u", options->n_window);
    else
        snprintf(loop, sizeof(loop), "%g/s", options->rate);
    if (options->n_pids > 0)
        snprintf(cpu, sizeof(cpu), "%.3f", figures->cpu_us_per_delivery);
    printf("| server | connections | channels | bytes | loop | messages | deliveries/s | a read | CPU µs a delivery "
           "| p50 µs | p90 | p99 | p99.9 | max | missing | duplicate | out of order |\n"
           "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    printf("| %s | %u | %u | %u | %s | %llu | %.0f | %.1f | %s | %.0f | %.0f | %.0f | %.0f | %.0f | %llu | %llu | %llu |\n",
           options->label, options->n_connections, options->n_channels, options->n_payload_bytes, loop,
           (unsigned long long)figures->n_messages, figures->deliveries_per_second, figures->deliveries_per_read, cpu,
           figures->latency_us[0], figures->latency_us[1], figures->latency_us[2], figures->latency_us[3],
           figures->latency_us[4], (unsigned long long)tally_missing(&load->tally), (unsigned long long)load->tally.n_duplicate,
           (unsigned long long)n_disordered);
}

void load_report(const Load *load) {
    Figures figures = compute(load);
    if (load->options->is_json)
        print_json(load, &figures);
    else
        print_table(load, &figures);
}
