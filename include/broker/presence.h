/* Presence: which users are in which channels, on all nodes, as this node tells it and hears it. Owner: the bus thread.

   Towards the broker: each user of this node in each channel is one entry under this node's lease, said again whenever it changes
   and after every outage until the broker has acknowledged it. A lease is kept or lost for good: a node whose lease ran out takes
   a new one under a new name, says all its entries again under it, and buries the old. It buries others whose leases ran out,
   once it has held its own without a break for a whole lease: an outage of the broker itself must not bury anybody. One call a
   second keeps the lease and looks for the dead: more often than a lease of 10 s needs, and one call less to get wrong.

   From the broker: of each channel that the node is subscribed to it keeps the roster, the users and the version up to which it
   knows them. An event that is the next is announced; one that is known is dropped; any other doubt, and every outage, fetches
   the list anew and announces the difference. So each subscriber sees each user come once and go once. A user of whom no event
   told that he went, but whom a list lacks, is believed gone only when he is lacking still a while later: a broker that lost its
   data is told everything anew by all nodes, each in its own time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/metrics.h"
#include "broker/backend.h"
#include "broker/envelope.h"

enum { PRESENCE_LEASE_MS = 10000, PRESENCE_WATCH_MS = 1000 };

typedef struct PresenceOps {
    /* kind: MESSAGE_JOIN or MESSAGE_LEAVE; member: the JSON object. To all workers that want the channel. */
    void (*announce)(void *context, const char *channel, size_t n_channel, MessageKind kind, const char *member,
                     size_t n_member);
    /* Borrows the reply. The members are those of whom this node's subscribers have been told: what is announced later follows on
       it. */
    void (*answered)(void *context, const BrokerReturn *to, const char *channel, size_t n_channel, PresenceReply *reply);
} PresenceOps;

typedef struct PresenceCounters {
    Counter members;     /* gauge: users of this node in a channel */
    Counter announced;   /* joins and leaves told to this node's subscribers */
    Counter leases_lost; /* of this node */
    Counter buried;      /* other nodes */
    Counter lists_fetched;
    Counter failures; /* entries that were lost for want of memory */
} PresenceCounters;

typedef struct Presence Presence;

int presence_new(Presence **out, Backend *backend, const char *node_id, const PresenceOps *ops, void *context); /* -ENOMEM */
Presence *presence_free(Presence *presence); /* what is under way is forgotten; NULL, also for NULL */
const PresenceCounters *presence_counters(const Presence *presence);

/* The orderly end: the members of this node leave at once and its lease is given back. Ticks and answers go on until it has stopped;
   it never fails, but takes as long as the broker takes to answer. From here on presence_change tells the broker nothing. */
void presence_stop(Presence *presence);
bool presence_has_stopped(const Presence *presence);

/* From the workers. The same user in the same channel may be entered by several connections, on several workers. */
void presence_change(Presence *presence, const PresenceChange *change);
/* ops->answered always follows, perhaps before the return: BROKER_OVERLOADED when too many wait already, or for want of memory. */
void presence_ask(Presence *presence, const char *channel, size_t n_channel, const BrokerReturn *to);

/* From the bus, for channels whose namespace has presence. */
void presence_subscribed(Presence *presence, const char *channel,
                         size_t n_channel); /* acknowledged, also anew after an outage */
void presence_unsubscribed(Presence *presence, const char *channel, size_t n_channel);
void presence_heard(Presence *presence, const char *channel, size_t n_channel, const Envelope *event);
void presence_reachable(
    Presence *presence); /* events->changed, after the channels have been looked at: says again what may be lost */
void presence_tick(Presence *presence, uint64_t now_ms); /* every 100 ms; before the first one nothing is asked */

/* The backend's answers to what presence asked, by its cookies. The bus tells them apart from its own by the op: present, members,
   lease and bury are asked by presence alone. */
void presence_on_presented(Presence *presence, void *cookie, BrokerResult result);
void presence_on_members(Presence *presence, void *cookie, BrokerResult result, const PresenceList *list);
void presence_on_leased(Presence *presence, void *cookie, BrokerResult result, const LeaseReply *reply);
void presence_on_buried(Presence *presence, void *cookie, BrokerResult result);
