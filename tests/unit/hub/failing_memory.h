/* Failing memory: lets the k-th allocation of the code under test fail. Linked with --wrap for malloc, calloc and realloc.
   Owner: the main thread of the test. */
#pragma once

#include <stdbool.h>

void memory_fail_at(unsigned k); /* the k-th from now, once; 0: none */
bool memory_has_failed(void);    /* since the last memory_fail_at */
