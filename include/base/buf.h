/* Buf: bytes that grow up to a limit known from birth. Owner: whoever embeds it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { BUF_OK, BUF_FULL };

typedef struct Buf {
    uint8_t *bytes;
    size_t n_bytes;
    size_t n_allocated;
    size_t n_limit;
} Buf;

void buf_init(Buf *buf, size_t n_limit); /* allocates nothing */
void buf_finish(Buf *buf);               /* frees the bytes; the Buf may be used again */
void buf_clear(Buf *buf);                /* keeps the memory */

/* Appends all of it or nothing. BUF_OK; BUF_FULL when it would pass n_limit; -ENOMEM; a format that the C library refuses
   gives its -errno. */
int buf_append(Buf *buf, const void *bytes, size_t n_bytes);
/* Appends bytes that the caller then writes, at *room. */
int buf_extend(Buf *buf, size_t n_bytes, uint8_t **room);
int buf_append_text(Buf *buf, const char *text); /* without the NUL */
int buf_append_format(Buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
