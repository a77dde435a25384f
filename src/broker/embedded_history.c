#include "broker/embedded_history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { RING_MIN = 4, TRIM_BATCH = 16 /* old messages that one publish takes away */ };

typedef struct HistoryEntry {
    Message *message;
    uint64_t published_ms;
} HistoryEntry;

typedef struct HistoryChannel {
    MapNode node;
    ListNode used;
    WheelEntry end;
    EmbeddedHistory *history;
    Position head; /* epoch 0: only ids are left */
    HistoryEntry *ring;
    uint32_t n_ring; /* a power of two, or 0 */
    uint32_t first;
    uint32_t n_entries;
    Map ids;
    ListNode ids_in_order; /* oldest first */
    char name[];
} HistoryChannel;

typedef struct HistoryId {
    MapNode node;
    ListNode link;
    WheelEntry end;
    HistoryChannel *channel;
    Position position;
    char text[];
} HistoryId;

static size_t channel_bytes(const HistoryChannel *channel) {
    return sizeof *channel + channel->node.n_key;
}

static size_t id_bytes(const HistoryId *id) {
    return sizeof *id + id->node.n_key;
}

static size_t message_bytes(const Message *message) {
    return sizeof *message + message->n_channel + message->n_payload + 1;
}

static HistoryEntry *channel_entry(const HistoryChannel *channel, uint32_t i) {
    return &channel->ring[(channel->first + i) & (channel->n_ring - 1)];
}

static HistoryChannel *channel_find(const EmbeddedHistory *history, const char *name, size_t n_name) {
    MapNode *node = map_find(&history->channels, name, n_name);
    return node ? container_of(node, HistoryChannel, node) : NULL;
}

static int channel_new(HistoryChannel **out, EmbeddedHistory *history, const char *name, size_t n_name) {
    HistoryChannel *channel = calloc(1, sizeof *channel + n_name);
    if (!channel)
        return error_origin(-ENOMEM);
    channel->history = history;
    memcpy(channel->name, name, n_name);
    channel->node.key = channel->name;
    channel->node.n_key = n_name;
    int r = map_insert(&history->channels, &channel->node);
    if (r < 0) {
        free(channel);
        return error_trace(r);
    }
    wheel_entry_init(&channel->end);
    map_init(&channel->ids);
    list_init(&channel->ids_in_order);
    list_append(&history->used, &channel->used);
    history->n_bytes += channel_bytes(channel);
    *out = channel;
    return 0;
}

static void channel_drop_oldest(HistoryChannel *channel) {
    HistoryEntry *entry = channel_entry(channel, 0);
    channel->history->n_bytes -= message_bytes(entry->message);
    message_unref(entry->message);
    channel->first++;
    channel->n_entries--;
}

/* The epoch ends: the next message begins another one. */
static void channel_end(HistoryChannel *channel) {
    while (channel->n_entries)
        channel_drop_oldest(channel);
    channel->history->n_bytes -= channel->n_ring * sizeof(HistoryEntry);
    free(channel->ring);
    channel->ring = NULL;
    channel->n_ring = channel->first = 0;
    channel->head = (Position){0};
    wheel_disarm(&channel->history->ends, &channel->end);
}

static void id_free(HistoryId *id) {
    EmbeddedHistory *history = id->channel->history;
    history->n_bytes -= id_bytes(id);
    wheel_disarm(&history->id_ends, &id->end);
    map_remove(&id->channel->ids, &id->node);
    list_unlink(&id->link);
    free(id);
}

static HistoryId *channel_oldest_id(const HistoryChannel *channel) {
    return container_of(channel->ids_in_order.next, HistoryId, link);
}

static void channel_free(HistoryChannel *channel) {
    channel_end(channel);
    while (!list_is_empty(&channel->ids_in_order))
        id_free(channel_oldest_id(channel));
    map_finish(&channel->ids);
    channel->history->n_bytes -= channel_bytes(channel);
    list_unlink(&channel->used);
    map_remove(&channel->history->channels, &channel->node);
    free(channel);
}

static void channel_free_if_empty(HistoryChannel *channel) {
    if (!channel->n_entries && !channel->ids.n_nodes)
        channel_free(channel);
}

