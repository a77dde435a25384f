#include "broker/bus.h"

#include <stdio.h>
#include <string.h>

#include "failing_memory.h"
#include "fake_node.h"
#include "journal.h"
#include "suite.h"

enum { LINGER_MS = 1000, LONG_AFTER_MS = 10 * LINGER_MS };

/* A backend that writes down what it is told, and answers when the test says so. */
static Bus bus;
static void *cookie;

static void fake_subscribe(Backend *backend, const char *channel, size_t n_channel) {
    journal_add("SUBSCRIBE %.*s", (int)n_channel, channel);
}

static void fake_unsubscribe(Backend *backend, const char *channel, size_t n_channel) {
    journal_add("UNSUBSCRIBE %.*s", (int)n_channel, channel);
}

static void fake_publish(Backend *backend, Message *message, void *given) {
    journal_add("PUBLISH %s", message_channel(message));
    cookie = given;
}

static const BackendOps fake_ops = {
    .subscribe = fake_subscribe,
    .unsubscribe = fake_unsubscribe,
    .publish = fake_publish,
};

static Backend backend = {.ops = &fake_ops, .events = &bus_backend_events, .context = &bus};

static void given_a_bus(void) {
    journal_clear();
    bus_init(&bus, 4, LINGER_MS, &fake_bus_ops, NULL);
    bus_attach(&bus, &backend);
}

static void given_a_bus_that_is_up(void) {
    given_a_bus();
    bus_backend_events.up(&bus);
    journal_clear();
}

static void want(uint32_t worker, const char *channel, uint64_t token) {
    bus_want(&bus, worker, channel, strlen(channel), token);
}

static void unwant(uint32_t worker, const char *channel, uint64_t now_ms) {
    bus_unwant(&bus, worker, channel, strlen(channel), now_ms);
}

static void subscribed(const char *channel) {
    bus_backend_events.subscribed(&bus, channel, strlen(channel));
}

static void refused(const char *channel) {
    bus_backend_events.refused(&bus, channel, strlen(channel));
}

static void message(const char *channel, const char *payload) {
    bus_backend_events.message(&bus, channel, strlen(channel), payload, strlen(payload));
}

static void publish(const BusReturn *to) {
    Message *published;
    ck_assert_int_eq(message_new(&published, "news", 4, "hi", 2), 0);
    bus_publish(&bus, published, to);
    message_unref(published);
}

static void given_a_channel_of_worker_1(const char *channel) {
    want(1, channel, 7);
    subscribed(channel);
    journal_clear();
}

START_TEST(the_first_want_subscribes_and_is_granted_only_when_the_broker_has_acknowledged) {
    given_a_bus_that_is_up();
    want(0, "news", 11);
    ck_journal("SUBSCRIBE news");
    subscribed("news");
    ck_journal("granted 0 news #11");
    ck_assert_uint_eq(counter_read(&bus.counters.channels), 1);
    bus_finish(&bus);
}
END_TEST

START_TEST(a_second_worker_waits_for_the_same_acknowledgement) {
    given_a_bus_that_is_up();
    want(0, "news", 11);
    want(3, "news", 12);
    ck_journal("SUBSCRIBE news");
    subscribed("news");
    ck_journal("granted 0 news #11; granted 3 news #12");
    bus_finish(&bus);
}
END_TEST

START_TEST(a_want_of_a_subscribed_channel_is_granted_at_once) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    want(2, "news", 8);
    ck_journal("granted 2 news #8");
    bus_finish(&bus);
}
END_TEST

START_TEST(a_want_while_the_link_is_down_waits_for_the_link) {
    given_a_bus();
    want(0, "news", 1);
    ck_journal("");
    bus_backend_events.up(&bus);
    ck_journal("link up; SUBSCRIBE news");
    subscribed("news");
    ck_journal("granted 0 news #1");
    bus_finish(&bus);
}
END_TEST

START_TEST(a_message_goes_once_to_each_worker_that_wants_its_channel) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    want(3, "news", 8);
    journal_clear();
    message("news", "hi");
    ck_journal("deliver 1 news=hi; deliver 3 news=hi");
    message("other", "hi");
    ck_journal("");
    ck_assert_uint_eq(counter_read(&bus.counters.received), 2);
    ck_assert_uint_eq(counter_read(&bus.counters.unwanted), 1);
    bus_finish(&bus);
}
END_TEST

START_TEST(a_channel_that_nobody_wants_any_more_is_unsubscribed_after_the_linger) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    unwant(1, "news", 5000);
    bus_tick(&bus, 5000 + LINGER_MS - 1);
    ck_journal("");
    message("news", "unheard");
    ck_journal("");
    bus_tick(&bus, 5000 + LINGER_MS);
    ck_journal("UNSUBSCRIBE news");
    ck_assert_uint_eq(counter_read(&bus.counters.channels), 0);
    ck_assert_uint_eq(counter_read(&bus.counters.unwanted), 1);
    bus_finish(&bus);
}
END_TEST

