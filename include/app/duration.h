/* Durations and sizes as people write them: 250ms, 25s, 2m, 1h; 512, 64KiB, 1MiB. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { DURATION_OK, DURATION_BAD };
enum { SIZE_OK, SIZE_BAD };

/* A whole number and its unit, nothing else; a bare 0 needs none. DURATION_BAD for anything else, or past UINT32_MAX ms. */
int duration_parse(uint32_t *duration_ms, const char *text);
/* In the largest unit that divides it: 120000 is "2m". NUL-terminated, cut at n_text bytes. Returns text. */
char *duration_format(char *text, size_t n_text, uint32_t duration_ms);

/* A whole number of bytes, KiB or MiB. SIZE_BAD for anything else, or past UINT32_MAX bytes. */
int size_parse(uint32_t *size_bytes, const char *text);
char *size_format(char *text, size_t n_text, uint32_t size_bytes); /* as duration_format */
