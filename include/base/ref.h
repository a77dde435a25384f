/* Ref: an atomic reference count for objects that cross threads. Any thread. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

typedef struct Ref {
    atomic_uint n_references;
} Ref;

static inline void ref_init(Ref *ref) {
    atomic_init(&ref->n_references, 1);
}

static inline void ref_acquire(Ref *ref) {
    atomic_fetch_add_explicit(&ref->n_references, 1, memory_order_relaxed);
}

/* True when that was the last reference: the caller frees the object. */
static inline bool ref_release(Ref *ref) {
    return atomic_fetch_sub_explicit(&ref->n_references, 1, memory_order_acq_rel) == 1;
}
