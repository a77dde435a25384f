#include "broker/bus.h"

#include <string.h>

#include "broker/interest.h"
#include "failing_memory.h"
#include "fake_backend.h"
#include "journal.h"
#include "suite.h"

static uint64_t epoch_now(void) {
    return interest_position(interest_find(&bus, "l:1", 3)).epoch;
}

/* LOCAL_LIMIT are kept. */
static void given_a_channel_of_worker_1_with(const char *letters) {
    given_a_bus_that_is_up();
    want(1, "l:1", 7);
    subscribed("l:1");
    for (; *letters; letters++)
        message("l:1", (char[]){*letters, '\0'});
    journal_clear();
}

START_TEST(the_node_gives_numbers_of_its_own) {
    given_a_bus_that_is_up();
    want(1, "l:1", 7);
    subscribed("l:1");
    ck_journal("SUBSCRIBE l:1; granted 1 l:1 #7 @local-0");
    message("l:1", "a");
    numbered("l:1", 5, 9);
    ck_journal("deliver 1 l:1=a @local-1; deliver 1 l:1=i @local-2");
    want(2, "l:1", 8);
    ck_journal("granted 2 l:1 #8 @local-2");
    finish_bus();
}
END_TEST

START_TEST(a_resume_is_answered_from_the_ring_at_once) {
    given_a_channel_of_worker_1_with("abcdef");
    resume(1, "l:1", epoch_now(), 6, 1);
    resume(1, "l:1", epoch_now(), 4, 2);
    resume(1, "l:1", epoch_now(), 2, 3);
    ck_journal("history 1 recovered @local-6:; history 2 recovered @local-6: e f; history 3 recovered @local-6: c d e f");
    finish_bus();
}
END_TEST

START_TEST(anything_doubtful_is_not_recovered) {
    given_a_channel_of_worker_1_with("abcdef");
    resume(1, "l:1", epoch_now(), 1, 1); /* no longer kept */
    resume(1, "l:1", epoch_now(), 7, 2); /* yet to come */
    resume(1, "l:1", epoch_now() ^ 1, 5, 3);
    resume(1, "l:1", 0, 0, 4);
    resume(2, "l:1", epoch_now(), 5, 5); /* of a worker that does not want it */
    ck_journal("history 1 not recovered @local-6:; history 2 not recovered @local-6:; history 3 not recovered @local-6:; "
               "history 4 not recovered @local-6:; history 5 not recovered:");
    finish_bus();
}
END_TEST

START_TEST(a_resume_over_its_limits_is_not_recovered) {
    given_a_channel_of_worker_1_with("abcdef");
    HistoryQuery query = {.since = {epoch_now(), 3}, .limit = 2, .order = HISTORY_RESUME};
    bus_read(&bus, "l:1", 3, &query, &(BrokerReturn){.worker = 1, .request_id = 1});
    query.limit = 3;
    bus_read(&bus, "l:1", 3, &query, &(BrokerReturn){.worker = 1, .request_id = 2});
    query.limit_bytes = 2;
    bus_read(&bus, "l:1", 3, &query, &(BrokerReturn){.worker = 1, .request_id = 3});
    ck_journal("history 1 not recovered @local-6:; history 2 recovered @local-6: d e f; history 3 not recovered @local-6:");
    finish_bus();
}
END_TEST

START_TEST(a_history_is_read_from_the_ring_forwards_and_backwards) {
    given_a_channel_of_worker_1_with("abcdef");
    Position since = {epoch_now(), 3};
    history("l:1", (HistoryQuery){.limit = 3, .order = HISTORY_FORWARD}, 1);
    history("l:1", (HistoryQuery){.limit = 3, .order = HISTORY_REVERSE}, 2);
    history("l:1", (HistoryQuery){.limit = 9, .order = HISTORY_REVERSE}, 3);
    ck_journal("history 1 recovered @local-6 more: d e f; history 2 recovered @local-6 more: f e d; "
               "history 3 recovered @local-6: f e d c");
    history("l:1", (HistoryQuery){.since = since, .limit = 2, .order = HISTORY_FORWARD}, 1);
    history("l:1", (HistoryQuery){.since = since, .limit = 2, .order = HISTORY_REVERSE}, 2);
    history("l:1", (HistoryQuery){.since = since, .limit = 9, .order = HISTORY_REVERSE}, 3);
    history("l:1", (HistoryQuery){.since = since, .limit = 9, .limit_bytes = 2, .order = HISTORY_FORWARD}, 4);
    ck_journal("history 1 recovered @local-6 more: d e; history 2 recovered @local-6 more: f e; "
               "history 3 recovered @local-6: f e d; history 4 recovered @local-6 more: d e");
    history("l:1", (HistoryQuery){.since = {since.epoch, 1}, .limit = 9, .order = HISTORY_FORWARD}, 1);
    history("l:1", (HistoryQuery){.limit = 0, .order = HISTORY_FORWARD}, 2);
    history("l:none", (HistoryQuery){.limit = 9, .order = HISTORY_FORWARD}, 3);
    history("l:none", (HistoryQuery){.since = since, .limit = 9, .order = HISTORY_FORWARD}, 4);
    ck_journal("history 1 not recovered @local-6:; history 2 recovered @local-6 more:; history 3 recovered:; "
               "history 4 not recovered:");
    finish_bus();
}
END_TEST

