#include "hub/channel.h"

#include <errno.h>
#include <string.h>

#include "failing_memory.h"
#include "hub/subscription.h"
#include "suite.h"

#define NAME(text) (text), sizeof(text) - 1

static const Namespace plain = {.slow = SLOW_CLOSE};

static Channel *channel_named(const char *name) {
    Channel *channel;
    ck_assert_int_eq(channel_new(&channel, name, strlen(name), &plain, 7), 0);
    return channel;
}

START_TEST(ordinary_names_are_valid) {
    ck_assert(channel_name_is_valid(NAME("a")));
    ck_assert(channel_name_is_valid(NAME("chat:room 1/2")));
    ck_assert(channel_name_is_valid(NAME("\xc2\xa0"))); /* U+00A0 comes after the control characters */
    ck_assert(channel_name_is_valid(NAME("\xc3\x80\xe2\x82\xac\xf0\x9f\x90\x95")));
}
END_TEST

START_TEST(a_name_has_1_to_255_bytes) {
    char name[CHANNEL_NAME_MAX + 1];
    memset(name, 'n', sizeof(name));
    ck_assert(!channel_name_is_valid("", 0));
    ck_assert(channel_name_is_valid(name, CHANNEL_NAME_MAX));
    ck_assert(!channel_name_is_valid(name, CHANNEL_NAME_MAX + 1));
}
END_TEST

START_TEST(control_characters_are_refused) {
    for (char c = 0; c < 0x20; c++) {
        const char name[] = {'a', c, 'b'};
        ck_assert(!channel_name_is_valid(name, sizeof(name)));
    }
    ck_assert(!channel_name_is_valid(NAME("a\x7f")));
    ck_assert(!channel_name_is_valid(NAME("a\xc2\x80")));
    ck_assert(!channel_name_is_valid(NAME("a\xc2\x9f")));
}
END_TEST

START_TEST(bytes_that_are_not_utf8_are_refused) {
    ck_assert(!channel_name_is_valid(NAME("\xff")));
    ck_assert(!channel_name_is_valid(NAME("a\xc2")));
    ck_assert(!channel_name_is_valid(NAME("\xed\xa0\x80")));
}
END_TEST

START_TEST(a_new_channel_is_pending_and_keeps_its_name) {
    Channel *channel = channel_named("news");
    ck_assert_str_eq(channel->name, "news");
    ck_assert_int_eq(channel->state, CHANNEL_PENDING);
    ck_assert_uint_eq(channel->token, 7);
    ck_assert_ptr_eq(channel->namespace, &plain);
    ck_assert_uint_eq(channel->position.epoch, 0);
    ck_assert_uint_eq(channel->node.n_key, 4);
    ck_assert_ptr_null(channel_free(channel));
    ck_assert_ptr_null(channel_free(NULL));
}
END_TEST

START_TEST(the_last_one_takes_the_place_of_the_removed) {
    Channel *channel = channel_named("news");
    Subscription subscriptions[3];
    for (size_t i = 0; i < N_ELEMENTS(subscriptions); i++)
        ck_assert_int_eq(channel_add(channel, &subscriptions[i]), 0);
    channel_remove(channel, &subscriptions[0]);
    ck_assert_uint_eq(channel->n_subscriptions, 2);
    ck_assert_ptr_eq(channel->subscriptions[0], &subscriptions[2]);
    ck_assert_uint_eq(subscriptions[2].index, 0);
    channel_remove(channel, &subscriptions[2]);
    channel_remove(channel, &subscriptions[1]);
    ck_assert_uint_eq(channel->n_subscriptions, 0);
    channel_free(channel);
}
END_TEST

static void assert_places(const Channel *channel) {
    for (uint32_t i = 0; i < channel->n_subscriptions; i++)
        ck_assert_uint_eq(channel->subscriptions[i]->index, i);
    ck_assert_uint_le(channel->n_active, channel->n_subscriptions);
}

