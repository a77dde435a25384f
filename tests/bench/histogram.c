#include "histogram.h"

#include <math.h>

/* Values below 64 have a bucket each; above, the top seven bits choose one, so every octave has 64. */
static unsigned bucket_of(uint64_t value) {
    if (value < 1U << HISTOGRAM_SUB_BITS)
        return (unsigned)value;
    unsigned shift = 63U - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
    return (shift << HISTOGRAM_SUB_BITS) + (unsigned)(value >> shift);
}

static uint64_t bucket_end(unsigned bucket) {
    if (bucket < 2U << HISTOGRAM_SUB_BITS)
        return bucket;
    unsigned shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
    uint64_t top = bucket - (shift << HISTOGRAM_SUB_BITS);
    return (top << shift) + ((UINT64_C(1) << shift) - 1);
}

void histogram_add(Histogram *histogram, uint64_t value) {
    histogram->counts[bucket_of(value)]++;
    histogram->n_values++;
    if (value > histogram->max)
        histogram->max = value;
}

uint64_t histogram_percentile(const Histogram *histogram, double fraction) {
    uint64_t n_wanted = (uint64_t)ceil(fraction * (double)histogram->n_values);
    uint64_t n_seen = 0;
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        n_seen += histogram->counts[bucket];
        if (n_seen >= n_wanted && n_seen > 0)
            return bucket_end(bucket) < histogram->max ? bucket_end(bucket) : histogram->max;
    }
    return histogram->max;
}
