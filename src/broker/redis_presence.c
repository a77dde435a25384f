#include <stdlib.h>
#include <string.h>

#include "broker/redis_backend.h"

/* The leases of all nodes, and for each node the channels in which it has members; under no prefix. */
static const char leases_name[] = "barker/nodes";
static const char node_prefix[] = "barker/node/";
enum { NODE_PREFIX_BYTES = sizeof node_prefix - 1, BURIED_AT_ONCE = 32 };

/* That the node is in the channel is on record before its first member is: whoever buries it finds the channel. */
static void presence_on_recorded(RedisOp *op, BrokerResult result, redisReply *reply) {
    RedisBackend *redis = op->context;
    RedisOp *set = op->data;
    if (result == BROKER_OK) {
        redis_op_send(set);
        return;
    }
    redis_op_free(set);
    redis->base.events->presented(redis->base.context, op->cookie, result);
}

static void presence_on_set(RedisOp *op, BrokerResult result, redisReply *reply) {
    RedisBackend *redis = op->context;
    redis->base.events->presented(redis->base.context, op->cookie, result);
}

static RedisOp *presence_new_set(RedisBackend *redis, const PresenceEntry *entry, void *cookie) {
    size_t n_node = strlen(entry->node);
    size_t n_text = redis->keys.n_prefix + entry->n_channel + n_node + entry->n_user + entry->n_member + REDIS_OP_NUMBER_BYTES;
    RedisOp *op = redis_op_new(&redis->ops, n_text, presence_on_set, redis, cookie);
    if (!op)
        return NULL;
    op->is_ordered = true;
    op->function = "barker_presence_set";
    redis_op_add_name(op, redis->options.prefix, redis->keys.n_prefix, entry->channel, entry->n_channel);
    redis_op_add_copy(op, entry->node, n_node);
    redis_op_add_copy(op, entry->user, entry->n_user);
    redis_op_add_number(op, entry->n_connections);
    redis_op_add_copy(op, entry->member, entry->n_member);
    return op;
}

/* All go the same way, the leaves too, so that a leave does not overtake its entry. */
void redis_presence_set(Backend *backend, const PresenceEntry *entry, void *cookie) {
    RedisBackend *redis = redis_backend_of(backend);
    size_t n_node = strlen(entry->node);
    RedisOp *set = presence_new_set(redis, entry, cookie);
    RedisOp *record = set ? redis_op_new(&redis->ops, NODE_PREFIX_BYTES + n_node, presence_on_recorded, redis, cookie) : NULL;
    if (!record) {
        redis_op_free(set);
        backend->events->presented(backend->context, cookie, BROKER_OVERLOADED);
        return;
    }
    record->is_ordered = true;
    record->data = set;
    redis_op_add_text(record, "SADD");
    redis_op_add_name(record, node_prefix, NODE_PREFIX_BYTES, entry->node, n_node);
    redis_op_add(record, set->name, set->n_name); /* set is freed behind it */
    redis_op_send(record);
}

/* user, connections, member of each, behind the version. */
static bool members_open(const redisReply *reply, size_t *n_texts) {
    *n_texts = 0;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements % 3 != 1)
        return false;
    for (size_t i = 1; i < reply->elements; i += 3) {
        uint64_t n_connections;
        if (reply->element[i]->type != REDIS_REPLY_STRING || !redis_reply_number(reply->element[i + 1], &n_connections) ||
            reply->element[i + 2]->type != REDIS_REPLY_STRING)
            return false;
        *n_texts += (size_t)reply->element[i]->len + (size_t)reply->element[i + 2]->len;
    }
    return true;
}

static const char *members_copy(char **texts, const redisReply *text) {
    char *copy = *texts;
    if (text->len)
        memcpy(copy, text->str, (size_t)text->len);
    *texts += text->len;
    return copy;
}

static PresenceReply *members_build(const redisReply *reply, size_t n_texts) {
    uint32_t n_members = (uint32_t)(reply->elements / 3);
    PresenceReply *presence = presence_reply_new(n_members, n_texts);
    if (!presence)
        return NULL;
    char *texts = presence_reply_texts(presence);
    for (uint32_t i = 0; i < n_members; i++) {
        redisReply **triple = reply->element + 1 + (size_t)i * 3;
        uint64_t n_connections = 0;
        redis_reply_number(triple[1], &n_connections);
        presence->members[i] = (PresenceMember){
            .n_connections = n_connections > UINT32_MAX ? UINT32_MAX : (uint32_t)n_connections,
            .n_user = (uint32_t)triple[0]->len,
            .n_text = (uint32_t)triple[2]->len,
            .user = members_copy(&texts, triple[0]),
            .text = members_copy(&texts, triple[2]),
        };
    }
    return presence;
}

