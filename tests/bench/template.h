/* Template: {i}, {i%K} and {channel} in a text replaced for one connection; any other brace stays as it is. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Writes the NUL-terminated result. channel may be NULL. 0; -ENOSPC when text is too small; -EINVAL for {i%0}. */
int template_expand(char *text, size_t n_text, const char *template, uint32_t number, const char *channel);
