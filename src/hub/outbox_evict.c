#include "hub/outbox.h"

enum { SEEN_SLOTS = 1024 }; /* a power of two, above OUTBOX_LATEST_MAX */

/* The channels that a walk has met: a hash table with open addressing. Their tokens count up, so they spread by themselves. */
typedef struct Seen {
    uint64_t tokens[SEEN_SLOTS]; /* 0: free */
    uint32_t n_tokens;
} Seen;

static Frame **slot_at(const Outbox *outbox, uint32_t i) {
    return &outbox->ring[(outbox->head + i) & (outbox->capacity - 1)];
}

static void drop(Outbox *outbox, Frame *frame, bool is_superseded, OutboxEvicted *evicted, void *context) {
    outbox->n_bytes -= frame->n_bytes;
    counter_subtract(&outbox->totals->bytes, frame->n_bytes);
    counter_subtract(&outbox->totals->frames, 1);
    evicted(context, frame, is_superseded);
    frame_unref(frame);
}

int outbox_evict_oldest(Outbox *outbox, const Frame *next, OutboxEvicted *evicted, void *context) {
    uint32_t n_walked = 0;
    uint32_t n_evicted = 0;
    while (outbox->n_bytes + next->n_bytes > outbox->n_limit && n_walked < outbox->n_frames) {
        Frame **slot = slot_at(outbox, n_walked++);
        if ((*slot)->channel_token == 0 || (*slot)->slow == SLOW_CLOSE)
            continue;
        drop(outbox, *slot, false, evicted, context);
        *slot = NULL;
        n_evicted++;
    }
    /* Those that stay close up with the frames behind the walk. */
    uint32_t to = n_walked;
    for (uint32_t from = n_walked; from-- > 0;)
        if (*slot_at(outbox, from))
            *slot_at(outbox, --to) = *slot_at(outbox, from);
    outbox->head += n_evicted;
    outbox->n_frames -= n_evicted;
    bool fits = outbox->n_frames == 0 || outbox->n_bytes + next->n_bytes <= outbox->n_limit;
    return fits ? OUTBOX_OK : OUTBOX_FULL;
}

/* Whether it has been met before. One that finds no room is not remembered. */
static bool has_seen(Seen *seen, uint64_t token) {
    uint32_t i = (uint32_t)token & (SEEN_SLOTS - 1);
    for (; seen->tokens[i]; i = (i + 1) & (SEEN_SLOTS - 1))
        if (seen->tokens[i] == token)
            return true;
    if (seen->n_tokens < OUTBOX_LATEST_MAX) {
        seen->tokens[i] = token;
        seen->n_tokens++;
    }
    return false;
}

void outbox_evict_superseded(Outbox *outbox, const Frame *next, OutboxEvicted *evicted, void *context) {
    Seen seen = {.n_tokens = 0};
    if (next->channel_token)
        has_seen(&seen, next->channel_token);
    uint32_t to = outbox->n_frames;
    for (uint32_t from = outbox->n_frames; from-- > 0;) {
        Frame *frame = *slot_at(outbox, from);
        if (frame->channel_token && frame->slow == SLOW_LATEST && has_seen(&seen, frame->channel_token))
            drop(outbox, frame, true, evicted, context);
        else
            *slot_at(outbox, --to) = frame;
    }
    outbox->head += to;
    outbox->n_frames -= to;
}
