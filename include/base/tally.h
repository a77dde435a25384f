/* Tally: how many of each there are, counted by hash in a fixed room. Any thread: atomics, no lock.
   Each hash is counted in one cell of each row; the least of its cells is what counts. So nobody is ever counted too low, and a
   crowd of others can fill neither memory nor, as the hash is seeded, the cells of one: it is counted too high only when others
   share all of its cells: a million different ones are told apart by a limit of 10 (test_tally). 16 MiB, of which the kernel gives
   what is touched. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

enum { TALLY_ROWS = 4, TALLY_CELLS = 1 << 20 };

typedef struct Tally {
    _Atomic uint32_t cells[TALLY_ROWS][TALLY_CELLS];
} Tally;

int tally_new(Tally **out);      /* empty. 0 or -ENOMEM */
Tally *tally_free(Tally *tally); /* NULL, also for NULL */

/* One more, by 64 bits of a seeded hash; returns how many there are now, itself included. */
uint32_t tally_add(Tally *tally, uint64_t hash);
void tally_remove(Tally *tally, uint64_t hash); /* one that was added */
