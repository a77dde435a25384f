#include "hub/subscription.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"

void subscriber_init(Subscriber *subscriber, const FrameEncoder *encoder) {
    list_init(&subscriber->subscriptions);
    subscriber->n_subscriptions = 0;
    subscriber->n_gaps = 0;
    subscriber->encoder = encoder;
}

int subscription_new(Subscription **out, Channel *channel, Subscriber *subscriber, const SubscriptionRequest *request) {
    Subscription *subscription = malloc(sizeof(*subscription));
    if (!subscription)
        return error_origin(-ENOMEM);
    *subscription = (Subscription){.channel = channel,
                                   .subscriber = subscriber,
                                   .is_kept = request->is_kept,
                                   .is_given = request->is_given,
                                   .request_id = request->id,
                                   .resume_token = request->resume_token};
    int r = channel_add(channel, subscription);
    if (r < 0) {
        free(subscription);
        return error_trace(r);
    }
    if (!request->is_held)
        channel_activate(channel, subscription);
    list_append(&subscriber->subscriptions, &subscription->link);
    subscriber->n_subscriptions++;
    *out = subscription;
    return 0;
}

Subscription *subscription_free(Subscription *subscription) {
    if (subscription) {
        subscription_clear_gap(subscription);
        channel_remove(subscription->channel, subscription);
        list_unlink(&subscription->link);
        subscription->subscriber->n_subscriptions--;
        free(subscription);
    }
    return NULL;
}

void subscriber_mark_gap(Subscriber *subscriber, uint64_t channel_token) {
    for (ListNode *node = subscriber->subscriptions.next; node != &subscriber->subscriptions; node = node->next) {
        Subscription *subscription = container_of(node, Subscription, link);
        if (subscription->channel->token != channel_token)
            continue;
        subscriber->n_gaps += !subscription->has_gap;
        subscription->has_gap = true;
        return;
    }
}

void subscription_clear_gap(Subscription *subscription) {
    subscription->subscriber->n_gaps -= subscription->has_gap;
    subscription->has_gap = false;
}