START_TEST(a_want_during_the_linger_costs_the_broker_nothing) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    unwant(1, "news", 5000);
    want(2, "news", 9);
    ck_journal("granted 2 news #9");
    bus_tick(&bus, LONG_AFTER_MS);
    ck_journal("");
    bus_finish(&bus);
}
END_TEST

START_TEST(a_worker_that_leaves_does_not_take_the_channel_from_another) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    want(2, "news", 9);
    unwant(1, "news", 0);
    bus_tick(&bus, LONG_AFTER_MS);
    journal_clear();
    message("news", "hi");
    ck_journal("deliver 2 news=hi");
    bus_finish(&bus);
}
END_TEST

START_TEST(an_unwant_of_what_was_not_wanted_does_nothing) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    unwant(2, "news", 0);
    unwant(1, "other", 0);
    bus_tick(&bus, LONG_AFTER_MS);
    ck_journal("");
    bus_finish(&bus);
}
END_TEST

START_TEST(a_worker_that_wants_again_while_subscribing_is_told_its_new_token_only) {
    given_a_bus_that_is_up();
    want(0, "news", 1);
    unwant(0, "news", 0);
    want(0, "news", 2);
    ck_journal("SUBSCRIBE news");
    subscribed("news");
    ck_journal("granted 0 news #2");
    bus_finish(&bus);
}
END_TEST

START_TEST(a_channel_is_not_unsubscribed_before_its_subscription_was_acknowledged) {
    given_a_bus_that_is_up();
    want(0, "news", 1);
    unwant(0, "news", 0);
    bus_tick(&bus, LINGER_MS);
    ck_journal("SUBSCRIBE news");
    subscribed("news");
    bus_tick(&bus, LONG_AFTER_MS);
    ck_journal("UNSUBSCRIBE news");
    bus_finish(&bus);
}
END_TEST

START_TEST(after_a_lost_link_all_channels_are_subscribed_anew_and_then_each_worker_hears_of_a_gap_once) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    given_a_channel_of_worker_1("sports");
    want(2, "news", 9);
    journal_clear();
    bus_backend_events.down(&bus, "gone");
    ck_journal("link down");
    ck_assert_str_eq(fake_last_reason, "gone");
    ck_assert_uint_eq(counter_read(&bus.counters.channels), 0);
    bus_backend_events.up(&bus);
    ck_assert(journal_has("SUBSCRIBE news") && journal_has("SUBSCRIBE sports"));
    journal_clear();
    subscribed("news");
    ck_journal("");
    subscribed("sports");
    ck_journal("gap 1; gap 2");
    ck_assert_uint_eq(counter_read(&bus.counters.gaps), 1);
    ck_assert_uint_eq(counter_read(&bus.counters.links_lost), 1);
    bus_finish(&bus);
}
END_TEST

START_TEST(the_first_link_and_a_want_made_while_it_was_down_bring_no_gap) {
    given_a_bus();
    want(0, "news", 1);
    bus_backend_events.up(&bus);
    subscribed("news");
    bus_backend_events.down(&bus, "gone");
    unwant(0, "news", 0);
    want(3, "sports", 2);
    bus_backend_events.up(&bus);
    journal_clear();
    subscribed("sports");
    ck_journal("granted 3 sports #2");
    bus_finish(&bus);
}
END_TEST

START_TEST(a_link_lost_again_before_all_was_subscribed_still_brings_one_gap) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    for (int i = 0; i < 2; i++) {
        bus_backend_events.down(&bus, "gone");
        bus_backend_events.up(&bus);
    }
    journal_clear();
    subscribed("news");
    ck_journal("gap 1");
    subscribed("news");
    ck_journal("");
    bus_finish(&bus);
}
END_TEST

START_TEST(what_lingers_when_the_link_is_lost_is_forgotten) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    unwant(1, "news", 0);
    bus_backend_events.down(&bus, "gone");
    bus_backend_events.up(&bus);
    bus_tick(&bus, LONG_AFTER_MS);
    ck_journal("link down; link up");
    bus_finish(&bus);
}
END_TEST

START_TEST(a_refused_channel_is_denied_and_a_later_want_asks_again) {
    given_a_bus_that_is_up();
    want(0, "secret", 1);
    want(1, "secret", 2);
    refused("secret");
    ck_journal("SUBSCRIBE secret; denied 0 secret #1; denied 1 secret #2");
    want(0, "secret", 3);
    ck_journal("SUBSCRIBE secret");
    bus_finish(&bus);
}
END_TEST

START_TEST(a_channel_refused_after_it_was_granted_is_taken_away_with_token_0) {
    given_a_bus_that_is_up();
    given_a_channel_of_worker_1("news");
    bus_backend_events.down(&bus, "gone");
    want(2, "news", 9);
    bus_backend_events.up(&bus);
    journal_clear();
    refused("news");
    ck_journal("denied 2 news #9; denied 1 news #0; gap 1");
    bus_finish(&bus);
}
END_TEST

