/* Signals: blocked in every thread, taken in one place. Owner: the main thread. */
#pragma once

/* Before any thread starts. SIGPIPE is ignored: a write to a closed socket is an error to handle, not an end. */
void signals_block(void);

/* Waits for SIGTERM or SIGINT, which it returns, or for signals_nudge, which is 0. */
int signals_wait(void);
void signals_nudge(void *unused); /* any thread: ends one signals_wait */
