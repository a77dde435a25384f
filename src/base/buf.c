#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { MIN_ALLOCATED = 64 };

void buf_init(Buf *buf, size_t n_limit) {
    *buf = (Buf){.n_limit = n_limit};
}

void buf_finish(Buf *buf) {
    free(buf->bytes);
    buf_init(buf, buf->n_limit);
}

void buf_clear(Buf *buf) {
    buf->n_bytes = 0;
}

static int buf_reserve(Buf *buf, size_t n_needed) {
    if (n_needed <= buf->n_allocated)
        return 0;
    size_t n = buf->n_allocated * 2;
    if (n < MIN_ALLOCATED)
        n = MIN_ALLOCATED;
    if (n > buf->n_limit)
        n = buf->n_limit;
    if (n < n_needed)
        n = n_needed;
    uint8_t *bytes = realloc(buf->bytes, n);
    if (!bytes)
        return error_origin(-ENOMEM);
    buf->bytes = bytes;
    buf->n_allocated = n;
    return 0;
}

int buf_append(Buf *buf, const void *bytes, size_t n_bytes) {
    if (n_bytes > buf->n_limit - buf->n_bytes)
        return BUF_FULL;
    if (n_bytes == 0)
        return BUF_OK;
    int r = buf_reserve(buf, buf->n_bytes + n_bytes);
    if (r < 0)
        return error_trace(r);
    memcpy(buf->bytes + buf->n_bytes, bytes, n_bytes);
    buf->n_bytes += n_bytes;
    return BUF_OK;
}

int buf_extend(Buf *buf, size_t n_bytes, uint8_t **room) {
    if (n_bytes > buf->n_limit - buf->n_bytes)
        return BUF_FULL;
    int r = buf_reserve(buf, buf->n_bytes + n_bytes);
    if (r < 0)
        return error_trace(r);
    *room = buf->bytes + buf->n_bytes;
    buf->n_bytes += n_bytes;
    return BUF_OK;
}

int buf_append_text(Buf *buf, const char *text) {
    return buf_append(buf, text, strlen(text));
}

/* Formats into the room behind the bytes, which may be too small. Returns the size of the whole text, without the NUL. */
__attribute__((format(printf, 2, 0))) static int format_behind(Buf *buf, const char *format, va_list arguments) {
    char none[1];
    size_t n_room = buf->n_allocated - buf->n_bytes;
    return vsnprintf(n_room ? (char *)buf->bytes + buf->n_bytes : none, n_room, format, arguments);
}

int buf_append_format(Buf *buf, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int n = format_behind(buf, format, arguments);
    va_end(arguments);
    if (n < 0)
        return error_origin(-errno);
    size_t n_bytes = (size_t)n;
    if (n_bytes > buf->n_limit - buf->n_bytes)
        return BUF_FULL;
    if (n_bytes >= buf->n_allocated - buf->n_bytes) {
        int r = buf_reserve(buf, buf->n_bytes + n_bytes + 1); /* vsnprintf adds a NUL, which may lie past the limit */
        if (r < 0)
            return error_trace(r);
        va_start(arguments, format);
        format_behind(buf, format, arguments);
        va_end(arguments);
    }
    buf->n_bytes += n_bytes;
    return BUF_OK;
}
