#include "broker/redis_pubsub.h"

#include <string.h>

/* What the reader takes for an object: it only asks that it be not NULL. */
static char token;

static void pubsub_copy_error(RedisPubsub *pubsub, const char *text, size_t n_text) {
    if (n_text >= sizeof pubsub->error)
        n_text = sizeof pubsub->error - 1;
    memcpy(pubsub->error, text, n_text);
    pubsub->error[n_text] = '\0';
}

static RedisPubsubKind pubsub_kind(const char *word, size_t n_word) {
    static const struct {
        const char *word;
        RedisPubsubKind kind;
    } kinds[] = {
        {"message", REDIS_PUBSUB_MESSAGE},         {"smessage", REDIS_PUBSUB_MESSAGE},
        {"subscribe", REDIS_PUBSUB_SUBSCRIBE},     {"ssubscribe", REDIS_PUBSUB_SUBSCRIBE},
        {"unsubscribe", REDIS_PUBSUB_UNSUBSCRIBE}, {"sunsubscribe", REDIS_PUBSUB_UNSUBSCRIBE},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (n_word == strlen(kinds[i].word) && memcmp(word, kinds[i].word, n_word) == 0)
            return kinds[i].kind;
    }
    return REDIS_PUBSUB_OTHER;
}

static void pubsub_take_channel(RedisPubsub *pubsub, const char *channel, size_t n_channel) {
    if (n_channel > sizeof pubsub->channel) { /* not one of ours */
        pubsub->kind = REDIS_PUBSUB_OTHER;
        return;
    }
    memcpy(pubsub->channel, channel, n_channel);
    pubsub->n_channel = n_channel;
}

static void *pubsub_on_string(const redisReadTask *task, char *text, size_t n_text) {
    RedisPubsub *pubsub = task->privdata;
    if (!task->parent) {
        pubsub->kind = task->type == REDIS_REPLY_ERROR ? REDIS_PUBSUB_ERROR : REDIS_PUBSUB_STATUS;
        pubsub_copy_error(pubsub, text, n_text);
    } else if (task->parent->parent) {
        pubsub->kind = REDIS_PUBSUB_OTHER;
    } else if (task->idx == 0) {
        pubsub->kind = pubsub_kind(text, n_text);
    } else if (task->idx == 1) {
        pubsub_take_channel(pubsub, text, n_text);
    } else if (task->idx == 2 && pubsub->kind == REDIS_PUBSUB_MESSAGE) {
        pubsub->message(pubsub->context, pubsub->channel, pubsub->n_channel, text, n_text);
    }
    return &token;
}

/* hiredis 1.0 made the number of elements a size_t. */
#if HIREDIS_MAJOR >= 1
static void *pubsub_on_array(const redisReadTask *task, size_t n_elements) {
#else
static void *pubsub_on_array(const redisReadTask *task, int n_elements) {
#endif
    RedisPubsub *pubsub = task->privdata;
    pubsub->kind = REDIS_PUBSUB_OTHER;
    pubsub->n_channel = 0;
    return &token;
}

static void *pubsub_on_integer(const redisReadTask *task, long long number) {
    RedisPubsub *pubsub = task->privdata;
    if (!task->parent)
        pubsub->kind = REDIS_PUBSUB_OTHER;
    return &token;
}

static void *pubsub_on_nil(const redisReadTask *task) {
    return pubsub_on_integer(task, 0);
}

static redisReplyObjectFunctions pubsub_functions = {
    .createString = pubsub_on_string,
    .createArray = pubsub_on_array,
    .createInteger = pubsub_on_integer,
    .createNil = pubsub_on_nil,
};

void redis_pubsub_init(RedisPubsub *pubsub, RedisPubsubMessage *message, void *context) {
    *pubsub = (RedisPubsub){.message = message, .context = context};
}

redisReader *redis_pubsub_reader(RedisPubsub *pubsub) {
    redisReader *reader = redisReaderCreateWithFunctions(&pubsub_functions);
    if (reader)
        reader->privdata = pubsub;
    return reader;
}
