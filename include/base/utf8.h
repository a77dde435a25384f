/* UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

bool utf8_is_valid(const void *bytes, size_t n_bytes);
/* The longest prefix of at most n_limit bytes that does not cut a character; bytes must be valid. */
size_t utf8_prefix(const char *bytes, size_t n_bytes, size_t n_limit);
/* Size in bytes of the character that the bytes start with; 0 when they start with none, or n_bytes is 0. */
size_t utf8_character_size(const void *bytes, size_t n_bytes);
