#include "broker/redis_slots.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

enum { CRC16_POLYNOMIAL = 0x1021, PORT_MAX = 65535, NAME_ATTEMPTS = 1 << 20 };

/* Bit by bit: names are hashed when a channel is wanted or published to by clients, not once a delivery. */
static uint16_t crc16(const char *bytes, size_t n_bytes) {
    uint16_t crc = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        crc ^= (uint16_t)((uint8_t)bytes[i] << 8);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ CRC16_POLYNOMIAL : crc << 1);
    }
    return crc;
}

unsigned redis_slot_of(const char *name, size_t n_name) {
    const char *open = memchr(name, '{', n_name);
    const char *close = open ? memchr(open, '}', n_name - (size_t)(open - name)) : NULL;
    if (close && close > open + 1)
        return crc16(open + 1, (size_t)(close - open - 1)) % REDIS_SLOTS;
    return crc16(name, n_name) % REDIS_SLOTS;
}

static bool is_integer(const redisReply *reply, long long min, long long max) {
    return reply->type == REDIS_REPLY_INTEGER && reply->integer >= min && reply->integer <= max;
}

/* An entry's node: its preferred endpoint, its port, and more that does not concern us. */
static bool slots_take_node(RedisEndpoint *out, const redisReply *node, const RedisEndpoint *asked) {
    if (node->type != REDIS_REPLY_ARRAY || node->elements < 2 || !is_integer(node->element[1], 0, PORT_MAX))
        return false;
    *out = (RedisEndpoint){.port = (unsigned)node->element[1]->integer};
    const redisReply *host = node->element[0];
    if (host->type != REDIS_REPLY_STRING && host->type != REDIS_REPLY_NIL)
        return false;
    bool is_named = host->type == REDIS_REPLY_STRING && host->len > 0 && strcmp(host->str, "?") != 0;
    const char *text = is_named ? host->str : asked->host;
    size_t n_text = strlen(text);
    if (!n_text || n_text >= sizeof out->host)
        return false;
    memcpy(out->host, text, n_text);
    if (!out->port)
        out->port = asked->port;
    return true;
}

static bool slots_add_master(RedisSlotMap *map, const RedisEndpoint *endpoint, unsigned *master) {
    for (*master = 0; *master < map->n_masters; ++*master) {
        if (redis_endpoint_equal(&map->masters[*master], endpoint))
            return true;
    }
    if (map->n_masters == REDIS_SERVERS_MAX)
        return false;
    map->masters[map->n_masters++] = *endpoint;
    return true;
}

/* first slot, last slot, master, replicas… */
static bool slots_take_range(RedisSlotMap *map, const redisReply *range, const RedisEndpoint *asked) {
    if (range->type != REDIS_REPLY_ARRAY || range->elements < 3 || !is_integer(range->element[0], 0, REDIS_SLOTS - 1) ||
        !is_integer(range->element[1], range->element[0]->integer, REDIS_SLOTS - 1))
        return false;
    RedisEndpoint endpoint;
    unsigned master;
    if (!slots_take_node(&endpoint, range->element[2], asked) || !slots_add_master(map, &endpoint, &master))
        return false;
    for (long long slot = range->element[0]->integer; slot <= range->element[1]->integer; slot++) {
        map->n_covered += map->owners[slot] == REDIS_SLOT_NOBODY;
        map->owners[slot] = (uint8_t)master;
    }
    return true;
}

int redis_slots_parse(RedisSlotMap *out, const redisReply *reply, const RedisEndpoint *asked) {
    if (reply->type != REDIS_REPLY_ARRAY)
        return error_origin(-EINVAL);
    out->n_masters = out->n_covered = 0;
    memset(out->owners, REDIS_SLOT_NOBODY, sizeof out->owners);
    for (size_t i = 0; i < reply->elements; i++) {
        if (!slots_take_range(out, reply->element[i], asked))
            return error_origin(-EINVAL);
    }
    return 0;
}

bool redis_slots_name(const RedisSlotMap *map, unsigned master, const char *head, char *name, size_t n_name) {
    if (!memchr(map->owners, (int)master, sizeof map->owners))
        return false;
    for (unsigned tag = 0; tag < NAME_ATTEMPTS; tag++) {
        int n = snprintf(name, n_name, "%s{%x}", head, tag);
        if (n < 0 || (size_t)n >= n_name)
            return false;
        if (map->owners[redis_slot_of(name, (size_t)n)] == master)
            return true;
    }
    return false;
}