static void presence_on_members(RedisOp *op, BrokerResult result, redisReply *reply) {
    RedisBackend *redis = op->context;
    PresenceList list = {0};
    size_t n_texts;
    if (result == BROKER_OK && (!members_open(reply, &n_texts) || !redis_reply_number(reply->element[0], &list.version)))
        result = BROKER_REFUSED;
    if (result == BROKER_OK) {
        list.reply = members_build(reply, n_texts);
        if (!list.reply)
            result = BROKER_OVERLOADED;
    }
    redis->base.events->members(redis->base.context, op->cookie, result, result == BROKER_OK ? &list : NULL);
    presence_reply_unref(list.reply);
}

void redis_presence_members(Backend *backend, const char *channel, size_t n_channel, void *cookie) {
    RedisBackend *redis = redis_backend_of(backend);
    RedisOp *op = redis_op_new(&redis->ops, redis->keys.n_prefix + n_channel, presence_on_members, redis, cookie);
    if (!op) {
        backend->events->members(backend->context, cookie, BROKER_OVERLOADED, NULL);
        return;
    }
    op->function = "barker_presence";
    redis_op_add_name(op, redis->options.prefix, redis->keys.n_prefix, channel, n_channel);
    redis_op_send(op);
}

static void presence_on_leased(RedisOp *op, BrokerResult result, redisReply *reply) {
    RedisBackend *redis = op->context;
    LeaseReply lease = {0};
    const char **dead = NULL;
    uint64_t is_kept = 0;
    if (result == BROKER_OK &&
        (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 || !redis_reply_number(reply->element[0], &is_kept)))
        result = BROKER_REFUSED;
    if (result == BROKER_OK && !(dead = calloc(reply->elements, sizeof *dead)))
        result = BROKER_OVERLOADED;
    if (result == BROKER_OK) {
        for (size_t i = 1, n = 0; i < reply->elements; i++) {
            if (reply->element[i]->type == REDIS_REPLY_STRING)
                dead[n++] = reply->element[i]->str;
        }
        lease = (LeaseReply){.is_kept = is_kept == 1, .dead = dead};
    }
    redis->base.events->leased(redis->base.context, op->cookie, result, result == BROKER_OK ? &lease : NULL);
    free(dead);
}

void redis_presence_lease(Backend *backend, const LeaseRequest *request, void *cookie) {
    RedisBackend *redis = redis_backend_of(backend);
    size_t n_node = strlen(request->node);
    size_t n_text = sizeof leases_name + n_node + REDIS_OP_NUMBER_BYTES;
    RedisOp *op = redis_op_new(&redis->ops, n_text, presence_on_leased, redis, cookie);
    if (!op) {
        backend->events->leased(backend->context, cookie, BROKER_OVERLOADED, NULL);
        return;
    }
    op->is_urgent = true; /* many publishes must not cost a node its lease */
    op->function = "barker_lease";
    redis_op_add_name(op, "", 0, leases_name, sizeof leases_name - 1);
    redis_op_add_copy(op, request->node, n_node);
    redis_op_add_number(op, request->lease_ms);
    redis_op_add_text(op, request->is_given_up ? "-1" : request->is_new ? "1" : "0");
    redis_op_send(op);
}

/* The burial of one node: each of its channels, some at once, then its own keys. */
typedef struct Burial {
    RedisBackend *redis;
    void *cookie;
    char *channels; /* with their prefix, each a size_t and its bytes */
    size_t n_channels;
    size_t n_taken;
    unsigned n_under_way;
    BrokerResult result;
    char node[];
} Burial;

static void burial_end(Burial *burial) {
    burial->redis->base.events->buried(burial->redis->base.context, burial->cookie, burial->result);
    free(burial->channels);
    free(burial);
}

static void burial_on_last(RedisOp *op, BrokerResult result, redisReply *reply) {
    Burial *burial = op->data;
    burial->result = result;
    burial_end(burial);
}

static void burial_on_deleted(RedisOp *op, BrokerResult result, redisReply *reply) {
    Burial *burial = op->data;
    size_t n_node = strlen(burial->node);
    RedisOp *last = NULL;
    if (result == BROKER_OK) {
        last = redis_op_new(&burial->redis->ops, sizeof leases_name + n_node, burial_on_last, burial->redis, NULL);
        result = BROKER_OVERLOADED;
    }
    if (!last) {
        burial->result = result;
        burial_end(burial);
        return;
    }
    last->data = burial;
    redis_op_add_text(last, "ZREM");
    redis_op_add_name(last, "", 0, leases_name, sizeof leases_name - 1);
    redis_op_add(last, burial->node, n_node);
    redis_op_send(last);
}

