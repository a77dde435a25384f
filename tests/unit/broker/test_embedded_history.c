#include "broker/embedded_history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "failing_memory.h"
#include "suite.h"

enum { START_US = 1000000, PLENTY = 1 << 20 };

static EmbeddedHistory history;
static HistoryAppend next; /* what the next publish says, besides channel and payload */
static char text[2048];

static void given_a_history(size_t n_bytes_limit) {
    embedded_history_init(&history, START_US, n_bytes_limit);
    next = (HistoryAppend){.n_messages = 100, .age_ms = 10000, .id_age_ms = 1000};
}

static void finish(void) {
    embedded_history_finish(&history);
    ck_assert_uint_eq(history.n_bytes, 0);
}

static int append(const char *channel, const char *payload, Position *position) {
    HistoryAppend all = next;
    all.channel = channel;
    all.n_channel = strlen(channel);
    all.payload = payload;
    all.n_payload = strlen(payload);
    all.n_id = next.id ? strlen(next.id) : 0;
    return embedded_history_append(&history, &all, position);
}

/* "1000000-1", or "again 1000000-1" of a duplicate. */
static const char *publish(const char *channel, const char *payload) {
    Position position;
    int r = append(channel, payload, &position);
    ck_assert_int_ge(r, 0);
    snprintf(text, sizeof text, "%s%" PRIu64 "-%" PRIu64, r == HISTORY_DUPLICATE ? "again " : "", position.epoch, position.seq);
    return text;
}

static void publish_many(const char *channel, int n) {
    char payload[16];
    for (int i = 1; i <= n; i++) {
        snprintf(payload, sizeof payload, "m%d", i);
        publish(channel, payload);
    }
}

static const char *show(const HistoryReply *reply) {
    size_t n = (size_t)snprintf(text, sizeof text, "%s %" PRIu64 "-%" PRIu64 "%s:", reply->is_recovered ? "yes" : "no",
                                reply->position.epoch, reply->position.seq, reply->has_more ? " more" : "");
    for (uint32_t i = 0; i < reply->n_messages; i++) {
        const Message *message = reply->messages[i];
        n += (size_t)snprintf(text + n, sizeof text - n, " %" PRIu64 "=%.*s", message->position.seq, (int)message->n_payload,
                              message_payload(message));
    }
    return text;
}

static const char *ask(const char *channel, HistoryQuery query) {
    HistoryReply *reply;
    ck_assert_int_eq(embedded_history_read(&reply, &history, channel, strlen(channel), &query), 0);
    show(reply);
    history_reply_unref(reply);
    return text;
}

static const char *resume(uint64_t epoch, uint64_t seq, uint32_t limit) {
    return ask("c", (HistoryQuery){.since = {epoch, seq}, .limit = limit, .order = HISTORY_RESUME});
}

static const char *page(HistoryOrder order, uint64_t since_seq, uint32_t limit) {
    Position since = {.epoch = since_seq ? START_US : 0, .seq = since_seq};
    return ask("c", (HistoryQuery){.since = since, .limit = limit, .order = order});
}

START_TEST(numbers_are_dense_from_1_and_an_epoch_is_the_time_at_which_it_began) {
    given_a_history(PLENTY);
    ck_assert_str_eq(publish("c", "one"), "1000000-1");
    embedded_history_tick(&history, 500);
    ck_assert_str_eq(publish("c", "two"), "1000000-2");
    ck_assert_str_eq(publish("d", "one"), "1500000-1");
    ck_assert_str_eq(publish("e", "one"), "1500001-1"); /* no two are alike */
    ck_assert_str_eq(page(HISTORY_FORWARD, 0, 10), "yes 1000000-2: 1=one 2=two");
    finish();
}
END_TEST

START_TEST(size_keeps_exactly_so_many) {
    given_a_history(PLENTY);
    next.n_messages = 3;
    publish_many("c", 30);
    ck_assert_str_eq(page(HISTORY_FORWARD, 0, 10), "yes 1000000-30: 28=m28 29=m29 30=m30");
    next.n_messages = 1;
    publish("c", "last");
    ck_assert_str_eq(page(HISTORY_FORWARD, 0, 10), "yes 1000000-31: 31=last");
    finish();
}
END_TEST

