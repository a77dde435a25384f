/* Faults that tests inject; without the build option fault_injection there are none. Any thread. */
#pragma once

#include <stdbool.h>

#ifdef BARKER_FAULT_INJECTION
/* With BARKER_FAULT_LOST_CLOSE=N in the environment, true for every N-th connection of each thread: its session is never told
   of its end. */
bool fault_loses_close(void);
#else
static inline bool fault_loses_close(void) {
    return false;
}
#endif
