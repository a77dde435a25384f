/* ProcessFigures: what the kernel says of this process. Any thread. */
#pragma once

#include <stdint.h>

uint64_t process_memory_bytes(void); /* resident; 0 when /proc does not tell, as the others */
uint64_t process_descriptors(void);  /* that are open */
uint64_t process_descriptor_limit(void);
uint64_t process_cpu_us(void); /* of all threads, in user and kernel */