static int channel_reserve(HistoryChannel *channel) {
    if (channel->n_entries < channel->n_ring)
        return 0;
    uint32_t n_ring = channel->n_ring ? channel->n_ring * 2 : RING_MIN;
    HistoryEntry *ring = malloc(n_ring * sizeof *ring);
    if (!ring)
        return error_origin(-ENOMEM);
    for (uint32_t i = 0; i < channel->n_entries; i++)
        ring[i] = *channel_entry(channel, i);
    channel->history->n_bytes += (n_ring - channel->n_ring) * sizeof *ring;
    free(channel->ring);
    channel->ring = ring;
    channel->n_ring = n_ring;
    channel->first = 0;
    return 0;
}

static int id_new(HistoryChannel *channel, const HistoryAppend *append, Position position) {
    HistoryId *id = calloc(1, sizeof *id + append->n_id);
    if (!id)
        return error_origin(-ENOMEM);
    memcpy(id->text, append->id, append->n_id);
    id->channel = channel;
    id->position = position;
    id->node.key = id->text;
    id->node.n_key = append->n_id;
    int r = map_insert(&channel->ids, &id->node);
    if (r < 0) {
        free(id);
        return error_trace(r);
    }
    EmbeddedHistory *history = channel->history;
    list_append(&channel->ids_in_order, &id->link);
    wheel_entry_init(&id->end);
    wheel_arm(&history->id_ends, &id->end, history->now_ms + append->id_age_ms);
    history->n_bytes += id_bytes(id);
    return 0;
}

/* The place after the newest message; without one, the first of an epoch that never was before. */
static Position channel_next(const HistoryChannel *channel) {
    const EmbeddedHistory *history = channel->history;
    if (channel->head.epoch)
        return (Position){.epoch = channel->head.epoch, .seq = channel->head.seq + 1};
    uint64_t now_us = history->start_us + history->now_ms * 1000;
    return (Position){.epoch = now_us > history->last_epoch ? now_us : history->last_epoch + 1, .seq = 1};
}

static int channel_append(HistoryChannel *channel, const HistoryAppend *append, Position *out) {
    Message *message;
    int r = message_new(&message, append->channel, append->n_channel, append->payload, append->n_payload);
    if (r < 0)
        return error_trace(r);
    message->position = channel_next(channel);
    r = channel_reserve(channel);
    if (r == 0 && append->id)
        r = id_new(channel, append, message->position);
    if (r < 0) {
        message_unref(message);
        return error_trace(r);
    }
    *channel_entry(channel, channel->n_entries++) =
        (HistoryEntry){.message = message, .published_ms = channel->history->now_ms};
    channel->history->n_bytes += message_bytes(message);
    channel->head = *out = message->position;
    if (out->seq == 1)
        channel->history->last_epoch = out->epoch;
    return 0;
}

static void channel_trim(HistoryChannel *channel, const HistoryAppend *append) {
    EmbeddedHistory *history = channel->history;
    while (channel->n_entries > append->n_messages)
        channel_drop_oldest(channel);
    for (int i = 0; i < TRIM_BATCH && channel->n_entries > 1; i++) {
        if (channel_entry(channel, 0)->published_ms + append->age_ms >= history->now_ms)
            break;
        channel_drop_oldest(channel);
    }
    wheel_arm(&history->ends, &channel->end, history->now_ms + append->age_ms);
}

/* Takes from the others first, then from the channel itself all but what it has got just now. */
static void history_shrink(EmbeddedHistory *history, HistoryChannel *kept) {
    while (history->n_bytes > history->n_bytes_limit) {
        HistoryChannel *channel = container_of(history->used.next, HistoryChannel, used);
        if (channel != kept)
            channel_free(channel);
        else if (channel->n_entries > 1)
            channel_drop_oldest(channel);
        else if (channel->ids.n_nodes > 1)
            id_free(channel_oldest_id(channel));
        else
            break;
    }
}

int embedded_history_append(EmbeddedHistory *history, const HistoryAppend *append, Position *out) {
    HistoryChannel *channel = channel_find(history, append->channel, append->n_channel);
    MapNode *known = channel && append->id ? map_find(&channel->ids, append->id, append->n_id) : NULL;
    if (known) {
        *out = container_of(known, HistoryId, node)->position;
        return HISTORY_DUPLICATE;
    }
    int r = channel ? 0 : channel_new(&channel, history, append->channel, append->n_channel);
    if (r < 0)
        return error_trace(r);
    r = channel_append(channel, append, out);
    if (r < 0) {
        channel_free_if_empty(channel);
        return error_trace(r);
    }
    list_unlink(&channel->used);
    list_append(&history->used, &channel->used);
    channel_trim(channel, append);
    history_shrink(history, channel);
    return HISTORY_APPENDED;
}

