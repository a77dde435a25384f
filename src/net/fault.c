#include "net/fault.h"

#include <stdlib.h>

bool fault_loses_close(void) {
    static _Thread_local unsigned n_connections;
    const char *every = getenv("BARKER_FAULT_LOST_CLOSE");
    unsigned n_every = every ? (unsigned)strtoul(every, NULL, 10) : 0;
    return n_every > 0 && ++n_connections % n_every == 0;
}