static RedisOp *burial_new_op(Burial *burial, const char *command, RedisOpAnswer *answered) {
    size_t n_node = strlen(burial->node);
    RedisOp *op = redis_op_new(&burial->redis->ops, NODE_PREFIX_BYTES + n_node, answered, burial->redis, NULL);
    if (!op)
        return NULL;
    op->data = burial;
    redis_op_add_text(op, command);
    redis_op_add_name(op, node_prefix, NODE_PREFIX_BYTES, burial->node, n_node);
    return op;
}

static void burial_go_on(Burial *burial);

static void burial_on_channel(RedisOp *op, BrokerResult result, redisReply *reply) {
    Burial *burial = op->data;
    burial->n_under_way--;
    if (result != BROKER_OK)
        burial->result = result;
    burial_go_on(burial);
}

static RedisOp *burial_next_channel(Burial *burial) {
    size_t n_name;
    memcpy(&n_name, burial->channels + burial->n_taken, sizeof n_name);
    const char *name = burial->channels + burial->n_taken + sizeof n_name;
    burial->n_taken += sizeof n_name + n_name;
    RedisOp *op = redis_op_new(&burial->redis->ops, n_name, burial_on_channel, burial->redis, NULL);
    if (!op)
        return NULL;
    op->data = burial;
    op->function = "barker_presence_bury";
    redis_op_add_name(op, "", 0, name, n_name);
    redis_op_add_text(op, burial->node);
    return op;
}

/* Answers may come before the send returns: what is held under_way keeps the burial until the end. */
static void burial_go_on(Burial *burial) {
    burial->n_under_way++;
    while (burial->result == BROKER_OK && burial->n_under_way <= BURIED_AT_ONCE && burial->n_taken < burial->n_channels) {
        RedisOp *op = burial_next_channel(burial);
        if (!op) {
            burial->result = BROKER_OVERLOADED;
            break;
        }
        burial->n_under_way++;
        redis_op_send(op);
    }
    if (--burial->n_under_way)
        return;
    RedisOp *op = burial->result == BROKER_OK ? burial_new_op(burial, "DEL", burial_on_deleted) : NULL;
    if (op) {
        redis_op_send(op);
        return;
    }
    if (burial->result == BROKER_OK)
        burial->result = BROKER_OVERLOADED;
    burial_end(burial);
}

static BrokerResult burial_take_channels(Burial *burial, const redisReply *reply) {
    size_t n_bytes = 0;
    for (size_t i = 0; i < reply->elements; i++)
        n_bytes += sizeof(size_t) + (size_t)reply->element[i]->len;
    if (n_bytes == 0)
        return BROKER_OK;
    burial->channels = malloc(n_bytes);
    if (!burial->channels)
        return BROKER_OVERLOADED;
    for (size_t i = 0; i < reply->elements; i++) {
        size_t n_name = (size_t)reply->element[i]->len;
        if (reply->element[i]->type != REDIS_REPLY_STRING)
            return BROKER_REFUSED;
        memcpy(burial->channels + burial->n_channels, &n_name, sizeof n_name);
        memcpy(burial->channels + burial->n_channels + sizeof n_name, reply->element[i]->str, n_name);
        burial->n_channels += sizeof n_name + n_name;
    }
    return BROKER_OK;
}

static void burial_on_listed(RedisOp *op, BrokerResult result, redisReply *reply) {
    Burial *burial = op->data;
    burial->result = result;
    if (result == BROKER_OK)
        burial->result = reply->type == REDIS_REPLY_ARRAY ? burial_take_channels(burial, reply) : BROKER_REFUSED;
    if (burial->result == BROKER_OK)
        burial_go_on(burial);
    else
        burial_end(burial);
}

void redis_presence_bury(Backend *backend, const char *node, void *cookie) {
    RedisBackend *redis = redis_backend_of(backend);
    size_t n_node = strlen(node);
    Burial *burial = calloc(1, sizeof *burial + n_node + 1);
    if (burial) {
        burial->redis = redis;
        burial->cookie = cookie;
        memcpy(burial->node, node, n_node);
    }
    RedisOp *op = burial ? burial_new_op(burial, "SMEMBERS", burial_on_listed) : NULL;
    if (!op) {
        free(burial);
        backend->events->buried(backend->context, cookie, BROKER_OVERLOADED);
        return;
    }
    redis_op_send(op);
}
