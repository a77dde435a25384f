#include "broker/presence.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "broker/presence_entries.h"
#include "broker/presence_lease.h"
#include "broker/presence_rooms.h"

struct Presence {
    Entries entries;
    Rooms rooms;
    Lease lease;
    const PresenceOps *ops;
    void *context;
    PresenceCounters counters;
    bool is_stopping;
};

static void presence_announce(void *context, const char *channel, size_t n_channel, MessageKind kind, const char *member,
                              size_t n_member) {
    Presence *presence = context;
    counter_add(&presence->counters.announced, 1);
    presence->ops->announce(presence->context, channel, n_channel, kind, member, n_member);
}

static bool presence_is_ours(void *context, const char *channel, size_t n_channel, const char *user, size_t n_user) {
    Presence *presence = context;
    return entries_has(&presence->entries, channel, n_channel, user, n_user);
}

static void presence_answered(void *context, const BrokerReturn *to, const char *channel, size_t n_channel,
                              PresenceReply *reply) {
    Presence *presence = context;
    presence->ops->answered(presence->context, to, channel, n_channel, reply);
}

static const RoomsOps presence_rooms_ops = {
    .announce = presence_announce,
    .is_ours = presence_is_ours,
    .answered = presence_answered,
};

static void presence_lease_taken(void *context, const char *node) {
    Presence *presence = context;
    if (!presence->is_stopping)
        entries_begin(&presence->entries, node);
}

static void presence_lease_suspended(void *context) {
    Presence *presence = context;
    entries_suspend(&presence->entries);
}

static void presence_lease_restored(void *context, const char *node, bool has_healed) {
    Presence *presence = context;
    if (presence->is_stopping)
        return;
    if (has_healed)
        entries_say_again(&presence->entries);
    entries_resume(&presence->entries, node);
}

static bool presence_may_bury_ours(void *context) {
    Presence *presence = context;
    return entries_are_said(&presence->entries);
}

static const LeaseOps presence_lease_ops = {
    .taken = presence_lease_taken,
    .suspended = presence_lease_suspended,
    .restored = presence_lease_restored,
    .may_bury_ours = presence_may_bury_ours,
};

int presence_new(Presence **out, Backend *backend, const char *node_id, const PresenceOps *ops, void *context) {
    Presence *presence = calloc(1, sizeof *presence);
    if (!presence)
        return error_origin(-ENOMEM);
    presence->ops = ops;
    presence->context = context;
    entries_init(&presence->entries, backend, &presence->counters.members, &presence->counters.failures);
    int r = rooms_init(&presence->rooms, backend, &presence_rooms_ops, presence);
    if (r < 0) {
        free(presence);
        return error_trace(r);
    }
    presence->rooms.lists_fetched = &presence->counters.lists_fetched;
    r = lease_init(&presence->lease, backend, node_id, &presence_lease_ops, presence);
    if (r < 0) {
        rooms_finish(&presence->rooms);
        free(presence);
        return error_trace(r);
    }
    presence->lease.lost = &presence->counters.leases_lost;
    presence->lease.buried = &presence->counters.buried;
    *out = presence;
    return 0;
}

Presence *presence_free(Presence *presence) {
    if (!presence)
        return NULL;
    entries_finish(&presence->entries);
    rooms_finish(&presence->rooms);
    lease_finish(&presence->lease);
    free(presence);
    return NULL;
}

const PresenceCounters *presence_counters(const Presence *presence) {
    return &presence->counters;
}

/* The calls that enter members are waited for: what buries them must not overtake one. */
static void presence_go_on_stopping(Presence *presence) {
    if (presence->is_stopping && !presence->lease.is_stopping && presence->entries.n_under_way == 0)
        lease_stop(&presence->lease);
}

void presence_stop(Presence *presence) {
    presence->is_stopping = true;
    entries_suspend(&presence->entries);
    presence_go_on_stopping(presence);
}

bool presence_has_stopped(const Presence *presence) {
    return presence->lease.state == LEASE_STOPPED;
}

void presence_change(Presence *presence, const PresenceChange *change) {
    entries_change(&presence->entries, change);
}

void presence_ask(Presence *presence, const char *channel, size_t n_channel, const BrokerReturn *to) {
    rooms_ask(&presence->rooms, channel, n_channel, to);
}

void presence_subscribed(Presence *presence, const char *channel, size_t n_channel) {
    rooms_subscribed(&presence->rooms, channel, n_channel);
}

void presence_unsubscribed(Presence *presence, const char *channel, size_t n_channel) {
    rooms_unsubscribed(&presence->rooms, channel, n_channel);
}

void presence_heard(Presence *presence, const char *channel, size_t n_channel, const Envelope *event) {
    rooms_hear(&presence->rooms, channel, n_channel, event);
}

void presence_reachable(Presence *presence) {
    lease_doubt(&presence->lease);
    entries_look(&presence->entries);
    rooms_look(&presence->rooms);
}

void presence_tick(Presence *presence, uint64_t now_ms) {
    lease_tick(&presence->lease, now_ms);
    entries_tick(&presence->entries, now_ms);
    rooms_tick(&presence->rooms, now_ms);
}

void presence_on_presented(Presence *presence, void *cookie, BrokerResult result) {
    entries_on_presented(&presence->entries, cookie, result);
    presence_go_on_stopping(presence);
}

void presence_on_members(Presence *presence, void *cookie, BrokerResult result, const PresenceList *list) {
    rooms_on_members(&presence->rooms, cookie, result, list);
}

void presence_on_leased(Presence *presence, void *cookie, BrokerResult result, const LeaseReply *reply) {
    lease_on_leased(&presence->lease, result, reply);
}

void presence_on_buried(Presence *presence, void *cookie, BrokerResult result) {
    lease_on_buried(&presence->lease, cookie, result);
}