START_TEST(messages_over_the_age_go_with_the_next_publishes_a_few_at_a_time) {
    given_a_history(PLENTY);
    publish_many("c", 20);
    embedded_history_tick(&history, 6000);
    publish("c", "young");
    embedded_history_tick(&history, 10001);
    publish("c", "new");
    ck_assert_str_eq(page(HISTORY_FORWARD, 0, 10), "yes 1000000-22: 17=m17 18=m18 19=m19 20=m20 21=young 22=new");
    publish("c", "newer");
    ck_assert_str_eq(page(HISTORY_FORWARD, 0, 10), "yes 1000000-23: 21=young 22=new 23=newer");
    finish();
}
END_TEST

START_TEST(a_history_that_nobody_publishes_to_for_its_age_ends_and_the_next_epoch_is_later) {
    given_a_history(PLENTY);
    publish("c", "one");
    for (uint64_t now_ms = 100; now_ms <= 9900; now_ms += 100)
        embedded_history_tick(&history, now_ms);
    ck_assert_str_eq(resume(START_US, 1, 10), "yes 1000000-1:");
    embedded_history_tick(&history, 10100);
    embedded_history_tick(&history, 10200);
    ck_assert_str_eq(resume(START_US, 1, 10), "no 0-0:");
    ck_assert_uint_eq(history.n_bytes, 0);
    ck_assert_str_eq(publish("c", "two"), "11200000-1");
    ck_assert_str_eq(resume(START_US, 1, 10), "no 11200000-1:");
    finish();
}
END_TEST

START_TEST(an_id_that_is_known_gives_the_first_place_again) {
    given_a_history(PLENTY);
    next.id = "order-1";
    ck_assert_str_eq(publish("c", "once"), "1000000-1");
    ck_assert_str_eq(publish("c", "twice"), "again 1000000-1");
    ck_assert_str_eq(publish("d", "elsewhere"), "1000001-1");
    next.id = "order-2";
    ck_assert_str_eq(publish("c", "next"), "1000000-2");
    ck_assert_str_eq(page(HISTORY_FORWARD, 0, 10), "yes 1000000-2: 1=once 2=next");
    embedded_history_tick(&history, 1200);
    next.id = "order-1";
    ck_assert_str_eq(publish("c", "anew"), "1000000-3");
    finish();
}
END_TEST

START_TEST(an_id_may_outlive_the_history) {
    given_a_history(PLENTY);
    next.id = "x";
    next.age_ms = 1000;
    next.id_age_ms = 5000;
    publish("c", "once");
    embedded_history_tick(&history, 1200);
    ck_assert_str_eq(page(HISTORY_FORWARD, 0, 10), "yes 0-0:");
    ck_assert_str_eq(publish("c", "again"), "again 1000000-1");
    embedded_history_tick(&history, 5200);
    ck_assert_uint_eq(history.n_bytes, 0);
    finish();
}
END_TEST

START_TEST(resume_gives_all_that_follows_or_nothing) {
    given_a_history(PLENTY);
    next.n_messages = 5;
    publish_many("c", 10);
    ck_assert_str_eq(resume(START_US, 8, 10), "yes 1000000-10: 9=m9 10=m10");
    ck_assert_str_eq(resume(START_US, 5, 5), "yes 1000000-10: 6=m6 7=m7 8=m8 9=m9 10=m10");
    ck_assert_str_eq(resume(START_US, 10, 0), "yes 1000000-10:");
    ck_assert_str_eq(resume(START_US, 4, 10), "no 1000000-10:");     /* trimmed */
    ck_assert_str_eq(resume(START_US, 5, 4), "no 1000000-10:");      /* more than the limit */
    ck_assert_str_eq(resume(START_US, 11, 10), "no 1000000-10:");    /* from the future */
    ck_assert_str_eq(resume(START_US - 1, 8, 10), "no 1000000-10:"); /* of another epoch */
    ck_assert_str_eq(resume(0, 0, 10), "no 1000000-10:");
    HistoryQuery query = {.since = {START_US, 7}, .limit = 10, .limit_bytes = 6, .order = HISTORY_RESUME};
    ck_assert_str_eq(ask("c", query), "no 1000000-10:"); /* m8 m9 m10 are seven bytes */
    query.limit_bytes = 7;
    ck_assert_str_eq(ask("c", query), "yes 1000000-10: 8=m8 9=m9 10=m10");
    ck_assert_str_eq(ask("none", query), "no 0-0:");
    finish();
}
END_TEST

