/* Spaced: a text of items with any number of spaces between them, before and behind. Any thread; no state. */
#pragma once

#include <stddef.h>

/* The next item, at *at or behind it, and its size; NULL when there is none. *at moves behind it. */
const char *spaced_next(const char **at, size_t *n_item);
unsigned spaced_count(const char *text);
