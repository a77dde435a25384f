#include "http/api_replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

void api_replay_init(ApiReplay *replay) {
    *replay = (ApiReplay){0};
    map_init(&replay->entries);
    list_init(&replay->settled);
}

static size_t entry_bytes(const ReplayEntry *entry) {
    return sizeof *entry + entry->node.n_key + entry->n_body;
}

void api_replay_forget(ApiReplay *replay, ReplayEntry *entry) {
    if (entry->is_settled)
        replay->n_bytes -= entry_bytes(entry);
    list_unlink(&entry->link);
    map_remove(&replay->entries, &entry->node);
    free(entry->body);
    free(entry);
}

static void forget_visited(MapNode *node, void *context) {
    api_replay_forget(context, container_of(node, ReplayEntry, node));
}

void api_replay_finish(ApiReplay *replay) {
    map_each(&replay->entries, forget_visited, replay);
    map_finish(&replay->entries);
}

int api_replay_claim(ApiReplay *replay, const char *key, size_t n_key, uint64_t digest, ReplayEntry **out) {
    MapNode *node = map_find(&replay->entries, key, n_key);
    if (node) {
        *out = container_of(node, ReplayEntry, node);
        if ((*out)->digest != digest)
            return REPLAY_OTHER;
        return (*out)->is_settled ? REPLAY_ANSWERED : REPLAY_UNDER_WAY;
    }
    ReplayEntry *entry = calloc(1, sizeof *entry + n_key);
    if (!entry)
        return error_origin(-ENOMEM);
    memcpy(entry->key, key, n_key);
    entry->node.key = entry->key;
    entry->node.n_key = n_key;
    entry->digest = digest;
    list_init(&entry->link);
    int r = map_insert(&replay->entries, &entry->node);
    if (r < 0) {
        free(entry);
        return error_trace(r);
    }
    *out = entry;
    return REPLAY_NEW;
}

static ReplayEntry *oldest(const ApiReplay *replay) { /* NULL: nothing is settled */
    return list_is_empty(&replay->settled) ? NULL : container_of(replay->settled.next, ReplayEntry, link);
}

void api_replay_settle(ApiReplay *replay, ReplayEntry *entry, const void *body, size_t n_body, uint64_t now_ms) {
    entry->body = malloc(n_body + 1);
    if (!entry->body) {
        api_replay_forget(replay, entry);
        return;
    }
    if (n_body)
        memcpy(entry->body, body, n_body);
    entry->n_body = n_body;
    entry->until_ms = now_ms + REPLAY_AGE_MS;
    entry->is_settled = true;
    replay->n_bytes += entry_bytes(entry);
    list_append(&replay->settled, &entry->link);
    while (oldest(replay) && (replay->n_bytes > REPLAY_BYTES_MAX || replay->entries.n_nodes > REPLAY_ENTRIES_MAX))
        api_replay_forget(replay, oldest(replay));
}

void api_replay_tick(ApiReplay *replay, uint64_t now_ms) {
    for (ReplayEntry *entry = oldest(replay); entry && entry->until_ms <= now_ms; entry = oldest(replay))
        api_replay_forget(replay, entry);
}
