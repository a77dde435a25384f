/* Signals: blocked in every thread, taken in one place. Owner: the main thread. */
#pragma once

#include <stdint.h>

/* Before any thread starts. SIGPIPE is ignored: a write to a closed socket is an error to handle, not an end. */
void signals_block(void);

/* Waits for SIGTERM, SIGINT or SIGHUP, which it returns, SIGHUP last; 0: signals_nudge, or so long that none came. */
int signals_wait(uint32_t limit_ms);
void signals_nudge(void *unused); /* any thread: ends one signals_wait */
