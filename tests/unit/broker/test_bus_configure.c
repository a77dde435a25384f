#include "broker/bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake_backend.h"
#include "journal.h"
#include "suite.h"

/* What the bus was given before is freed: it must not look at it any more. */
static Namespaces *given;

static void forget(void) {
    if (given)
        free(given->items);
    free(given);
    given = NULL;
}

static void configure(Namespace item) {
    Namespaces *next = malloc(sizeof(*next));
    Namespace *items = malloc(sizeof(*items));
    ck_assert(next && items);
    *items = item;
    *next = (Namespaces){.items = items, .n_items = 1};
    ck_assert_int_eq(bus_configure(&bus, next, LINGER_MS, SUBSCRIBE_MS), 0);
    forget();
    given = next;
}

static void end(void) {
    finish_bus();
    forget();
}

static void given_a_channel(const char *channel) {
    given_a_bus_that_is_up();
    want(1, channel, 7);
    subscribed(channel);
    journal_clear();
}

static const HistoryQuery forward = {.limit = 9, .order = HISTORY_FORWARD};

START_TEST(a_live_channel_that_gets_a_history_stays_live_until_it_is_not_subscribed_any_more) {
    given_a_channel("x:1");
    configure((Namespace){.name = "x", .history_limit = 10, .history_age_ms = 1000});
    numbered("x:1", 5, 1);
    ck_journal("deliver 1 x:1=a");
    resume(1, "x:1", 5, 0, 1);
    history("x:1", forward, 2);
    ck_journal("history 1 not recovered:; READ x:1 forward 0-0 9");
    fail_read(BROKER_UNAVAILABLE);
    unwant(1, "x:1");
    after(LINGER_MS);
    want(1, "x:1", 8);
    journal_clear();
    subscribed("x:1");
    answer_read(true, 5, 0, 1);
    ck_journal("READ x:1 forward 0-0 0; granted 1 x:1 #8 @5-1");
    end();
}
END_TEST

START_TEST(a_live_channel_that_gets_a_ring_of_this_node_answers_without_one) {
    given_a_channel("x:1");
    configure((Namespace){.name = "x", .local_limit = 2, .local_linger_ms = 100});
    message("x:1", "a");
    resume(1, "x:1", (uint64_t)1 << 63, 0, 1);
    history("x:1", forward, 2);
    ck_journal("deliver 1 x:1=a; history 1 not recovered:; history 2 recovered:");
    end();
}
END_TEST

START_TEST(a_channel_with_a_history_goes_on_with_it_when_its_namespace_has_none) {
    given_a_channel_of_worker_1_at(3);
    configure((Namespace){.name = "d", .local_limit = 2});
    numbered("d:1", 5, 4);
    ck_journal("deliver 1 d:1=d @5-4");
    history("d:1", forward, 1); /* of the ring that it has not */
    ck_journal("history 1 recovered @5-4:");
    message("d:1", "plain");
    ck_journal("deliver 1 d:1=plain");
    publish("d:1", "x", 1, &(BrokerReturn){.worker = 1});
    ck_journal("PUBLISH d:1=1");
    answer_publish(BROKER_OK, (Position){0});
    end();
}
END_TEST

START_TEST(one_that_only_lingers_is_given_up_so_that_the_next_begins_anew) {
    given_a_channel("x:1");
    unwant(1, "x:1");
    configure((Namespace){.name = "x", .history_limit = 10, .history_age_ms = 1000});
    after(200);
    ck_journal("UNSUBSCRIBE x:1");
    configure((Namespace){.name = "x"});
    end();
}
END_TEST

START_TEST(a_shorter_ring_drops_what_is_too_old_with_the_next_message) {
    given_a_channel("l:1");
    for (const char *const *text = (const char *const[]){"a", "b", "c", "d", NULL}; *text; text++)
        message("l:1", *text);
    configure((Namespace){.name = "l", .local_limit = 2, .local_linger_ms = 100});
    message("l:1", "e");
    journal_clear();
    history("l:1", forward, 1);
    ck_journal("history 1 recovered @local-5: d e");
    configure((Namespace){.name = "l"});
    message("l:1", "f");
    history("l:1", forward, 2);
    ck_journal("deliver 1 l:1=f @local-6; history 2 refused");
    end();
}
END_TEST

START_TEST(presence_begins_and_ends_at_once_and_who_is_in_may_leave) {
    const PresenceChange enters = {.channel = "x:1", .n_channel = 3, .user = "ada", .n_user = 3, .has_entered = true};
    PresenceChange leaves = enters;
    leaves.has_entered = false;
    given_a_channel("x:1");
    bus_present(&bus, 1, &enters);
    ck_journal("");
    configure((Namespace){.name = "x", .has_presence = true});
    bus_present(&bus, 1, &enters);
    ck_journal("ROSTER x:1; PRESENT x:1 ada enters");
    configure((Namespace){.name = "x", .has_presence = true});
    ck_journal("");
    configure((Namespace){.name = "x"});
    bus_present(&bus, 1, &leaves);
    bus_present(&bus, 1, &enters);
    ck_journal("NO ROSTER x:1; PRESENT x:1 ada leaves");
    end();
}
END_TEST

START_TEST(without_presence_anywhere_nobody_leaves) {
    static const Namespaces none;
    given_a_bus();
    bus.options.namespaces = &none;
    bus.presence = NULL;
    bus_present(&bus, 1, &(PresenceChange){.channel = "x:1", .n_channel = 3, .user = "ada", .n_user = 3});
    ck_journal("");
    end();
}
END_TEST

START_TEST(the_linger_is_another_for_those_who_leave_from_now_on) {
    static const Namespaces none;
    given_a_channel("x:1");
    ck_assert_int_eq(bus_configure(&bus, &none, 5 * LINGER_MS, SUBSCRIBE_MS), 0);
    unwant(1, "x:1");
    after(LINGER_MS + 200);
    ck_journal("");
    after(4 * LINGER_MS);
    ck_journal("UNSUBSCRIBE x:1");
    end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_live_channel_that_gets_a_history_stays_live_until_it_is_not_subscribed_any_more,
        a_live_channel_that_gets_a_ring_of_this_node_answers_without_one,
        a_channel_with_a_history_goes_on_with_it_when_its_namespace_has_none,
        one_that_only_lingers_is_given_up_so_that_the_next_begins_anew,
        a_shorter_ring_drops_what_is_too_old_with_the_next_message,
        presence_begins_and_ends_at_once_and_who_is_in_may_leave,
        without_presence_anywhere_nobody_leaves,
        the_linger_is_another_for_those_who_leave_from_now_on,
    };
    return run_suite("bus_configure", tests, N_ELEMENTS(tests));
}
