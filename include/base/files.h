/* Files: whether some of them have changed. Any thread. */
#pragma once

#include <stdint.h>

/* Another number when one of the files, whose names are separated by spaces, has changed or is another one; stamp: of those
   before them, 0 to begin with. */
uint64_t files_stamp(uint64_t stamp, const char *names);
