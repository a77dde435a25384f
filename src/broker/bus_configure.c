#include "base/error.h"
#include "broker/bus_presence.h"
#include "broker/interest.h"

enum { BUS_SOON_MS = 1 };

static bool is_another_kind(const Bus *bus, const Interest *interest) {
    const Namespace *namespace = bus_namespace(bus, interest->name, interest->node.n_key);
    bool is_durable = namespace->history_limit > 0, is_local = !is_durable && namespace->local_limit > 0;
    return is_durable != interest_is_durable(interest) || is_local != (interest->track && !interest_is_durable(interest));
}

static void look_at(MapNode *node, void *context) {
    Bus *bus = context;
    Interest *interest = interest_of(node);
    bool has_another_kind = is_another_kind(bus, interest);
    interest_configure(bus, interest);
    if (interest_is_heard(interest))
        bus_presence_look(bus, interest);
    if (!interest->workers && has_another_kind)
        bus_arm(bus, &interest->timer, BUS_SOON_MS);
}

int bus_configure(Bus *bus, const Namespaces *namespaces, uint32_t linger_ms, uint32_t subscribe_ms) {
    BusOptions before = bus->options;
    bus->options.namespaces = namespaces;
    int r = bus->presence ? 0 : bus_new_presence(bus);
    if (r < 0) {
        bus->options = before;
        return error_trace(r);
    }
    bus->options.linger_ms = linger_ms;
    bus->options.subscribe_ms = subscribe_ms;
    map_each(&bus->interests, look_at, bus);
    return 0;
}
