#include "failing_memory.h"

#include <stddef.h>

static unsigned n_until_failure;
static bool has_failed;

void memory_fail_at(unsigned k) {
    n_until_failure = k;
    has_failed = false;
}

bool memory_has_failed(void) {
    return has_failed;
}

static bool fails_now(void) {
    if (n_until_failure == 0 || --n_until_failure > 0)
        return false;
    has_failed = true;
    return true;
}

void *__real_malloc(size_t n_bytes);
void *__real_calloc(size_t n, size_t n_bytes);
void *__real_realloc(void *memory, size_t n_bytes);
void *__wrap_malloc(size_t n_bytes);
void *__wrap_calloc(size_t n, size_t n_bytes);
void *__wrap_realloc(void *memory, size_t n_bytes);

void *__wrap_malloc(size_t n_bytes) {
    return fails_now() ? NULL : __real_malloc(n_bytes);
}

void *__wrap_calloc(size_t n, size_t n_bytes) {
    return fails_now() ? NULL : __real_calloc(n, n_bytes);
}

void *__wrap_realloc(void *memory, size_t n_bytes) {
    return fails_now() ? NULL : __real_realloc(memory, n_bytes);
}
