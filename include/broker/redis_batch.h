/* RedisBatch: names of channels under way to Redis in one batch, in the order in which they are answered.
   Owner: the bus thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"

typedef struct RedisBatch {
    ListNode link;
    bool is_subscribe;
    bool is_sent;
    unsigned n_unanswered;
    size_t n_taken; /* bytes of names that have been answered */
    uint64_t sent_ms;
    Buf names; /* each a uint16_t, its size, and the bytes */
} RedisBatch;

RedisBatch *redis_batch_new(bool is_subscribe);                           /* NULL without memory */
RedisBatch *redis_batch_free(RedisBatch *batch);                          /* unlinks it; NULL, also for NULL */
bool redis_batch_add(RedisBatch *batch, const char *name, size_t n_name); /* false without memory */

typedef struct RedisName {
    const char *bytes;
    size_t n_bytes;
} RedisName;

/* The next name that is not answered, as it lies in the batch; false when there is none. */
bool redis_batch_peek(const RedisBatch *batch, RedisName *name);
void redis_batch_take(RedisBatch *batch); /* the next name has been answered */
