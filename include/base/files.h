/* Files: whether some of them have changed, and whether they can be read without a wait. Any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Another number when one of the files, whose names are separated by spaces, has changed or is another one; stamp: of those
   before them, 0 to begin with. */
uint64_t files_stamp(uint64_t stamp, const char *names);

/* Whether it is a pipe, whose reader waits for whoever writes, perhaps for ever. One that is not there is none. */
bool file_is_pipe(const char *name);
bool files_have_pipe(const char *names); /* one of several, separated by spaces */
