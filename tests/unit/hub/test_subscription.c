#include "hub/subscription.h"

#include <errno.h>

#include "failing_memory.h"
#include "suite.h"

static const Namespace plain = {.slow = SLOW_CLOSE};
static Channel *channel;
static Subscriber subscriber;

static void begin(void) {
    ck_assert_int_eq(channel_new(&channel, "news", 4, &plain, 1), 0);
    subscriber_init(&subscriber, NULL);
}

START_TEST(a_subscription_is_in_both_lists_until_it_is_freed) {
    begin();
    Subscription *subscription;
    ck_assert_int_eq(subscription_new(&subscription, channel, &subscriber, &(SubscriptionRequest){.id = 42}), 0);
    ck_assert_uint_eq(subscription->request_id, 42);
    ck_assert_ptr_eq(channel->subscriptions[0], subscription);
    ck_assert_uint_eq(subscriber.n_subscriptions, 1);
    ck_assert(!list_is_empty(&subscriber.subscriptions));
    ck_assert_ptr_null(subscription_free(subscription));
    ck_assert_uint_eq(channel->n_subscriptions, 0);
    ck_assert_uint_eq(subscriber.n_subscriptions, 0);
    ck_assert(list_is_empty(&subscriber.subscriptions));
    ck_assert_ptr_null(subscription_free(NULL));
    channel_free(channel);
}
END_TEST

START_TEST(it_waits_until_its_channel_is_active_and_it_is_held_no_more) {
    begin();
    Subscription *plain_one, *held;
    ck_assert_int_eq(subscription_new(&plain_one, channel, &subscriber, &(SubscriptionRequest){.id = 1}), 0);
    SubscriptionRequest request = {.id = 2, .resume_token = 9, .is_held = true};
    ck_assert_int_eq(subscription_new(&held, channel, &subscriber, &request), 0);
    ck_assert_uint_eq(held->resume_token, 9);
    ck_assert(subscription_is_waiting(plain_one) && !subscription_is_held(plain_one));
    ck_assert(subscription_is_waiting(held) && subscription_is_held(held));
    channel->state = CHANNEL_ACTIVE;
    ck_assert(!subscription_is_waiting(plain_one));
    ck_assert(subscription_is_waiting(held));
    channel_activate(channel, held);
    ck_assert(!subscription_is_waiting(held));
    subscription_free(plain_one);
    subscription_free(held);
    channel_free(channel);
}
END_TEST

START_TEST(a_gap_is_marked_once_and_goes_with_the_subscription) {
    begin();
    Subscription *subscription;
    ck_assert_int_eq(subscription_new(&subscription, channel, &subscriber, &(SubscriptionRequest){.id = 42}), 0);
    subscriber_mark_gap(&subscriber, 2); /* of no channel here */
    ck_assert_uint_eq(subscriber.n_gaps, 0);
    subscriber_mark_gap(&subscriber, 1);
    subscriber_mark_gap(&subscriber, 1);
    ck_assert(subscription->has_gap);
    ck_assert_uint_eq(subscriber.n_gaps, 1);
    subscription_clear_gap(subscription);
    subscription_clear_gap(subscription);
    ck_assert_uint_eq(subscriber.n_gaps, 0);
    subscriber_mark_gap(&subscriber, 1);
    subscription_free(subscription);
    ck_assert_uint_eq(subscriber.n_gaps, 0);
    channel_free(channel);
}
END_TEST

START_TEST(without_memory_it_is_in_neither) {
    begin();
    for (unsigned k = 1; k <= 2; k++) {
        Subscription *subscription;
        memory_fail_at(k);
        ck_assert_int_eq(subscription_new(&subscription, channel, &subscriber, &(SubscriptionRequest){.id = 1}), -ENOMEM);
        ck_assert_uint_eq(channel->n_subscriptions, 0);
        ck_assert_uint_eq(subscriber.n_subscriptions, 0);
    }
    channel_free(channel);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_subscription_is_in_both_lists_until_it_is_freed,
        it_waits_until_its_channel_is_active_and_it_is_held_no_more,
        a_gap_is_marked_once_and_goes_with_the_subscription,
        without_memory_it_is_in_neither,
    };
    return run_suite("subscription", tests, N_ELEMENTS(tests));
}
