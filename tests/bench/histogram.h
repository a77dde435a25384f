/* Histogram: how often each latency was seen, in buckets at most 1/64 wide. Owner: the load generator's thread. */
#pragma once

#include <stdint.h>

enum { HISTOGRAM_SUB_BITS = 6, HISTOGRAM_BUCKETS = (64 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS };

typedef struct Histogram {
    uint64_t n_values;
    uint64_t max;
    uint64_t counts[HISTOGRAM_BUCKETS];
} Histogram;

void histogram_add(Histogram *histogram, uint64_t value); /* a zeroed Histogram is an empty one */

/* The smallest bucket's upper end that at least fraction (0 to 1) of the values do not pass, and never above max:
   at most 1/64 above the true value. 0 when empty. */
uint64_t histogram_percentile(const Histogram *histogram, double fraction);
