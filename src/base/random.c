#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

enum { N_BUFFERED = 256 / sizeof(uint64_t) }; /* the kernel never cuts a request of up to 256 bytes short */

static _Thread_local uint64_t buffered[N_BUFFERED];
static _Thread_local unsigned n_left;

uint64_t random_u64(void) {
    while (n_left == 0) {
        if (getrandom(buffered, sizeof(buffered), 0) == (ssize_t)sizeof(buffered))
            n_left = N_BUFFERED;
        else if (errno != EINTR)
            abort(); /* no random numbers at all: jitter and hash seeds would be known to everyone */
    }
    return buffered[--n_left];
}

uint64_t random_below(uint64_t n_limit) {
    if (n_limit == 0)
        return 0;
    /* 2^64 mod n_limit values at the bottom would make some remainders likelier than others: draw again. */
    uint64_t n_uneven = (0 - n_limit) % n_limit;
    uint64_t value;
    do
        value = random_u64();
    while (value < n_uneven);
    return value % n_limit;
}