START_TEST(a_publish_is_answered_to_whoever_asked) {
    given_a_bus_that_is_up();
    publish(&(BusReturn){.worker = 2, .session_id = 30, .request_id = 4});
    ck_journal("PUBLISH news");
    bus_backend_events.published(&bus, cookie, BROKER_REFUSED);
    ck_journal("published 2/30/4 refused");
    publish(&(BusReturn){.worker = 2, .session_id = 30, .request_id = 5});
    bus_backend_events.published(&bus, cookie, BROKER_OK);
    ck_journal("PUBLISH news; published 2/30/5 ok");
    ck_assert_uint_eq(counter_read(&bus.counters.published), 1);
    ck_assert_uint_eq(counter_read(&bus.counters.publish_failures), 1);
    bus_finish(&bus);
}
END_TEST

START_TEST(a_publish_while_the_link_is_down_is_unavailable_at_once) {
    given_a_bus();
    publish(&(BusReturn){.worker = 1, .session_id = 2, .request_id = 3});
    ck_journal("published 1/2/3 unavailable");
    bus_finish(&bus);
}
END_TEST

START_TEST(a_message_without_memory_for_it_is_told_as_a_gap) {
    given_a_bus_that_is_up();
    want(1, "news", 1);
    subscribed("news");
    journal_clear();
    memory_fail_at(1);
    message("news", "lost");
    memory_fail_at(0);
    ck_journal("gap 1");
    bus_finish(&bus);
}
END_TEST

START_TEST(without_memory_a_want_is_denied_and_a_publish_overloaded) {
    for (unsigned k = 1;; k++) {
        given_a_bus_that_is_up();
        memory_fail_at(k);
        want(0, "news", 1);
        bool has_failed = memory_has_failed();
        memory_fail_at(0);
        if (!has_failed) {
            ck_journal("SUBSCRIBE news");
            bus_finish(&bus);
            break;
        }
        ck_journal("denied 0 news #1");
        want(0, "news", 2);
        ck_journal("SUBSCRIBE news");
        bus_finish(&bus);
    }
    given_a_bus_that_is_up();
    Message *published;
    ck_assert_int_eq(message_new(&published, "news", 4, "hi", 2), 0);
    memory_fail_at(1);
    bus_publish(&bus, published, &(BusReturn){.worker = 1, .session_id = 2, .request_id = 3});
    memory_fail_at(0);
    ck_journal("published 1/2/3 overloaded");
    message_unref(published);
    bus_finish(&bus);
}
END_TEST

START_TEST(ten_thousand_channels_come_and_go) {
    given_a_bus_that_is_up();
    char channel[32];
    for (int i = 0; i < 10000; i++) {
        snprintf(channel, sizeof channel, "channel:%d", i);
        want((uint32_t)i % 4, channel, (uint64_t)i + 1);
        subscribed(channel);
    }
    ck_assert_uint_eq(counter_read(&bus.counters.channels), 10000);
    for (int i = 0; i < 10000; i++) {
        snprintf(channel, sizeof channel, "channel:%d", i);
        unwant((uint32_t)i % 4, channel, 0);
    }
    for (int i = 0; i < 3; i++) /* a tick has a budget */
        bus_tick(&bus, LINGER_MS + 100 * (uint64_t)i);
    ck_assert_uint_eq(counter_read(&bus.counters.channels), 0);
    ck_assert_uint_eq(bus.interests.n_nodes, 0);
    bus_finish(&bus);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        the_first_want_subscribes_and_is_granted_only_when_the_broker_has_acknowledged,
        a_second_worker_waits_for_the_same_acknowledgement,
        a_want_of_a_subscribed_channel_is_granted_at_once,
        a_want_while_the_link_is_down_waits_for_the_link,
        a_message_goes_once_to_each_worker_that_wants_its_channel,
        a_channel_that_nobody_wants_any_more_is_unsubscribed_after_the_linger,
        a_want_during_the_linger_costs_the_broker_nothing,
        a_worker_that_leaves_does_not_take_the_channel_from_another,
        an_unwant_of_what_was_not_wanted_does_nothing,
        a_worker_that_wants_again_while_subscribing_is_told_its_new_token_only,
        a_channel_is_not_unsubscribed_before_its_subscription_was_acknowledged,
        after_a_lost_link_all_channels_are_subscribed_anew_and_then_each_worker_hears_of_a_gap_once,
        the_first_link_and_a_want_made_while_it_was_down_bring_no_gap,
        a_link_lost_again_before_all_was_subscribed_still_brings_one_gap,
        what_lingers_when_the_link_is_lost_is_forgotten,
        a_refused_channel_is_denied_and_a_later_want_asks_again,
        a_channel_refused_after_it_was_granted_is_taken_away_with_token_0,
        a_publish_is_answered_to_whoever_asked,
        a_publish_while_the_link_is_down_is_unavailable_at_once,
        a_message_without_memory_for_it_is_told_as_a_gap,
        without_memory_a_want_is_denied_and_a_publish_overloaded,
        ten_thousand_channels_come_and_go,
    };
    return run_suite("bus", tests, N_ELEMENTS(tests));
}