START_TEST(the_ring_goes_on_while_the_channel_lingers_which_is_longer_here) {
    given_a_channel_of_worker_1_with("ab");
    uint64_t epoch = epoch_now();
    unwant(1, "l:1");
    message("l:1", "c");
    after(LOCAL_LINGER_MS - 100);
    want(1, "l:1", 8);
    resume(1, "l:1", epoch, 1, 1);
    ck_journal("granted 1 l:1 #8 @local-3; history 1 recovered @local-3: b c");
    unwant(1, "l:1");
    after(LOCAL_LINGER_MS);
    ck_journal("UNSUBSCRIBE l:1");
    want(1, "l:1", 9);
    resume(1, "l:1", epoch, 3, 2);
    subscribed("l:1");
    ck_journal("SUBSCRIBE l:1; granted 1 l:1 #9 @local-0; history 2 not recovered @local-0:");
    finish_bus();
}
END_TEST

START_TEST(after_an_outage_the_numbers_begin_anew) {
    given_a_channel_of_worker_1_with("ab");
    uint64_t epoch = epoch_now();
    down();
    history("l:1", (HistoryQuery){.limit = 9, .order = HISTORY_FORWARD}, 1);
    resume(1, "l:1", epoch, 1, 2);
    up();
    ck_journal("link down; history 1 recovered @local-0:; SUBSCRIBE l:1; link up");
    subscribed("l:1");
    ck_journal("gap 1 l:1 @local-0; history 2 not recovered @local-0:");
    ck_assert_uint_ne(epoch_now(), epoch);
    message("l:1", "c");
    ck_journal("deliver 1 l:1=c @local-1");
    finish_bus();
}
END_TEST

START_TEST(a_message_without_memory_for_it_is_a_gap_and_the_numbers_begin_anew) {
    given_a_channel_of_worker_1_with("ab");
    uint64_t epoch = epoch_now();
    memory_fail_at(1);
    message("l:1", "lost");
    memory_fail_at(0);
    resume(1, "l:1", epoch, 1, 1);
    ck_journal("gap 1 l:1 @local-0; history 1 not recovered @local-0:");
    finish_bus();
}
END_TEST

START_TEST(without_memory_to_keep_a_message_it_is_delivered_and_the_ring_is_shorter) {
    given_a_channel_of_worker_1_with("");
    memory_fail_at(2);
    message("l:1", "a");
    memory_fail_at(0);
    resume(1, "l:1", epoch_now(), 0, 1);
    resume(1, "l:1", epoch_now(), 1, 2);
    ck_journal("deliver 1 l:1=a @local-1; history 1 not recovered @local-1:; history 2 recovered @local-1:");
    memory_fail_at(1);
    resume(1, "l:1", epoch_now(), 1, 3);
    memory_fail_at(2);
    resume(1, "l:1", epoch_now(), 1, 4);
    memory_fail_at(1);
    history("l:1", (HistoryQuery){.limit = 9, .order = HISTORY_FORWARD}, 5);
    memory_fail_at(0);
    ck_journal("history 3 overloaded; history 4 overloaded; history 5 overloaded");
    finish_bus();
}
END_TEST

START_TEST(a_ring_keeps_its_order_when_it_grows_and_goes_round) {
    Ring ring = {0};
    Message *message;
    uint64_t first = 1, next = 1;
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(message_new(&message, "l:1", 3, "payload", 7), 0);
        message->position.seq = next++;
        ck_assert_int_eq(ring_push(&ring, message), 0);
        message_unref(message);
        if (i % 3 == 2) {
            ring_drop(&ring, 1);
            first++;
        }
        ck_assert_uint_eq(ring.n, next - first);
        ck_assert_uint_eq(ring.n_bytes, ring.n * ring_cost(ring_at(&ring, 0)));
        ck_assert_uint_eq(ring_at(&ring, 0)->position.seq, first);
        ck_assert_uint_eq(ring_at(&ring, ring.n - 1)->position.seq, next - 1);
    }
    uint32_t n_dropped = ring_make_room(&ring, 1, ring.n_bytes / 2);
    ck_assert_uint_gt(n_dropped, 0);
    ck_assert_uint_eq(ring_at(&ring, 0)->position.seq, first + n_dropped);
    ring_make_room(&ring, 100, 10);
    ck_assert_uint_eq(ring.n, 0);
    ring_finish(&ring);
}
END_TEST

START_TEST(a_ring_without_memory_to_grow_stays_as_it_is) {
    Ring ring = {0};
    Message *message;
    ck_assert_int_eq(message_new(&message, "l:1", 3, "payload", 7), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(ring_push(&ring, message), 0);
    memory_fail_at(1);
    int r = ring_push(&ring, message);
    memory_fail_at(0);
    ck_assert_int_lt(r, 0);
    ck_assert_uint_eq(ring.n, 4);
    ring_finish(&ring);
    message_unref(message);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        the_node_gives_numbers_of_its_own,
        a_resume_is_answered_from_the_ring_at_once,
        anything_doubtful_is_not_recovered,
        a_resume_over_its_limits_is_not_recovered,
        a_history_is_read_from_the_ring_forwards_and_backwards,
        the_ring_goes_on_while_the_channel_lingers_which_is_longer_here,
        after_an_outage_the_numbers_begin_anew,
        a_message_without_memory_for_it_is_a_gap_and_the_numbers_begin_anew,
        without_memory_to_keep_a_message_it_is_delivered_and_the_ring_is_shorter,
        a_ring_keeps_its_order_when_it_grows_and_goes_round,
        a_ring_without_memory_to_grow_stays_as_it_is,
    };
    return run_suite("bus_local", tests, N_ELEMENTS(tests));
}