START_TEST(what_is_added_is_held_until_it_is_activated) {
    Channel *channel = channel_named("news");
    Subscription subscriptions[3];
    for (size_t i = 0; i < N_ELEMENTS(subscriptions); i++) {
        subscriptions[i].channel = channel;
        ck_assert_int_eq(channel_add(channel, &subscriptions[i]), 0);
    }
    ck_assert_uint_eq(channel->n_active, 0);
    channel_activate(channel, &subscriptions[2]);
    ck_assert_uint_eq(channel->n_active, 1);
    ck_assert(!subscription_is_held(&subscriptions[2]));
    ck_assert(subscription_is_held(&subscriptions[0]));
    ck_assert(subscription_is_held(&subscriptions[1]));
    assert_places(channel);
    for (size_t i = 0; i < N_ELEMENTS(subscriptions); i++)
        channel_remove(channel, &subscriptions[i]);
    ck_assert_uint_eq(channel->n_active, 0);
    channel_free(channel);
}
END_TEST

START_TEST(whoever_goes_the_active_ones_stay_in_front) {
    enum { N = 20, N_ROUNDS = 2000 };
    Channel *channel = channel_named("news");
    static Subscription subscriptions[N];
    enum { OUT, HELD, ACTIVE } states[N] = {OUT};
    srand(3);
    for (int round = 0; round < N_ROUNDS; round++) {
        int i = rand() % N;
        subscriptions[i].channel = channel;
        if (states[i] == OUT)
            ck_assert_int_eq(channel_add(channel, &subscriptions[i]), 0);
        else if (states[i] == HELD && rand() % 16) /* often all are active */
            channel_activate(channel, &subscriptions[i]);
        else
            channel_remove(channel, &subscriptions[i]);
        uint32_t n_before = channel->n_active;
        states[i] = states[i] == OUT ? HELD : OUT;
        for (uint32_t k = 0; k < channel->n_subscriptions; k++)
            if (channel->subscriptions[k] == &subscriptions[i])
                states[i] = k < n_before ? ACTIVE : HELD;
        assert_places(channel);
        for (int k = 0; k < N; k++)
            ck_assert(states[k] == OUT || subscription_is_held(&subscriptions[k]) == (states[k] == HELD));
    }
    channel_free(channel);
}
END_TEST

START_TEST(memory_of_a_crowd_is_given_back) {
    enum { CROWD = 1000 };
    Channel *channel = channel_named("news");
    static Subscription subscriptions[CROWD];
    for (size_t i = 0; i < CROWD; i++)
        ck_assert_int_eq(channel_add(channel, &subscriptions[i]), 0);
    ck_assert_uint_ge(channel->n_allocated, CROWD);
    for (size_t i = 0; i < CROWD - 1; i++)
        channel_remove(channel, &subscriptions[i]);
    ck_assert_uint_le(channel->n_allocated, 64);
    ck_assert_ptr_eq(channel->subscriptions[0], &subscriptions[CROWD - 1]);
    channel_free(channel);
}
END_TEST

START_TEST(without_memory_nothing_is_added) {
    Channel *channel;
    memory_fail_at(1);
    ck_assert_int_eq(channel_new(&channel, "c", 1, &plain, 1), -ENOMEM);
    channel = channel_named("c");
    Subscription subscription;
    memory_fail_at(1);
    ck_assert_int_eq(channel_add(channel, &subscription), -ENOMEM);
    ck_assert_uint_eq(channel->n_subscriptions, 0);
    channel_free(channel);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        ordinary_names_are_valid,
        a_name_has_1_to_255_bytes,
        control_characters_are_refused,
        bytes_that_are_not_utf8_are_refused,
        a_new_channel_is_pending_and_keeps_its_name,
        the_last_one_takes_the_place_of_the_removed,
        what_is_added_is_held_until_it_is_activated,
        whoever_goes_the_active_ones_stay_in_front,
        memory_of_a_crowd_is_given_back,
        without_memory_nothing_is_added,
    };
    return run_suite("channel", tests, N_ELEMENTS(tests));
}
