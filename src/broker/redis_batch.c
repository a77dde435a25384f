#include "broker/redis_batch.h"

#include <stdlib.h>
#include <string.h>

#include "broker/redis_pubsub.h"
#include "broker/redis_subscriber.h"

RedisBatch *redis_batch_new(bool is_subscribe) {
    RedisBatch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    list_init(&batch->link);
    batch->is_subscribe = is_subscribe;
    buf_init(&batch->names, (size_t)REDIS_BATCH_CHANNELS * (REDIS_PUBSUB_CHANNEL_MAX + sizeof(uint16_t)));
    return batch;
}

RedisBatch *redis_batch_free(RedisBatch *batch) {
    if (!batch)
        return NULL;
    list_unlink(&batch->link);
    buf_finish(&batch->names);
    free(batch);
    return NULL;
}

bool redis_batch_add(RedisBatch *batch, const char *name, size_t n_name) {
    uint16_t size = (uint16_t)n_name;
    batch->n_unanswered++;
    return buf_append(&batch->names, &size, sizeof size) == BUF_OK && buf_append(&batch->names, name, n_name) == BUF_OK;
}

bool redis_batch_peek(const RedisBatch *batch, RedisName *name) {
    uint16_t size;
    if (batch->n_taken >= batch->names.n_bytes)
        return false;
    const char *at = (const char *)batch->names.bytes + batch->n_taken;
    memcpy(&size, at, sizeof size);
    *name = (RedisName){.bytes = at + sizeof size, .n_bytes = size};
    return true;
}

void redis_batch_take(RedisBatch *batch) {
    RedisName name;
    if (!redis_batch_peek(batch, &name))
        return;
    batch->n_taken += sizeof(uint16_t) + name.n_bytes;
    batch->n_unanswered--;
}
