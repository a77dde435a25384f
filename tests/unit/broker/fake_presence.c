/* Presence below the bus, written to the journal. Linked in the place of the real one. */
#include "broker/presence.h"

#include <stdlib.h>
#include <string.h>

#include "fake_backend.h"
#include "journal.h"

struct Presence {
    const PresenceOps *ops;
    void *context;
};

static Presence the_presence;

int presence_new(Presence **out, Backend *backend, const char *node_id, const PresenceOps *ops, void *context) {
    the_presence = (Presence){.ops = ops, .context = context};
    *out = &the_presence;
    return 0;
}

Presence *presence_free(Presence *presence) {
    return NULL;
}

void announce(const char *channel, MessageKind kind, const char *member) {
    the_presence.ops->announce(the_presence.context, channel, strlen(channel), kind, member, strlen(member));
}

void presence_change(Presence *presence, const PresenceChange *change) {
    journal_add("PRESENT %.*s %.*s %s", (int)change->n_channel, change->channel, (int)change->n_user, change->user,
                change->has_entered ? "enters" : "leaves");
}

void presence_ask(Presence *presence, const char *channel, size_t n_channel, const BrokerReturn *to) {
    PresenceReply *reply = presence_reply_new(2, 0);
    presence->ops->answered(presence->context, to, channel, n_channel, reply);
    presence_reply_unref(reply);
}

void presence_subscribed(Presence *presence, const char *channel, size_t n_channel) {
    journal_add("ROSTER %.*s", (int)n_channel, channel);
}

void presence_unsubscribed(Presence *presence, const char *channel, size_t n_channel) {
    journal_add("NO ROSTER %.*s", (int)n_channel, channel);
}

void presence_heard(Presence *presence, const char *channel, size_t n_channel, const Envelope *event) {
    journal_add("HEARD %.*s %.*s", (int)n_channel, channel, (int)event->n_user, event->user);
}

void presence_stop(Presence *presence) {}

bool presence_has_stopped(const Presence *presence) {
    return true;
}

void presence_reachable(Presence *presence) {}
void presence_tick(Presence *presence, uint64_t now_ms) {}
void presence_on_presented(Presence *presence, void *cookie, BrokerResult result) {}
void presence_on_members(Presence *presence, void *cookie, BrokerResult result, const PresenceList *list) {}
void presence_on_leased(Presence *presence, void *cookie, BrokerResult result, const LeaseReply *reply) {}
void presence_on_buried(Presence *presence, void *cookie, BrokerResult result) {}
