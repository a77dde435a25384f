/* Histogram: how often a value fell between bounds, as Prometheus has it. Written by one thread, read by any; readers sum the
   threads'. */
#pragma once

#include <stdint.h>

#include "base/metrics.h"

enum { HISTOGRAM_BUCKETS = 24 };

/* Bucket i counts values of at most 2^i units, the last one all that are larger. */
typedef struct Histogram {
    Counter buckets[HISTOGRAM_BUCKETS];
    Counter sum;
} Histogram;

/* Owner thread only. */
static inline void histogram_add(Histogram *histogram, uint64_t value) {
    unsigned bucket = value <= 1 ? 0 : 64 - (unsigned)__builtin_clzll(value - 1);
    counter_add(&histogram->buckets[bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1], 1);
    counter_add(&histogram->sum, value);
}
