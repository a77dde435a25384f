/* Writer: the bytes that wait for one stream, sent in one write at the end of the loop's turn, and the Redis protocol
   (RESP2, and the push type of RESP3) written into it. Owner: the bus thread.
   A failure to append sticks and is reported at the end of the turn: callers need not look at each append. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "broker/turn.h"

typedef struct Writer Writer;

typedef struct WriterEvents {
    void (*failed)(Writer *writer, int error); /* BUF_FULL past the limit, or -errno; no more is written */
    void (*drained)(Writer *writer);           /* everything is with the kernel; may be NULL */
    /* NULL: the bytes go to the stream. Else they go here, at the end of the turn, and the stream is not used: a seam for TLS.
       0, or what failed is to report. */
    int (*sink)(Writer *writer, const void *bytes, size_t n_bytes);
} WriterEvents;

struct Writer {
    uv_stream_t *stream;
    Turn *turn;
    TurnTask task;
    Buf waiting;
    Buf sending; /* what uv_write holds */
    uv_write_t request;
    bool is_sending;
    int error;
    size_t n_limit;
    const WriterEvents *events;
};

/* n_limit: bytes that wait and are being sent, at most. The stream must be connected when the turn ends. */
void writer_init(Writer *writer, Turn *turn, uv_stream_t *stream, size_t n_limit, const WriterEvents *events);
void writer_stop(Writer *writer);   /* nothing is sent or reported any more */
void writer_finish(Writer *writer); /* frees the bytes; after the stream's close callback */

bool writer_is_idle(const Writer *writer); /* nothing waits and nothing is being sent */

void writer_append(Writer *writer, const void *bytes, size_t n_bytes);
void writer_text(Writer *writer, const char *text);

/* RESP, as Redis writes it. */
void writer_header(Writer *writer, char type, int64_t number); /* the type, the number, CR LF; '*' starts an array, ':' is
                                                                  an integer, '%' a map, '>' a push */
void writer_bulk(Writer *writer, const void *bytes, size_t n_bytes);
void writer_bulk_text(Writer *writer, const char *text);
