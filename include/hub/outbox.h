/* Outbox: frames waiting for one connection. Owner: its worker.
   Control frames overtake data, never the middle of a frame. Data is bounded in bytes; the charge is in the object. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/metrics.h"
#include "hub/frame.h"

enum { OUTBOX_OK, OUTBOX_FULL };
enum { OUTBOX_CONTROL_MAX = 4, OUTBOX_LATEST_MAX = 768 };

/* What waits in all outboxes of one worker together. */
typedef struct OutboxTotals {
    Counter frames; /* gauges; data alone, as n_frames and n_bytes below */
    Counter bytes;
} OutboxTotals;

typedef struct Outbox {
    Frame **ring;      /* NULL before the first data frame, and again after a burst has gone */
    uint32_t capacity; /* of the ring: 0 or a power of two */
    uint32_t head;
    uint32_t n_frames; /* data frames in the ring */
    uint32_t n_control;
    size_t n_bytes; /* of the data frames, headers included */
    size_t n_limit; /* bytes of data */
    OutboxTotals *totals;
    Frame *control[OUTBOX_CONTROL_MAX];
} Outbox;

/* What may be written next: whole frames. Valid until the outbox or the scratch memory changes. */
typedef struct OutboxSpan {
    const uint8_t *bytes;
    size_t n_bytes;
    uint32_t n_control;
    uint32_t n_frames;
} OutboxSpan;

/* Allocates nothing. totals is borrowed, outlives the outbox and is kept up to date by it. */
void outbox_init(Outbox *outbox, size_t n_limit, OutboxTotals *totals);
void outbox_finish(Outbox *outbox); /* drops what waits */

/* Takes its own reference. OUTBOX_FULL when the frame would pass the byte limit (an empty outbox takes any frame, so that a
   message above the limit is not refused for ever); -ENOMEM when the ring cannot grow. */
int outbox_push(Outbox *outbox, Frame *frame);
/* Ahead of all data. Takes its own reference. OUTBOX_FULL when OUTBOX_CONTROL_MAX control frames wait. */
int outbox_push_control(Outbox *outbox, Frame *frame);
/* Behind all data, whatever the limit: the close frame. Takes its own reference. -ENOMEM. */
int outbox_push_last(Outbox *outbox, Frame *frame);
void outbox_discard(Outbox *outbox); /* drops all data and control frames */
bool outbox_is_empty(const Outbox *outbox);

/* For a frame that outbox_push has refused: what makes room for it, by its policy. evicted is called for each frame that goes,
   with is_superseded when a newer one of its channel waits or is about to; it must not touch the outbox. Both cost time in
   proportion to the frames that they walk. */
typedef void OutboxEvicted(void *context, const Frame *frame, bool is_superseded);

/* Walks from the oldest frame and drops those that may go (of a channel that is not SLOW_CLOSE) until next fits; the others
   keep their order. OUTBOX_FULL when it does not fit even so. */
int outbox_evict_oldest(Outbox *outbox, const Frame *next, OutboxEvicted *evicted, void *context);
/* Walks all frames: of each channel that is SLOW_LATEST only the newest stays, and none of next's. When frames of more than
   OUTBOX_LATEST_MAX such channels wait, the channels that have been quiet longest keep theirs. */
void outbox_evict_superseded(Outbox *outbox, const Frame *next, OutboxEvicted *evicted, void *context);

/* Gathers as many whole frames as fit into scratch; a single frame, or one larger than scratch, is not copied. n_bytes is 0
   when nothing waits. */
OutboxSpan outbox_peek(const Outbox *outbox, uint8_t *scratch, size_t n_scratch);
void outbox_consume(Outbox *outbox, const OutboxSpan *span); /* drops the frames of the span peeked last */
