/* Hub: the channels of one worker and who subscribes to them. Owner: its worker. No I/O. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "base/metrics.h"
#include "hub/channel.h"
#include "hub/frame.h"
#include "hub/message.h"
#include "hub/namespace.h"
#include "hub/subscription.h"

enum { HUB_OK, HUB_EXISTS };

/* Upward calls. None of them may subscribe, unsubscribe or activate: fan-out condemns, the reaper kills. gap tells the
   subscriber that messages of that channel may have been lost; the channel's position is then the one behind the gap. */
typedef struct HubOps {
    void (*send)(Subscriber *subscriber, Frame *frame);                               /* borrows the frame */
    void (*subscribed)(Subscriber *subscriber, Subscription *subscription);           /* one that is not held */
    void (*refused)(Subscriber *subscriber, Subscription *subscription, int refusal); /* the hub drops it after the call */
    void (*removed)(Subscriber *subscriber, Subscription *subscription); /* about to be freed, for whatever reason */
    void (*gap)(Subscriber *subscriber, const Channel *channel, GapReason reason);
    /* The first local subscriber has come, or the last has gone; each want is followed by exactly one unwant, also when it was
       refused. token comes back with the acknowledgement, perhaps before want returns. */
    void (*want)(void *context, const char *channel, size_t n_channel, uint64_t token);
    void (*unwant)(void *context, const char *channel, size_t n_channel);
} HubOps;

typedef struct HubCounters {
    Counter channels;      /* gauge */
    Counter subscriptions; /* gauge */
    Counter messages;      /* taken from the broker */
    Counter deliveries;    /* handed to subscribers */
    Counter unwanted;      /* messages nobody here subscribes to any more */
    Counter encode_failures;
} HubCounters;

typedef struct Hub {
    Map channels;
    uint64_t next_token;
    const Namespaces *namespaces;
    const HubOps *ops;
    void *context;
    HubCounters counters;
} Hub;

/* namespaces is borrowed and outlives the hub; NULL: every channel is live and SLOW_CLOSE. */
void hub_init(Hub *hub, const Namespaces *namespaces, const HubOps *ops, void *context);
/* The same, of channels that are and of those to come; the ones before are not looked at any more. */
void hub_configure(Hub *hub, const Namespaces *namespaces);
void hub_finish(Hub *hub); /* every subscription has been dropped, and with it every channel */

/* HUB_OK: acknowledged at once when the channel is active (ops->subscribed is called before the return), else by a later
   hub_acknowledge; one that is held is not acknowledged here, though it may be refused. HUB_EXISTS: this subscriber is in that
   channel. -ENOMEM. The name must be valid. */
int hub_subscribe(Hub *hub, Subscriber *subscriber, const char *channel, size_t n_channel, const SubscriptionRequest *request);
void hub_activate(Hub *hub, Subscription *subscription); /* one that is held gets what is delivered from now on */
/* NULL when this subscriber is not in that channel. Time grows with the subscriber's own subscriptions only. */
Subscription *hub_find(Hub *hub, Subscriber *subscriber, const char *channel, size_t n_channel);
/* Frees the subscription; the channel too when it was the last. Not from an upward call. */
void hub_unsubscribe(Hub *hub, Subscription *subscription);
void hub_unsubscribe_all(Hub *hub, Subscriber *subscriber);

/* The broker's answer to want; a token of an interest that has ended meanwhile, or that has been granted before, is ignored.
   refusal 0: it is granted, and what follows position will be delivered. Else each subscription is refused with it and dropped;
   so it is when token is 0, by which the broker takes back what it granted before: those subscribers would be quietly deaf. */
void hub_acknowledge(Hub *hub, const char *channel, size_t n_channel, uint64_t token, int refusal, Position position);
/* Fan-out: the frame of each dialect is built at most once. Borrows the message. Subscribers whose frame cannot be built for
   want of memory are told of a gap (GAP_NODE). */
void hub_deliver(Hub *hub, const Message *message);
/* One message for one subscriber alone, as a fan-out would send it. 0 or -ENOMEM; *out NULL as the encoder's. */
int hub_encode(Frame **out, const FrameEncoder *encoder, const Channel *channel, const Message *message);
/* Messages of that channel may have been lost by the broker or on the way from it (GAP_BROKER); what follows position will be
   delivered. */
void hub_gap(Hub *hub, const char *channel, size_t n_channel, Position position);
/* Messages of any channel were dropped because this worker could not take them (GAP_NODE). No channel knows its position then,
   until its next message tells. */
void hub_overloaded(Hub *hub);
