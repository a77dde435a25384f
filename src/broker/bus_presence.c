#include "broker/bus_presence.h"

#include "base/error.h"

static bool bus_has_presence(const Bus *bus) {
    const Namespaces *namespaces = bus->options.namespaces;
    if (!namespaces)
        return false;
    bool has_presence = namespaces->fallback.has_presence;
    for (uint32_t i = 0; i < namespaces->n_items; i++)
        has_presence |= namespaces->items[i].has_presence;
    return has_presence;
}

/* To those that have been granted the channel; it takes no place in any history. */
static void bus_announce(void *context, const char *channel, size_t n_channel, MessageKind kind, const char *member,
                         size_t n_member) {
    Bus *bus = context;
    Interest *interest = interest_find(bus, channel, n_channel);
    Message *message;
    if (!interest || !interest->granted)
        return;
    if (message_new(&message, channel, n_channel, member, n_member) < 0) {
        interest_gap(bus, interest);
        return;
    }
    message->kind = kind;
    interest_deliver(bus, interest, message);
    message_unref(message);
}

static void bus_answer_presence(void *context, const BrokerReturn *to, const char *channel, size_t n_channel,
                                PresenceReply *reply) {
    Bus *bus = context;
    bus->ops->presence(bus->context, to, channel, n_channel, reply);
}

static const PresenceOps bus_presence_ops = {.announce = bus_announce, .answered = bus_answer_presence};

int bus_new_presence(Bus *bus) {
    if (!bus_has_presence(bus))
        return 0;
    int r = presence_new(&bus->presence, bus->backend, bus->options.node_id, &bus_presence_ops, bus);
    return r < 0 ? error_trace(r) : 0;
}

static bool bus_has_presence_in(const Bus *bus, const char *channel, size_t n_channel) {
    return bus_namespace(bus, channel, n_channel)->has_presence;
}

void bus_presence_subscribed(Bus *bus, Interest *interest) {
    if (!bus_has_presence_in(bus, interest->name, interest->node.n_key))
        return;
    interest->has_roster = true;
    presence_subscribed(bus->presence, interest->name, interest->node.n_key);
}

void bus_presence_look(Bus *bus, Interest *interest) {
    if (!interest->has_roster) {
        bus_presence_subscribed(bus, interest);
    } else if (!bus_has_presence_in(bus, interest->name, interest->node.n_key)) {
        interest->has_roster = false;
        presence_unsubscribed(bus->presence, interest->name, interest->node.n_key);
    }
}

void bus_presence_heard(Bus *bus, const char *channel, size_t n_channel, const Envelope *event) {
    const Interest *interest = interest_find(bus, channel, n_channel);
    if (interest && interest->has_roster && interest_is_heard(interest))
        presence_heard(bus->presence, channel, n_channel, event);
}

void bus_presence(Bus *bus, const char *channel, size_t n_channel, const BrokerReturn *to) {
    counter_add(&bus->counters.presences, 1);
    if (bus_has_presence_in(bus, channel, n_channel))
        presence_ask(bus->presence, channel, n_channel, to);
    else
        bus->ops->presence(bus->context, to, channel, n_channel, bus->no_presence);
}

/* Who has entered may leave, also when the channel has no presence any more. */
void bus_present(Bus *bus, uint32_t worker, const PresenceChange *change) {
    bool may_enter = bus_has_presence_in(bus, change->channel, change->n_channel);
    if (bus->presence && (may_enter || !change->has_entered))
        presence_change(bus->presence, change);
}

void bus_stop(Bus *bus) {
    if (bus->presence)
        presence_stop(bus->presence);
}

bool bus_has_stopped(const Bus *bus) {
    return !bus->presence || presence_has_stopped(bus->presence);
}

void bus_on_presented(void *context, void *cookie, BrokerResult result) {
    Bus *bus = context;
    presence_on_presented(bus->presence, cookie, result);
}

void bus_on_members(void *context, void *cookie, BrokerResult result, const PresenceList *list) {
    Bus *bus = context;
    presence_on_members(bus->presence, cookie, result, list);
}

void bus_on_leased(void *context, void *cookie, BrokerResult result, const LeaseReply *reply) {
    Bus *bus = context;
    presence_on_leased(bus->presence, cookie, result, reply);
}

void bus_on_buried(void *context, void *cookie, BrokerResult result) {
    Bus *bus = context;
    presence_on_buried(bus->presence, cookie, result);
}
