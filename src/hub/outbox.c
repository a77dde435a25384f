#include "hub/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { RING_MIN = 8, RING_KEPT = 64 }; /* frames; a larger ring is given back when it has run empty */

void outbox_init(Outbox *outbox, size_t n_limit, OutboxTotals *totals) {
    *outbox = (Outbox){.n_limit = n_limit, .totals = totals};
}

void outbox_finish(Outbox *outbox) {
    outbox_discard(outbox);
    free(outbox->ring);
    outbox_init(outbox, outbox->n_limit, outbox->totals);
}

static Frame *frame_at(const Outbox *outbox, uint32_t i) {
    return outbox->ring[(outbox->head + i) & (outbox->capacity - 1)];
}

static int grow(Outbox *outbox) {
    uint32_t capacity = outbox->capacity ? outbox->capacity * 2 : RING_MIN;
    Frame **ring = malloc(capacity * sizeof(*ring));
    if (!ring)
        return error_origin(-ENOMEM);
    for (uint32_t i = 0; i < outbox->n_frames; i++)
        ring[i] = frame_at(outbox, i);
    free(outbox->ring);
    outbox->ring = ring;
    outbox->capacity = capacity;
    outbox->head = 0;
    return 0;
}

int outbox_push(Outbox *outbox, Frame *frame) {
    if (outbox->n_bytes + frame->n_bytes > outbox->n_limit && outbox->n_frames)
        return OUTBOX_FULL;
    return outbox_push_last(outbox, frame);
}

int outbox_push_last(Outbox *outbox, Frame *frame) {
    if (outbox->n_frames == outbox->capacity) {
        int r = grow(outbox);
        if (r < 0)
            return error_trace(r);
    }
    outbox->ring[(outbox->head + outbox->n_frames++) & (outbox->capacity - 1)] = frame_ref(frame);
    outbox->n_bytes += frame->n_bytes;
    counter_add(&outbox->totals->frames, 1);
    counter_add(&outbox->totals->bytes, frame->n_bytes);
    return OUTBOX_OK;
}

int outbox_push_control(Outbox *outbox, Frame *frame) {
    if (outbox->n_control == OUTBOX_CONTROL_MAX)
        return OUTBOX_FULL;
    outbox->control[outbox->n_control++] = frame_ref(frame);
    return OUTBOX_OK;
}

void outbox_discard(Outbox *outbox) {
    outbox_consume(outbox, &(OutboxSpan){.n_control = outbox->n_control, .n_frames = outbox->n_frames});
}

bool outbox_is_empty(const Outbox *outbox) {
    return outbox->n_control == 0 && outbox->n_frames == 0;
}

static Frame *waiting_at(const Outbox *outbox, uint32_t i) {
    return i < outbox->n_control ? outbox->control[i] : frame_at(outbox, i - outbox->n_control);
}

OutboxSpan outbox_peek(const Outbox *outbox, uint8_t *scratch, size_t n_scratch) {
    uint32_t n_waiting = outbox->n_control + outbox->n_frames;
    if (n_waiting == 0)
        return (OutboxSpan){.bytes = scratch};
    const Frame *frame = waiting_at(outbox, 0);
    OutboxSpan span = {.bytes = frame->bytes, .n_bytes = frame->n_bytes};
    uint32_t n = 1;
    if (n < n_waiting && span.n_bytes + waiting_at(outbox, n)->n_bytes <= n_scratch) {
        memcpy(scratch, frame->bytes, frame->n_bytes);
        span.bytes = scratch;
        for (; n < n_waiting; n++) {
            frame = waiting_at(outbox, n);
            if (span.n_bytes + frame->n_bytes > n_scratch)
                break;
            memcpy(scratch + span.n_bytes, frame->bytes, frame->n_bytes);
            span.n_bytes += frame->n_bytes;
        }
    }
    span.n_control = n < outbox->n_control ? n : outbox->n_control;
    span.n_frames = n - span.n_control;
    return span;
}

void outbox_consume(Outbox *outbox, const OutboxSpan *span) {
    for (uint32_t i = 0; i < span->n_control; i++)
        frame_unref(outbox->control[i]);
    outbox->n_control -= span->n_control;
    memmove(outbox->control, outbox->control + span->n_control, outbox->n_control * sizeof(outbox->control[0]));
    size_t n_bytes = 0;
    for (uint32_t i = 0; i < span->n_frames; i++) {
        Frame *frame = frame_at(outbox, i);
        n_bytes += frame->n_bytes;
        frame_unref(frame);
    }
    outbox->n_bytes -= n_bytes;
    outbox->n_frames -= span->n_frames;
    counter_subtract(&outbox->totals->bytes, n_bytes);
    counter_subtract(&outbox->totals->frames, span->n_frames);
    outbox->head += span->n_frames;
    if (outbox->n_frames == 0 && outbox->capacity > RING_KEPT) {
        free(outbox->ring);
        outbox->ring = NULL;
        outbox->capacity = 0;
    }
}
