/* Cpu: the CPU time of a process, from /proc. Any thread. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* Adds up the CPU time of all threads that the process has now, in nanoseconds. 0, or -ESRCH when it cannot be read.
   From schedstat; from stat, in clock ticks, where the kernel keeps none. A thread that ends takes its time along, so the
   process must keep its threads between two readings. */
int cpu_of_process(pid_t pid, uint64_t *cpu_ns);