START_TEST(forward_is_oldest_first_behind_since_or_the_newest) {
    given_a_history(PLENTY);
    next.n_messages = 5;
    publish_many("c", 9);
    ck_assert_str_eq(page(HISTORY_FORWARD, 0, 2), "yes 1000000-9 more: 8=m8 9=m9");
    ck_assert_str_eq(page(HISTORY_FORWARD, 5, 2), "yes 1000000-9 more: 6=m6 7=m7");
    ck_assert_str_eq(page(HISTORY_FORWARD, 7, 2), "yes 1000000-9: 8=m8 9=m9");
    ck_assert_str_eq(page(HISTORY_FORWARD, 9, 2), "yes 1000000-9:");
    ck_assert_str_eq(page(HISTORY_FORWARD, 3, 2), "no 1000000-9:");
    ck_assert_str_eq(page(HISTORY_FORWARD, 10, 2), "no 1000000-9:");
    ck_assert_str_eq(ask("c", (HistoryQuery){.limit = 9, .limit_bytes = 5, .order = HISTORY_FORWARD}),
                     "yes 1000000-9 more: 8=m8 9=m9");
    ck_assert_str_eq(ask("none", (HistoryQuery){.limit = 9, .order = HISTORY_FORWARD}), "yes 0-0:");
    finish();
}
END_TEST

START_TEST(reverse_is_newest_first_down_to_since) {
    given_a_history(PLENTY);
    next.n_messages = 5;
    publish_many("c", 9);
    ck_assert_str_eq(page(HISTORY_REVERSE, 0, 2), "yes 1000000-9 more: 9=m9 8=m8");
    ck_assert_str_eq(page(HISTORY_REVERSE, 0, 9), "yes 1000000-9: 9=m9 8=m8 7=m7 6=m6 5=m5");
    ck_assert_str_eq(page(HISTORY_REVERSE, 7, 9), "yes 1000000-9: 9=m9 8=m8");
    ck_assert_str_eq(page(HISTORY_REVERSE, 6, 2), "yes 1000000-9 more: 9=m9 8=m8");
    ck_assert_str_eq(page(HISTORY_REVERSE, 3, 2), "no 1000000-9:");
    finish();
}
END_TEST

START_TEST(with_limit_0_the_head_is_told_and_whether_since_holds) {
    given_a_history(PLENTY);
    publish_many("c", 3);
    ck_assert_str_eq(page(HISTORY_FORWARD, 0, 0), "yes 1000000-3 more:");
    ck_assert_str_eq(page(HISTORY_FORWARD, 2, 0), "yes 1000000-3 more:");
    ck_assert_str_eq(page(HISTORY_FORWARD, 4, 0), "no 1000000-3:");
    ck_assert_str_eq(resume(START_US, 3, 0), "yes 1000000-3:");
    ck_assert_str_eq(resume(START_US, 2, 0), "no 1000000-3:");
    finish();
}
END_TEST

START_TEST(over_the_bytes_the_channels_published_to_longest_ago_are_forgotten_first) {
    given_a_history(4600);
    char payload[1001] = "";
    memset(payload, 'x', 1000);
    publish("a", payload);
    publish("b", payload);
    publish("a", "again");
    publish("c", payload);
    publish("d", "small");
    ck_assert_uint_le(history.n_bytes, 4600);
    ck_assert_str_eq(ask("b", (HistoryQuery){.limit = 0, .order = HISTORY_FORWARD}), "yes 1000001-1 more:");
    publish("d", payload);
    ck_assert_uint_le(history.n_bytes, 4600);
    ck_assert_str_eq(ask("b", (HistoryQuery){.limit = 0, .order = HISTORY_FORWARD}), "yes 0-0:");
    ck_assert_str_eq(ask("a", (HistoryQuery){.limit = 0, .order = HISTORY_FORWARD}), "yes 1000000-2 more:");
    finish();
}
END_TEST

START_TEST(one_channel_over_the_bytes_loses_its_own_oldest_but_never_the_newest) {
    given_a_history(3000);
    char payload[1001] = "";
    memset(payload, 'x', 1000);
    for (int i = 0; i < 10; i++)
        publish("c", payload);
    ck_assert_uint_le(history.n_bytes, 3000);
    ck_assert_str_eq(resume(START_US, 10, 10), "yes 1000000-10:");
    char large[5001] = "";
    memset(large, 'y', 5000);
    next.id = "a";
    publish("c", large);
    next.id = "b";
    publish("c", large);
    ck_assert_str_eq(page(HISTORY_FORWARD, 0, 0), "yes 1000000-12 more:");
    ck_assert_str_eq(resume(START_US, 11, 0), "no 1000000-12:");
    ck_assert_str_eq(publish("c", "of b"), "again 1000000-12");
    next.id = "a";
    ck_assert_str_eq(publish("c", "of a"), "1000000-13"); /* forgotten */
    finish();
}
END_TEST

