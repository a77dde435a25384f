/* Channel: one name and the local subscriptions to it. Owner: one worker's hub. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "hub/message.h"
#include "hub/namespace.h"

typedef struct Subscription Subscription;

typedef enum ChannelState {
    CHANNEL_PENDING, /* the broker has not yet acknowledged the node's subscription: nothing is delivered yet */
    CHANNEL_ACTIVE,
} ChannelState;

typedef enum GapReason {             /* why messages of a channel may have been lost */
                         GAP_BROKER, /* the link to the broker was lost, and has come back */
                         GAP_SLOW,   /* this connection reads too slowly: its waiting messages were dropped */
                         GAP_NODE,   /* this node could not do its part: too little memory, or too much waiting inside */
                         GAP_REASONS,
} GapReason;

typedef struct Channel {
    MapNode node;
    ChannelState state;
    const Namespace *namespace; /* borrowed, outlives the channel */
    uint64_t token;             /* tells this interest from an earlier one in the same name */
    Position position;          /* what follows it is still to be delivered; epoch 0: no history, or its end is not known */
    Subscription *
        *subscriptions; /* the first n_active get what is delivered, the others are held until their resume is answered */
    uint32_t n_active;
    uint32_t n_subscriptions;
    uint32_t n_allocated;
    char name[]; /* NUL-terminated */
} Channel;

/* UTF-8, 1 to CHANNEL_NAME_MAX bytes, no control characters (U+0000 to U+001F, U+007F to U+009F). */
bool channel_name_is_valid(const char *name, size_t n_name);

int channel_new(Channel **out, const char *name, size_t n_name, const Namespace *namespace, uint64_t token); /* -ENOMEM */
Channel *channel_free(Channel *channel); /* has no subscriptions; NULL */

int channel_add(Channel *channel, Subscription *subscription);       /* held; sets its index. -ENOMEM */
void channel_activate(Channel *channel, Subscription *subscription); /* one that is held */
void channel_remove(Channel *channel, Subscription *subscription);   /* others take its index */
