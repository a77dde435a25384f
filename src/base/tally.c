#include "base/tally.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"

int tally_new(Tally **out) {
    Tally *tally = calloc(1, sizeof(*tally));
    if (!tally)
        return error_origin(-ENOMEM);
    *out = tally;
    return 0;
}

Tally *tally_free(Tally *tally) {
    free(tally);
    return NULL;
}

static _Atomic uint32_t *tally_cell(Tally *tally, unsigned row, uint64_t hash) {
    uint32_t first = (uint32_t)hash, step = (uint32_t)(hash >> 32) | 1;
    return &tally->cells[row][(first + row * step) & (TALLY_CELLS - 1)];
}

uint32_t tally_add(Tally *tally, uint64_t hash) {
    uint32_t least = UINT32_MAX;
    for (unsigned row = 0; row < TALLY_ROWS; row++) {
        uint32_t n = atomic_fetch_add_explicit(tally_cell(tally, row, hash), 1, memory_order_relaxed) + 1;
        least = n < least ? n : least;
    }
    return least;
}

void tally_remove(Tally *tally, uint64_t hash) {
    for (unsigned row = 0; row < TALLY_ROWS; row++)
        atomic_fetch_sub_explicit(tally_cell(tally, row, hash), 1, memory_order_relaxed);
}
