/* RedisSlots: which of a Redis Cluster's 16384 hash slots a name is in, and which of its nodes owns each slot.
   Owner: the bus thread. */
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/redis_topology.h"

enum { REDIS_SLOTS = 16384, REDIS_SLOT_NOBODY = 0xff };

/* CRC16 (XMODEM) modulo 16384 of the name, or of what stands in its first {braces} if that is not empty. */
unsigned redis_slot_of(const char *name, size_t n_name);

/* What CLUSTER SLOTS says of the masters. */
typedef struct RedisSlotMap {
    unsigned n_masters;
    unsigned n_covered; /* slots that have an owner */
    RedisEndpoint masters[REDIS_SERVERS_MAX];
    uint8_t owners[REDIS_SLOTS]; /* an index of masters, or REDIS_SLOT_NOBODY */
} RedisSlotMap;

/* asked: of whom, for a node that has no address of its own to tell (NULL, "" or "?"). 0; -EINVAL when the reply is not the answer
   to CLUSTER SLOTS, or has more masters than REDIS_SERVERS_MAX: out is not to be used then. */
int redis_slots_parse(RedisSlotMap *out, const redisReply *reply, const RedisEndpoint *asked);

/* Writes a name of the form head + "{" + tag + "}" whose slot belongs to that master; n_name bytes with the NUL suffice for head
   and 16 more. False when the master owns no slot, or there is no room. */
bool redis_slots_name(const RedisSlotMap *map, unsigned master, const char *head, char *name, size_t n_name);
