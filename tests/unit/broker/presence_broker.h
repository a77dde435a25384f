/* What a broker keeps of presence, in memory, for presence_world: leases, members and versions, and no links at all.
   Channels and users are numbers. Owner: the main thread of the test. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "broker/backend.h"

enum { BROKER_LEASES = 256, BROKER_NAME = 64, WORLD_USERS = 8, WORLD_CHANNELS = 2 };

typedef struct BrokerRecord {
    char node[BROKER_NAME];
    uint64_t expires_ms; /* 0: no lease */
    uint32_t n_connections[WORLD_CHANNELS][WORLD_USERS];
} BrokerRecord;

typedef struct PresenceBroker {
    BrokerRecord records[BROKER_LEASES];
    unsigned n_records;
    uint64_t versions[WORLD_CHANNELS];
    uint64_t first_version; /* of a channel of which nothing is known: 0, or the time in µs */
    void (*publish)(void *context, unsigned channel, unsigned user, MessageKind kind, uint64_t version);
    void *context;
} PresenceBroker;

typedef struct BrokerLease {
    bool is_kept;
    unsigned n_dead;
    char dead[BROKER_LEASES][BROKER_NAME];
} BrokerLease;

unsigned broker_connections(const PresenceBroker *broker, unsigned channel, unsigned user); /* of all nodes */
uint32_t broker_has(const PresenceBroker *broker, unsigned channel);                        /* a bit for each user */

void broker_set(PresenceBroker *broker, const char *node, unsigned channel, unsigned user, uint32_t n_connections);
PresenceList broker_members(const PresenceBroker *broker, unsigned channel); /* the caller owns the reply */
void broker_lease(PresenceBroker *broker, const LeaseRequest *request, uint64_t now_ms, BrokerLease *out);
void broker_bury(PresenceBroker *broker, const char *node);
void broker_wipe(PresenceBroker *broker);
