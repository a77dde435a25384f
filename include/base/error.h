/* Errors: negative values are -errno, fatal, and forwarded to the caller; positive ones are handled by the caller.
   The trace is per thread. Any thread. */
#pragma once

#include <stddef.h>

/* Starts the thread's trace at this place and returns error (a negative errno value). */
#define error_origin(error) error_forward((error), 1, __FILE__, __LINE__, __func__)
/* Adds this place to the thread's trace and returns error. */
#define error_trace(error) error_forward((error), 0, __FILE__, __LINE__, __func__)

int error_record(int error, int is_origin, const char *file, int line, const char *function);

/* Inline, so that compilers and analysers see that the error which goes in comes out. */
static inline int error_forward(int error, int is_origin, const char *file, int line, const char *function) {
    (void)error_record(error, is_origin, file, line, function);
    return error;
}

/* Writes the thread's trace as "function file:line < function file:line", origin first, NUL-terminated and cut at n_text
   bytes. Returns text. */
const char *error_describe(char *text, size_t n_text);
