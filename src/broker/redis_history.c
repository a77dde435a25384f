#include "broker/redis_backend.h"

enum { TRIPLE = 3 };

/* What barker_history answered. */
typedef struct History {
    Position head;
    bool is_recovered;
    bool has_more;
    const redisReply *messages; /* epoch, seq, payload of each */
    uint32_t n_messages;
} History;

static bool history_open(History *out, const redisReply *reply) {
    uint64_t is_recovered, has_more;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 5 || !redis_reply_number(reply->element[0], &is_recovered) ||
        !redis_reply_number(reply->element[1], &out->head.epoch) || !redis_reply_number(reply->element[2], &out->head.seq) ||
        !redis_reply_number(reply->element[3], &has_more) || reply->element[4]->type != REDIS_REPLY_ARRAY)
        return false;
    out->is_recovered = is_recovered == 1;
    out->has_more = has_more == 1;
    out->messages = reply->element[4];
    out->n_messages = (uint32_t)(out->messages->elements / TRIPLE);
    return out->messages->elements % TRIPLE == 0;
}

static const redisReply *history_payload(const History *history, uint32_t i) {
    return history->messages->element[(size_t)i * TRIPLE + 2];
}

/* How many messages keep within the bytes. */
static uint32_t history_fit(const History *history, size_t n_limit) {
    size_t n_bytes = 0;
    for (uint32_t i = 0; i < history->n_messages; i++) {
        size_t n_payload = (size_t)history_payload(history, i)->len;
        if (n_limit && n_bytes + n_payload > n_limit)
            return i;
        n_bytes += n_payload;
    }
    return history->n_messages;
}

/* All or nothing of a resume; a history is cut. */
static void history_limit(History *history, const HistoryQuery *query) {
    uint32_t n_fit = history_fit(history, query->limit_bytes);
    if (n_fit == history->n_messages)
        return;
    if (query->order == HISTORY_RESUME) {
        history->is_recovered = false;
        history->n_messages = 0;
    } else {
        history->has_more = true;
        history->n_messages = n_fit;
    }
}

/* BROKER_OK, BROKER_OVERLOADED without memory, BROKER_REFUSED for what is no message. */
static BrokerResult history_message(Message **out, const History *history, uint32_t i, const RedisOp *op,
                                    const ChannelKeys *keys) {
    redisReply **triple = history->messages->element + (size_t)i * TRIPLE;
    Position position;
    if (!redis_reply_number(triple[0], &position.epoch) || !redis_reply_number(triple[1], &position.seq) ||
        triple[2]->type != REDIS_REPLY_STRING)
        return BROKER_REFUSED;
    const char *channel;
    size_t n_channel;
    Message *message;
    if (!channel_of_key(keys, op->name, op->n_name, &channel, &n_channel))
        return BROKER_REFUSED;
    if (message_new(&message, channel, n_channel, triple[2]->str, (size_t)triple[2]->len) < 0)
        return BROKER_OVERLOADED;
    message->position = position;
    *out = message;
    return BROKER_OK;
}

static HistoryReply *history_build(const RedisBackend *redis, const RedisOp *op, const History *history) {
    HistoryReply *reply = history_reply_new(history->n_messages);
    if (!reply)
        return history_reply_ref(redis->failures[BROKER_OVERLOADED]);
    reply->is_recovered = history->is_recovered;
    reply->has_more = history->has_more;
    reply->position = history->head;
    for (uint32_t i = 0; i < history->n_messages; i++) {
        BrokerResult result = history_message(&reply->messages[i], history, i, op, &redis->keys);
        if (result != BROKER_OK) {
            history_reply_unref(reply);
            return history_reply_ref(redis->failures[result]);
        }
    }
    return reply;
}

static void history_on_read(RedisOp *op, BrokerResult result, redisReply *reply) {
    RedisBackend *redis = op->context;
    const HistoryQuery *query = op->data;
    History history;
    HistoryReply *answer;
    if (result == BROKER_OK && !history_open(&history, reply))
        result = BROKER_REFUSED;
    if (result == BROKER_OK) {
        history_limit(&history, query);
        answer = history_build(redis, op, &history);
    } else {
        answer = history_reply_ref(redis->failures[result]);
    }
    redis->base.events->read(redis->base.context, op->cookie, answer);
    history_reply_unref(answer);
}

void redis_history_read(Backend *backend, const char *channel, size_t n_channel, const HistoryQuery *query, void *cookie) {
    static const char *const orders[] = {
        [HISTORY_RESUME] = "RESUME", [HISTORY_FORWARD] = "FORWARD", [HISTORY_REVERSE] = "REVERSE"};
    RedisBackend *redis = redis_backend_of(backend);
    const ChannelKey key = channel_key(&redis->keys, channel, n_channel);
    bool is_taken = channel_key_is_taken(&redis->keys, channel, n_channel);
    size_t n_text = sizeof *query + key.n_root + key.n_name + (size_t)3 * REDIS_OP_NUMBER_BYTES;
    RedisOp *op = is_taken ? NULL : redis_op_new(&redis->ops, n_text, history_on_read, redis, cookie);
    if (!op) {
        BrokerResult result = is_taken ? BROKER_REFUSED : BROKER_OVERLOADED;
        backend->events->read(backend->context, cookie, redis->failures[result]);
        return;
    }
    op->data = redis_op_keep(op, query, sizeof *query);
    op->function = "barker_history";
    redis_op_add_name(op, key.root, key.n_root, key.name, key.n_name);
    redis_op_add_number(op, query->since.epoch);
    redis_op_add_number(op, query->since.seq);
    redis_op_add_number(op, query->limit);
    redis_op_add_text(op, orders[query->order]);
    redis_op_send(op);
}
