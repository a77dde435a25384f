/* Sandbox: the system calls that a running node has use for (process.seccomp). Any other ends the process, and leaves its number in the
   kernel's log. Main thread, before the others start. */
#pragma once

#include <stdbool.h>

/* Before the loops are made: io_uring is refused, so that libuv does without; it would go past every rule. 0 or -errno. */
int sandbox_prepare(void);
/* From here on, for this thread and all that it starts; every socket that listens does so by now. 0 or -errno. */
int sandbox_enter(void);
bool sandbox_is_for_sanitizers(void); /* this build allows what they need besides */
