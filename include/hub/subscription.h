/* Subscription: one subscriber's place in one channel. Owner: one worker's hub. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "hub/channel.h"
#include "hub/frame.h"

/* The hub's view of a connection, embedded in it. */
typedef struct Subscriber {
    ListNode subscriptions;
    uint32_t n_subscriptions;
    uint32_t n_gaps;             /* subscriptions with has_gap */
    const FrameEncoder *encoder; /* of the connection's dialect */
} Subscriber;

struct Subscription {
    Channel *channel;
    Subscriber *subscriber;
    uint32_t index;      /* in channel->subscriptions */
    bool has_gap;        /* waiting messages were dropped, and the client has not been told yet */
    uint64_t request_id; /* the client's, for its acknowledgement */
    ListNode link;       /* in subscriber->subscriptions */
};

void subscriber_init(Subscriber *subscriber, const FrameEncoder *encoder); /* allocates nothing */

/* In both lists from the first moment to the last. Both must outlive it. -ENOMEM. */
int subscription_new(Subscription **out, Channel *channel, Subscriber *subscriber, uint64_t request_id);
Subscription *subscription_free(Subscription *subscription); /* NULL, also for NULL */

/* Marks the subscription to the channel of that token; nothing when there is none. Time grows with the subscriber's
   subscriptions. */
void subscriber_mark_gap(Subscriber *subscriber, uint64_t channel_token);
void subscription_clear_gap(Subscription *subscription);
