/* broker/redis_pubsub: what a subscribing link reads. The input's first byte is the size of the pieces in which the rest comes. */
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "broker/redis_pubsub.h"
#include "fuzz.h"

static uint64_t sum;

static void on_message(void *context, const char *channel, size_t n_channel, const void *payload, size_t n_payload) {
    fuzz_must(n_channel <= REDIS_PUBSUB_CHANNEL_MAX, "a channel's name is bounded");
    for (size_t i = 0; i < n_channel; i++)
        sum += (uint8_t)channel[i];
    for (size_t i = 0; i < n_payload; i++)
        sum += ((const uint8_t *)payload)[i];
}

static bool read_all(redisReader *reader, const RedisPubsub *pubsub) {
    void *reply = NULL;
    while (redisReaderGetReply(reader, &reply) == REDIS_OK) {
        if (!reply)
            return true;
        fuzz_must(pubsub->n_channel <= REDIS_PUBSUB_CHANNEL_MAX, "a channel's name is bounded");
        fuzz_must(memchr(pubsub->error, 0, sizeof pubsub->error) != NULL, "an error's text ends");
        for (size_t i = 0; i < pubsub->n_channel; i++)
            sum += (uint8_t)pubsub->channel[i];
        reply = NULL;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    FuzzInput input = {(const char *)bytes, n_bytes};
    size_t n_piece = fuzz_take_byte(&input) % 64 + 1;
    RedisPubsub *pubsub = malloc(sizeof *pubsub);
    redis_pubsub_init(pubsub, on_message, NULL);
    redisReader *reader = redis_pubsub_reader(pubsub);
    bool goes_on = true;
    while (goes_on && input.n_bytes) {
        size_t n = n_piece < input.n_bytes ? n_piece : input.n_bytes;
        char *piece = fuzz_copy(input.bytes, n);
        goes_on = redisReaderFeed(reader, piece, n) == REDIS_OK && read_all(reader, pubsub);
        free(piece);
        input.bytes += n;
        input.n_bytes -= n;
    }
    redisReaderFree(reader);
    free(pubsub);
    return 0;
}
