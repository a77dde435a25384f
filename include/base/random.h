/* Random numbers for jitter, ids and hash seeds; not for keys. Any thread. */
#pragma once

#include <stdint.h>

uint64_t random_u64(void);               /* from the kernel's pool, buffered per thread */
uint64_t random_below(uint64_t n_limit); /* uniform in [0, n_limit); 0 when n_limit is 0 */
