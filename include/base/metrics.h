/* Counters: written by one thread, read by any. A module keeps a struct of them per thread; readers sum the threads'. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

typedef struct Counter {
    _Atomic uint64_t value;
} Counter;

/* Owner thread only: a plain add, without a locked instruction. */
static inline void counter_add(Counter *counter, uint64_t n) {
    uint64_t value = atomic_load_explicit(&counter->value, memory_order_relaxed);
    atomic_store_explicit(&counter->value, value + n, memory_order_relaxed);
}

static inline void counter_subtract(Counter *counter, uint64_t n) { /* gauges */
    counter_add(counter, UINT64_MAX - n + 1);
}

static inline uint64_t counter_read(const Counter *counter) { /* any thread */
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}
