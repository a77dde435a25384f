/* Glob: the patterns of PSUBSCRIBE: * ? [a-c] [^a] and \ before a character, over bytes. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* At most n_pattern * n_text steps, whatever the pattern. */
bool glob_match(const char *pattern, size_t n_pattern, const char *text, size_t n_text);
