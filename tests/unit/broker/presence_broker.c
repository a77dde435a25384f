#include "presence_broker.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

unsigned broker_connections(const PresenceBroker *broker, unsigned channel, unsigned user) {
    unsigned n_connections = 0;
    for (unsigned i = 0; i < broker->n_records; i++)
        n_connections += broker->records[i].n_connections[channel][user];
    return n_connections;
}

uint32_t broker_has(const PresenceBroker *broker, unsigned channel) {
    uint32_t users = 0;
    for (unsigned u = 0; u < WORLD_USERS; u++)
        users |= broker_connections(broker, channel, u) ? 1U << u : 0;
    return users;
}

static bool record_is_empty(const BrokerRecord *record) {
    static const uint32_t nobody[WORLD_CHANNELS][WORLD_USERS];
    return record->expires_ms == 0 && memcmp(record->n_connections, nobody, sizeof nobody) == 0;
}

static BrokerRecord *broker_record(PresenceBroker *broker, const char *name) {
    BrokerRecord *record = NULL;
    for (unsigned i = 0; i < broker->n_records; i++) {
        if (strcmp(broker->records[i].node, name) == 0)
            return &broker->records[i];
        if (record_is_empty(&broker->records[i]))
            record = &broker->records[i];
    }
    if (!record) {
        ck_assert_uint_lt(broker->n_records, BROKER_LEASES);
        record = &broker->records[broker->n_records++];
    }
    memset(record, 0, sizeof *record);
    snprintf(record->node, sizeof record->node, "%s", name);
    return record;
}

static void broker_set_record(PresenceBroker *broker, BrokerRecord *record, unsigned channel, unsigned user,
                              uint32_t n_connections) {
    unsigned n_before = broker_connections(broker, channel, user);
    record->n_connections[channel][user] = n_connections;
    unsigned n_after = broker_connections(broker, channel, user);
    if (!n_before == !n_after)
        return;
    if (broker->versions[channel] == 0)
        broker->versions[channel] = broker->first_version;
    broker->publish(broker->context, channel, user, n_after ? MESSAGE_JOIN : MESSAGE_LEAVE, ++broker->versions[channel]);
}

void broker_set(PresenceBroker *broker, const char *node, unsigned channel, unsigned user, uint32_t n_connections) {
    broker_set_record(broker, broker_record(broker, node), channel, user, n_connections);
}

PresenceList broker_members(const PresenceBroker *broker, unsigned channel) {
    uint32_t members = broker_has(broker, channel);
    size_t n_members = (size_t)__builtin_popcount(members);
    PresenceReply *reply = presence_reply_new((uint32_t)n_members, n_members * BROKER_NAME * 2);
    char *at = presence_reply_texts(reply);
    PresenceMember *member = reply->members;
    for (unsigned u = 0; u < WORLD_USERS; u++) {
        if (!(members >> u & 1))
            continue;
        member->n_connections = broker_connections(broker, channel, u);
        member->user = at;
        member->n_user = (uint32_t)snprintf(at, BROKER_NAME, "u%u", u);
        at += BROKER_NAME;
        member->text = at;
        member->n_text = (uint32_t)snprintf(at, BROKER_NAME, "{\"user\":\"u%u\"}", u);
        at += BROKER_NAME;
        member++;
    }
    return (PresenceList){.version = broker->versions[channel], .reply = reply};
}

void broker_lease(PresenceBroker *broker, const LeaseRequest *request, uint64_t now_ms, BrokerLease *out) {
    BrokerRecord *record = broker_record(broker, request->node);
    bool is_valid = record->expires_ms > now_ms;
    out->is_kept = request->is_new || (is_valid && !request->is_given_up);
    out->n_dead = 0;
    if (request->is_given_up)
        record->expires_ms = 0;
    else if (out->is_kept)
        record->expires_ms = now_ms + request->lease_ms;
    for (unsigned i = 0; i < broker->n_records; i++)
        if (broker->records[i].expires_ms && broker->records[i].expires_ms <= now_ms)
            snprintf(out->dead[out->n_dead++], BROKER_NAME, "%s", broker->records[i].node);
}

void broker_bury(PresenceBroker *broker, const char *node) {
    BrokerRecord *record = broker_record(broker, node);
    for (unsigned c = 0; c < WORLD_CHANNELS; c++)
        for (unsigned u = 0; u < WORLD_USERS; u++)
            if (record->n_connections[c][u])
                broker_set_record(broker, record, c, u, 0);
    record->expires_ms = 0;
}

void broker_wipe(PresenceBroker *broker) {
    broker->n_records = 0;
    memset(broker->versions, 0, sizeof broker->versions);
}
