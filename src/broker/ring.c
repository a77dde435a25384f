#include "broker/ring.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/error.h"

enum { RING_MIN_SLOTS = 4 };

static uint32_t ring_slot(const Ring *ring, uint32_t i) {
    return (ring->first + i) & (ring->n_slots - 1);
}

static int ring_grow(Ring *ring) {
    uint32_t n_slots = ring->n_slots ? ring->n_slots * 2 : RING_MIN_SLOTS;
    Message **slots = n_slots ? malloc(n_slots * sizeof *slots) : NULL;
    if (!slots)
        return error_origin(-ENOMEM);
    for (uint32_t i = 0; i < ring->n; i++)
        slots[i] = ring_at(ring, i);
    free(ring->slots);
    ring->slots = slots;
    ring->n_slots = n_slots;
    ring->first = 0;
    return 0;
}

size_t ring_cost(const Message *message) {
    return sizeof *message + message->n_channel + 1 + message->n_payload;
}

int ring_push(Ring *ring, Message *message) {
    int r = ring->n == ring->n_slots ? ring_grow(ring) : 0;
    if (r < 0)
        return error_trace(r);
    ring->slots[ring_slot(ring, ring->n++)] = message_ref(message);
    ring->n_bytes += ring_cost(message);
    return 0;
}

Message *ring_at(const Ring *ring, uint32_t i) {
    return ring->slots[ring_slot(ring, i)];
}

void ring_drop(Ring *ring, uint32_t n) {
    for (; n > 0; n--) {
        Message *message = ring_at(ring, 0);
        ring->n_bytes -= ring_cost(message);
        ring->first = ring_slot(ring, 1);
        ring->n--;
        message_unref(message);
    }
}

void ring_finish(Ring *ring) {
    ring_drop(ring, ring->n);
    free(ring->slots);
    *ring = (Ring){0};
}

uint32_t ring_make_room(Ring *ring, size_t n_bytes, size_t limit_bytes) {
    uint32_t n_dropped = 0;
    for (; ring->n > 0 && ring->n_bytes + n_bytes > limit_bytes; n_dropped++)
        ring_drop(ring, 1);
    return n_dropped;
}

/* How many of the n messages from the i-th on, upwards or downwards, fit both limits. */
static uint32_t ring_fit(const Ring *ring, uint32_t i, uint32_t n, bool is_upwards, const HistoryQuery *query) {
    size_t n_bytes = 0;
    uint32_t n_fit = 0;
    for (; n_fit < n && n_fit < query->limit; n_fit++) {
        n_bytes += ring_at(ring, is_upwards ? i + n_fit : i - n_fit)->n_payload;
        if (query->limit_bytes && n_bytes > query->limit_bytes)
            break;
    }
    return n_fit;
}

HistoryReply *ring_history(const Ring *ring, Position head, const HistoryQuery *query) {
    Position since = query->since;
    bool has_since = since.epoch || query->order == HISTORY_RESUME;
    bool is_exact = !has_since || (since.epoch == head.epoch && since.seq <= head.seq && head.seq - since.seq <= ring->n);
    uint32_t n_behind = !is_exact ? 0 : has_since ? (uint32_t)(head.seq - since.seq) : ring->n;
    bool is_upwards = query->order == HISTORY_RESUME || (query->order == HISTORY_FORWARD && has_since);
    uint32_t from = is_upwards ? ring->n - n_behind : ring->n - 1;
    uint32_t n = ring_fit(ring, from, n_behind, is_upwards, query);
    if (query->order == HISTORY_RESUME && n < n_behind) {
        is_exact = false;
        n = 0;
    }
    HistoryReply *reply = history_reply_new(n);
    if (!reply)
        return NULL;
    reply->is_recovered = is_exact;
    reply->has_more = query->order != HISTORY_RESUME && n < n_behind;
    reply->position = head;
    uint32_t oldest = is_upwards ? from : ring->n - n;
    for (uint32_t i = 0; i < n; i++)
        reply->messages[i] = message_ref(ring_at(ring, query->order == HISTORY_REVERSE ? from - i : oldest + i));
    return reply;
}
