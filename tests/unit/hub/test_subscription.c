#include "hub/subscription.h"

#include <errno.h>

#include "failing_memory.h"
#include "suite.h"

static Channel *channel;
static Subscriber subscriber;

static void begin(void) {
    ck_assert_int_eq(channel_new(&channel, "news", 4, 1), 0);
    subscriber_init(&subscriber, NULL);
}

START_TEST(a_subscription_is_in_both_lists_until_it_is_freed) {
    begin();
    Subscription *subscription;
    ck_assert_int_eq(subscription_new(&subscription, channel, &subscriber, 42), 0);
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

START_TEST(a_gap_is_marked_once_and_goes_with_the_subscription) {
    begin();
    Subscription *subscription;
    ck_assert_int_eq(subscription_new(&subscription, channel, &subscriber, 42), 0);
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
        ck_assert_int_eq(subscription_new(&subscription, channel, &subscriber, 1), -ENOMEM);
        ck_assert_uint_eq(channel->n_subscriptions, 0);
        ck_assert_uint_eq(subscriber.n_subscriptions, 0);
    }
    channel_free(channel);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_subscription_is_in_both_lists_until_it_is_freed,
        a_gap_is_marked_once_and_goes_with_the_subscription,
        without_memory_it_is_in_neither,
    };
    return run_suite("subscription", tests, N_ELEMENTS(tests));
}
