#include "broker/writer.h"

#include <string.h>

enum { WRITER_KEEP_BYTES = 1 << 20 }; /* a larger buffer is given back once it is empty */

static void writer_flush(Writer *writer);

static void writer_on_turn(TurnTask *task) {
    writer_flush(container_of(task, Writer, task));
}

void writer_init(Writer *writer, Turn *turn, uv_stream_t *stream, size_t n_limit, const WriterEvents *events) {
    *writer = (Writer){.stream = stream, .turn = turn, .n_limit = n_limit, .events = events};
    buf_init(&writer->waiting, n_limit);
    buf_init(&writer->sending, n_limit);
    turn_task_init(&writer->task, writer_on_turn);
}

void writer_stop(Writer *writer) {
    turn_cancel(&writer->task);
    writer->turn = NULL;
}

void writer_finish(Writer *writer) {
    buf_finish(&writer->waiting);
    buf_finish(&writer->sending);
}

static void buf_recycle(Buf *buf) {
    if (buf->n_allocated > WRITER_KEEP_BYTES)
        buf_finish(buf);
    else
        buf_clear(buf);
}

static void writer_fail(Writer *writer, int error) {
    writer->error = error;
    turn_cancel(&writer->task);
    writer->events->failed(writer, error);
}

static void writer_on_written(uv_write_t *request, int status) {
    Writer *writer = container_of(request, Writer, request);
    writer->is_sending = false;
    if (!writer->turn)
        return;
    buf_recycle(&writer->sending);
    writer->waiting.n_limit = writer->n_limit;
    if (status < 0)
        writer_fail(writer, status);
    else if (writer->waiting.n_bytes || writer->error)
        writer_flush(writer);
    else if (writer->events->drained)
        writer->events->drained(writer);
}

/* Hands the rest to libuv, which calls back when the kernel has taken it. */
static void writer_send_rest(Writer *writer, size_t n_sent) {
    Buf sending = writer->waiting;
    writer->waiting = writer->sending;
    writer->sending = sending;
    writer->waiting.n_limit = writer->n_limit - (sending.n_bytes - n_sent);
    writer->is_sending = true;
    uv_buf_t rest = {.base = (char *)sending.bytes + n_sent, .len = sending.n_bytes - n_sent};
    int r = uv_write(&writer->request, writer->stream, &rest, 1, writer_on_written);
    if (r < 0) {
        writer->is_sending = false;
        writer_fail(writer, r);
    }
}

/* How many bytes have gone at once, or a negative error. */
static int writer_send(Writer *writer) {
    Buf *waiting = &writer->waiting;
    if (writer->events->sink) {
        int r = writer->events->sink(writer, waiting->bytes, waiting->n_bytes);
        return r < 0 ? r : (int)waiting->n_bytes;
    }
    uv_buf_t all = {.base = (char *)waiting->bytes, .len = waiting->n_bytes};
    return uv_try_write(writer->stream, &all, 1);
}

static void writer_flush(Writer *writer) {
    if (writer->error) {
        writer_fail(writer, writer->error);
        return;
    }
    if (writer->is_sending || !writer->waiting.n_bytes)
        return;
    int n = writer_send(writer);
    if (n < 0 && n != UV_EAGAIN) {
        writer_fail(writer, n);
        return;
    }
    size_t n_sent = n < 0 ? 0 : (size_t)n;
    if (n_sent < writer->waiting.n_bytes) {
        writer_send_rest(writer, n_sent);
        return;
    }
    buf_recycle(&writer->waiting);
    if (writer->events->drained)
        writer->events->drained(writer);
}

bool writer_is_idle(const Writer *writer) {
    return !writer->is_sending && !writer->waiting.n_bytes && !writer->error;
}

void writer_append(Writer *writer, const void *bytes, size_t n_bytes) {
    if (!writer->turn || writer->error)
        return;
    writer->error = buf_append(&writer->waiting, bytes, n_bytes);
    turn_add(writer->turn, &writer->task);
}

void writer_text(Writer *writer, const char *text) {
    writer_append(writer, text, strlen(text));
}

void writer_header(Writer *writer, char type, int64_t number) {
    char text[32];
    char *end = text + sizeof text;
    char *at = end;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    *--at = '\n';
    *--at = '\r';
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (number < 0)
        *--at = '-';
    *--at = type;
    writer_append(writer, at, (size_t)(end - at));
}

void writer_bulk(Writer *writer, const void *bytes, size_t n_bytes) {
    writer_header(writer, '$', (int64_t)n_bytes);
    writer_append(writer, bytes, n_bytes);
    writer_append(writer, "\r\n", 2);
}

void writer_bulk_text(Writer *writer, const char *text) {
    writer_bulk(writer, text, strlen(text));
}