/* Whether everything behind since is still here. */
static bool channel_joins(const HistoryChannel *channel, Position since) {
    return channel && since.epoch == channel->head.epoch && since.epoch != 0 && since.seq <= channel->head.seq &&
           channel->head.seq - since.seq <= channel->n_entries;
}

/* What an answer holds of the newest n_all entries: n of them, the first at index. */
typedef struct HistorySpan {
    uint32_t index;
    uint32_t n;
    bool has_more;
} HistorySpan;

/* The first so many of the entries, or the last ones. */
static HistorySpan channel_span(const HistoryChannel *channel, uint32_t n_all, const HistoryQuery *query, bool is_from_newest) {
    uint32_t begin = channel->n_entries - n_all;
    uint32_t n = 0;
    size_t n_bytes = 0;
    for (; n < n_all && n < query->limit; n++) {
        uint32_t i = is_from_newest ? channel->n_entries - 1 - n : begin + n;
        n_bytes += channel_entry(channel, i)->message->n_payload;
        if (query->limit_bytes && n_bytes > query->limit_bytes)
            break;
    }
    return (HistorySpan){
        .index = is_from_newest ? channel->n_entries - n : begin,
        .n = n,
        .has_more = n < n_all,
    };
}

static bool history_select(HistorySpan *out, const HistoryChannel *channel, const HistoryQuery *query) {
    bool has_since = query->since.epoch != 0 || query->order == HISTORY_RESUME;
    *out = (HistorySpan){0};
    if (has_since && !channel_joins(channel, query->since))
        return false;
    if (!channel)
        return true;
    uint32_t n_all = has_since ? (uint32_t)(channel->head.seq - query->since.seq) : channel->n_entries;
    *out = channel_span(channel, n_all, query, !has_since || query->order == HISTORY_REVERSE);
    if (query->order != HISTORY_RESUME || !out->has_more)
        return true;
    *out = (HistorySpan){0};
    return false;
}

int embedded_history_read(HistoryReply **out, EmbeddedHistory *history, const char *channel_name, size_t n_channel,
                          const HistoryQuery *query) {
    const HistoryChannel *channel = channel_find(history, channel_name, n_channel);
    HistorySpan span;
    bool is_recovered = history_select(&span, channel, query);
    HistoryReply *reply = history_reply_new(span.n);
    if (!reply)
        return error_origin(-ENOMEM);
    reply->is_recovered = is_recovered;
    reply->has_more = span.has_more;
    reply->position = channel ? channel->head : (Position){0};
    for (uint32_t i = 0; i < span.n; i++) {
        uint32_t at = span.index + (query->order == HISTORY_REVERSE ? span.n - 1 - i : i);
        reply->messages[i] = message_ref(channel_entry(channel, at)->message);
    }
    *out = reply;
    return 0;
}

static void history_on_end(WheelEntry *entry, uint64_t now_ms, void *context) {
    HistoryChannel *channel = container_of(entry, HistoryChannel, end);
    channel_end(channel);
    channel_free_if_empty(channel);
}

static void history_on_id_end(WheelEntry *entry, uint64_t now_ms, void *context) {
    HistoryId *id = container_of(entry, HistoryId, end);
    HistoryChannel *channel = id->channel;
    id_free(id);
    channel_free_if_empty(channel);
}

void embedded_history_tick(EmbeddedHistory *history, uint64_t now_ms) {
    history->now_ms = now_ms;
    wheel_advance(&history->ends, now_ms, history_on_end, NULL);
    wheel_advance(&history->id_ends, now_ms, history_on_id_end, NULL);
}

void embedded_history_init(EmbeddedHistory *history, uint64_t start_us, size_t n_bytes_limit) {
    *history = (EmbeddedHistory){.start_us = start_us, .n_bytes_limit = n_bytes_limit};
    map_init(&history->channels);
    list_init(&history->used);
    wheel_init(&history->ends, 0);
    wheel_init(&history->id_ends, 0);
}

void embedded_history_finish(EmbeddedHistory *history) {
    while (!list_is_empty(&history->used))
        channel_free(container_of(history->used.next, HistoryChannel, used));
    map_finish(&history->channels);
}
