/* EmbeddedHistory: the channels' histories of the embedded broker, as the functions in deploy/redis/barker.lua keep them in Redis.
   Owner: the bus thread.
   All together they hold a number of bytes: over it, those of the channels that were published to longest ago are forgotten. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/wheel.h"
#include "broker/broker.h"

enum { HISTORY_ID_MAX = 255 /* bytes */ };

typedef struct EmbeddedHistory {
    Map channels;
    ListNode used; /* channels, the one that was published to longest ago first */
    Wheel ends;    /* of histories */
    Wheel id_ends;
    uint64_t now_ms;
    uint64_t start_us; /* since 1970, at now_ms 0 */
    uint64_t last_epoch;
    size_t n_bytes;
    size_t n_bytes_limit;
} EmbeddedHistory;

typedef struct HistoryAppend {
    const char *channel;
    size_t n_channel;
    const void *payload;
    size_t n_payload;
    uint32_t n_messages; /* kept, at least 1 */
    uint64_t age_ms;     /* how long, at least 1 */
    const char *id;      /* the idempotency key, up to HISTORY_ID_MAX; NULL: none */
    size_t n_id;
    uint64_t id_age_ms;
} HistoryAppend;

void embedded_history_init(EmbeddedHistory *history, uint64_t start_us, size_t n_bytes_limit);
void embedded_history_finish(EmbeddedHistory *history);
void embedded_history_tick(EmbeddedHistory *history, uint64_t now_ms); /* since the start */

enum { HISTORY_APPENDED, HISTORY_DUPLICATE /* of an id that is known: nothing was appended */ };

/* *out is the message's place; of a duplicate, the first one's. -ENOMEM; -EINVAL for a name that is no channel's: then nothing
   has changed. */
int embedded_history_append(EmbeddedHistory *history, const HistoryAppend *append, Position *out);
/* A reply of its own, with the messages themselves; its position is the newest message's. -ENOMEM. */
int embedded_history_read(HistoryReply **out, EmbeddedHistory *history, const char *channel, size_t n_channel,
                          const HistoryQuery *query);
