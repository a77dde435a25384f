/* ApiReplay: what was answered to requests with an idempotency key, so that one which comes again is not carried out again. Owner: the
   desk's thread. It is this node's memory alone, and bounded: the oldest answers are forgotten first. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"

enum { REPLAY_AGE_MS = 300 * 1000, REPLAY_ENTRIES_MAX = 10000, REPLAY_BYTES_MAX = 16 * 1024 * 1024 };

typedef struct ReplayEntry {
    MapNode node;
    ListNode link; /* in settled, once it is answered */
    uint64_t digest;
    uint64_t until_ms;
    bool is_settled;
    void *body;
    size_t n_body;
    char key[];
} ReplayEntry;

typedef struct ApiReplay {
    Map entries;
    ListNode settled; /* the oldest first */
    size_t n_bytes;   /* of what is settled */
} ApiReplay;

typedef enum ReplayResult {
    REPLAY_NEW,       /* carry it out, then settle or forget the entry */
    REPLAY_ANSWERED,  /* this was the answer */
    REPLAY_UNDER_WAY, /* its first is not answered yet */
    REPLAY_OTHER,     /* the same key with another request */
} ReplayResult;

void api_replay_init(ApiReplay *replay);
void api_replay_finish(ApiReplay *replay);
/* key: of its own kind and caller; digest: of the request. REPLAY_* with the entry, or -ENOMEM. */
int api_replay_claim(ApiReplay *replay, const char *key, size_t n_key, uint64_t digest, ReplayEntry **out);
/* Keeps a copy of the answer. */
void api_replay_settle(ApiReplay *replay, ReplayEntry *entry, const void *body, size_t n_body, uint64_t now_ms);
void api_replay_forget(ApiReplay *replay, ReplayEntry *entry);
void api_replay_tick(ApiReplay *replay, uint64_t now_ms);