START_TEST(a_name_that_is_no_channels_is_refused) {
    given_a_history(PLENTY);
    char name[CHANNEL_NAME_MAX + 2] = "";
    Position position;
    memset(name, 'x', CHANNEL_NAME_MAX + 1);
    ck_assert_int_eq(append(name, "hi", &position), -EINVAL);
    ck_assert_uint_eq(history.channels.n_nodes, 0);
    finish();
}
END_TEST

START_TEST(without_memory_nothing_has_changed) {
    given_a_history(PLENTY);
    for (unsigned k = 1;; k++) {
        Position position;
        size_t n_bytes = history.n_bytes;
        next.id = "x";
        memory_fail_at(k);
        int r = append("c", "hi", &position);
        bool has_failed = memory_has_failed();
        memory_fail_at(0);
        if (!has_failed)
            break;
        ck_assert_int_eq(r, -ENOMEM);
        ck_assert_uint_eq(history.n_bytes, n_bytes);
        ck_assert_uint_eq(history.channels.n_nodes, 0);
    }
    ck_assert_str_eq(page(HISTORY_FORWARD, 0, 10), "yes 1000000-1: 1=hi");
    HistoryReply *reply = NULL;
    memory_fail_at(1);
    ck_assert_int_eq(embedded_history_read(&reply, &history, "c", 1, &(HistoryQuery){.limit = 1}), -ENOMEM);
    memory_fail_at(0);
    finish();
}
END_TEST

START_TEST(a_message_lives_on_in_an_answer_after_it_was_trimmed) {
    given_a_history(PLENTY);
    next.n_messages = 1;
    publish("c", "old");
    HistoryReply *reply;
    const HistoryQuery query = {.limit = 1, .order = HISTORY_FORWARD};
    ck_assert_int_eq(embedded_history_read(&reply, &history, "c", 1, &query), 0);
    publish("c", "new");
    ck_assert_str_eq(show(reply), "yes 1000000-1: 1=old");
    history_reply_unref(reply);
    finish();
}
END_TEST

START_TEST(whatever_is_kept_the_numbers_agree_with_a_simple_count) {
    given_a_history(PLENTY);
    uint64_t newest = 0, n_kept = 0;
    unsigned chance = 7;
    for (int i = 0; i < 3000; i++) {
        chance = chance * 1103515245 + 12345;
        next.n_messages = 1 + (chance >> 16) % 40;
        publish("c", "m");
        newest++;
        n_kept = n_kept + 1 < next.n_messages ? n_kept + 1 : next.n_messages;
        HistoryReply *reply;
        const HistoryQuery query = {.since = {START_US, newest - n_kept}, .limit = 100, .order = HISTORY_RESUME};
        ck_assert_int_eq(embedded_history_read(&reply, &history, "c", 1, &query), 0);
        ck_assert(reply->is_recovered);
        ck_assert_uint_eq(reply->n_messages, n_kept);
        for (uint32_t j = 0; j < reply->n_messages; j++)
            ck_assert_uint_eq(reply->messages[j]->position.seq, newest - n_kept + 1 + j);
        history_reply_unref(reply);
    }
    finish();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        numbers_are_dense_from_1_and_an_epoch_is_the_time_at_which_it_began,
        size_keeps_exactly_so_many,
        messages_over_the_age_go_with_the_next_publishes_a_few_at_a_time,
        a_history_that_nobody_publishes_to_for_its_age_ends_and_the_next_epoch_is_later,
        an_id_that_is_known_gives_the_first_place_again,
        an_id_may_outlive_the_history,
        resume_gives_all_that_follows_or_nothing,
        forward_is_oldest_first_behind_since_or_the_newest,
        reverse_is_newest_first_down_to_since,
        with_limit_0_the_head_is_told_and_whether_since_holds,
        over_the_bytes_the_channels_published_to_longest_ago_are_forgotten_first,
        one_channel_over_the_bytes_loses_its_own_oldest_but_never_the_newest,
        a_name_that_is_no_channels_is_refused,
        without_memory_nothing_has_changed,
        a_message_lives_on_in_an_answer_after_it_was_trimmed,
        whatever_is_kept_the_numbers_agree_with_a_simple_count,
    };
    return run_suite("embedded_history", tests, N_ELEMENTS(tests));
}
