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
    uint32_t index;        /* in channel->subscriptions */
    bool has_gap;          /* waiting messages were dropped, and the client has not been told yet */
    bool is_present;       /* the broker has been told that this connection is in the channel, and not yet that it has left */
    bool is_kept;          /* opened by a channel token or by the backend: the session's own token has no say in it */
    bool is_given;         /* the backend's wish, not the client's */
    uint64_t request_id;   /* the client's, for its acknowledgement */
    uint64_t resume_token; /* the reading of history that its resume waits for; 0: none, or answered */
    ListNode link;         /* in subscriber->subscriptions */
};

/* What a client asks for. */
typedef struct SubscriptionRequest {
    uint64_t id;
    uint64_t resume_token; /* 0: no resume */
    bool is_held;          /* nothing is delivered before hub_activate */
    bool is_kept;          /* as the subscription's */
    bool is_given;
} SubscriptionRequest;

void subscriber_init(Subscriber *subscriber, const FrameEncoder *encoder); /* allocates nothing */

/* In both lists from the first moment to the last. Both must outlive it. -ENOMEM. */
int subscription_new(Subscription **out, Channel *channel, Subscriber *subscriber, const SubscriptionRequest *request);
Subscription *subscription_free(Subscription *subscription); /* NULL, also for NULL */

static inline bool subscription_is_held(const Subscription *subscription) {
    return subscription->index >= subscription->channel->n_active;
}

/* The client has not been answered yet. */
static inline bool subscription_is_waiting(const Subscription *subscription) {
    return subscription->channel->state == CHANNEL_PENDING || subscription_is_held(subscription);
}

/* Marks the subscription to the channel of that token; nothing when there is none. Time grows with the subscriber's
   subscriptions. */
void subscriber_mark_gap(Subscriber *subscriber, uint64_t channel_token);
void subscription_clear_gap(Subscription *subscription);
