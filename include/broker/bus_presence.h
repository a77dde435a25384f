/* The part of the bus that joins it with presence. Owner: the bus thread. */
#pragma once

#include "broker/interest.h"

int bus_new_presence(Bus *bus); /* only if some namespace has it. 0 or -ENOMEM */
void bus_presence_subscribed(Bus *bus, Interest *interest);
void bus_presence_look(Bus *bus, Interest *interest); /* one that is heard: its channel may have got presence, or lost it */
void bus_presence_heard(Bus *bus, const char *channel, size_t n_channel, const Envelope *event);

/* events->presented and so on */
void bus_on_presented(void *context, void *cookie, BrokerResult result);
void bus_on_members(void *context, void *cookie, BrokerResult result, const PresenceList *list);
void bus_on_leased(void *context, void *cookie, BrokerResult result, const LeaseReply *reply);
void bus_on_buried(void *context, void *cookie, BrokerResult result);
