#include "session/slow.h"

#include <stdio.h>
#include <string.h>

#include "failing_memory.h"
#include "fake_node.h"
#include "session/commands.h"
#include "suite.h"

static FakeTransport fake;
static Session *session;

static Namespace namespaces_items[] = {{.name = "ticks", .slow = SLOW_DROP_OLDEST, OPEN_TO_ALL},
                                       {.name = "prices", .slow = SLOW_LATEST, OPEN_TO_ALL}};
static const Namespaces namespaces = {.fallback = {OPEN_TO_ALL}, .items = namespaces_items, .n_items = 2};

static void subscribe(const char *channel) {
    ck_assert_int_eq(command_subscribe(session, channel, strlen(channel), 1), COMMAND_OK);
    node_answer(true);
}

/* Each message is a frame of 10 bytes, of which the outbox takes ten. */
static void begin(void) {
    SessionOptions options = fake_options;
    options.namespaces = &namespaces;
    node_begin(&options);
    session = node_open(&fake);
}

static void block(void) {
    fake.answer = TRANSPORT_BLOCKED;
    node_send(session, "blocked");
    node_turn();
    assert_text(&fake, "blocked");
}

static void unblock(void) {
    fake.answer = TRANSPORT_WRITTEN;
    session_writeable(session);
    node_turn();
}

static void deliver(const char *channel, int number) {
    char text[16];
    snprintf(text, sizeof(text), "%08d", number);
    node_deliver(channel, text);
}

static void assert_numbers(int from, int to) {
    char text[16];
    for (int number = from; number <= to; number++) {
        snprintf(text, sizeof(text), "%08d", number);
        assert_text(&fake, text);
    }
}

static uint64_t count_evicted(SlowPolicy policy) {
    return counter_read(&node.table.counters.evicted_frames[policy]);
}

START_TEST(drop_oldest_keeps_the_newest_and_tells_of_the_gap_once_and_first) {
    begin();
    subscribe("ticks:1");
    block();
    for (int i = 1; i <= 25; i++)
        deliver("ticks:1", i);
    ck_assert_uint_eq(session->outbox.n_frames, 10);
    ck_assert_uint_eq(count_evicted(SLOW_DROP_OLDEST), 15);
    unblock();
    assert_text(&fake, "gap ticks:1");
    ck_assert_int_eq(node.reason, GAP_SLOW);
    assert_numbers(16, 25);
    assert_silence(&fake);
    ck_assert_uint_eq(node.n_gaps, 1);
    node_end();
}
END_TEST

START_TEST(each_channel_that_lost_a_message_is_told_and_no_other) {
    begin();
    subscribe("ticks:1");
    subscribe("ticks:2");
    subscribe("ticks:3");
    block();
    deliver("ticks:1", 1);
    deliver("ticks:2", 2);
    deliver("ticks:3", 3);
    for (int i = 4; i <= 12; i++)
        deliver("ticks:3", i);
    unblock();
    assert_text(&fake, "gap ticks:1");
    assert_text(&fake, "gap ticks:2");
    assert_numbers(3, 12);
    assert_silence(&fake);
    node_end();
}
END_TEST

START_TEST(a_later_loss_is_told_again) {
    begin();
    subscribe("ticks:1");
    for (int round = 0; round < 3; round++) {
        block();
        for (int i = 1; i <= 11; i++)
            deliver("ticks:1", i);
        unblock();
        assert_text(&fake, "gap ticks:1");
        assert_numbers(2, 11);
        assert_silence(&fake);
    }
    node_end();
}
END_TEST

START_TEST(a_burst_within_one_turn_is_thinned_and_told_the_same_way) {
    begin();
    subscribe("ticks:1");
    for (int i = 1; i <= 12; i++)
        deliver("ticks:1", i);
    node_turn();
    assert_text(&fake, "gap ticks:1");
    assert_numbers(3, 12);
    node_end();
}
END_TEST

START_TEST(data_waits_until_the_notices_have_gone) {
    begin();
    subscribe("ticks:1");
    block();
    for (int i = 1; i <= 11; i++)
        deliver("ticks:1", i);
    session_writeable(session); /* it blocks again at once */
    node_turn();
    assert_text(&fake, "gap ticks:1");
    assert_silence(&fake);
    unblock();
    assert_numbers(2, 11);
    node_end();
}
END_TEST

START_TEST(latest_keeps_the_newest_of_each_channel_and_tells_nothing) {
    begin();
    subscribe("prices:1");
    subscribe("prices:2");
    block();
    for (int i = 1; i <= 10; i++)
        deliver(i % 2 ? "prices:1" : "prices:2", i);
    deliver("prices:1", 11);
    ck_assert_uint_eq(count_evicted(SLOW_LATEST), 9);
    ck_assert_uint_eq(count_evicted(SLOW_DROP_OLDEST), 0);
    unblock();
    assert_numbers(10, 11);
    assert_silence(&fake);
    ck_assert_uint_eq(node.n_gaps, 0);
    node_end();
}
END_TEST

START_TEST(latest_that_is_not_enough_goes_on_as_drop_oldest) {
    begin();
    subscribe("prices:1");
    subscribe("ticks:1");
    block();
    for (int i = 1; i <= 10; i++)
        deliver("ticks:1", i);
    deliver("prices:1", 11);
    unblock();
    assert_text(&fake, "gap ticks:1");
    assert_numbers(2, 11);
    node_end();
}
END_TEST

START_TEST(a_latest_channel_that_loses_its_newest_message_is_told) {
    begin();
    subscribe("prices:1");
    subscribe("ticks:1");
    block();
    deliver("prices:1", 1);
    for (int i = 2; i <= 11; i++)
        deliver("ticks:1", i);
    unblock();
    assert_text(&fake, "gap prices:1");
    assert_numbers(2, 11);
    node_end();
}
END_TEST

START_TEST(frames_of_closing_channels_stay_and_may_close_it) {
    begin();
    subscribe("news");
    subscribe("ticks:1");
    block();
    deliver("ticks:1", 1);
    for (int i = 2; i <= 10; i++)
        deliver("news", i);
    deliver("ticks:1", 11);
    ck_assert_int_eq(session->state, READY_STATE_OPEN);
    deliver("news", 12); /* its own policy is to close */
    ck_assert_int_eq(session->state, READY_STATE_CLOSING);
    ck_assert_int_eq(session->cause, CAUSE_SLOW_CONSUMER);
    unblock();
    assert_close(&fake, 1013);
    assert_silence(&fake);
    node_end();
}
END_TEST

START_TEST(when_nothing_may_go_it_is_closed_whatever_the_policy) {
    const char *const channels[] = {"ticks:1", "prices:1"};
    for (size_t c = 0; c < N_ELEMENTS(channels); c++) {
        begin();
        subscribe("news");
        subscribe(channels[c]);
        block();
        for (int i = 1; i <= 10; i++)
            deliver("news", i);
        deliver(channels[c], 11);
        ck_assert_int_eq(session->cause, CAUSE_SLOW_CONSUMER);
        unblock();
        assert_close(&fake, 1013);
        node_end();
    }
}
END_TEST

START_TEST(a_gap_of_the_broker_makes_room_as_its_channel_does) {
    begin();
    subscribe("ticks:1");
    block();
    for (int i = 1; i <= 10; i++)
        deliver("ticks:1", i);
    node_gap("ticks:1");
    ck_assert_int_eq(session->state, READY_STATE_OPEN);
    unblock();
    assert_text(&fake, "gap ticks:1"); /* of what it drove out */
    assert_numbers(3, 10);
    assert_text(&fake, "gap ticks:1");
    assert_silence(&fake);
    node_end();
}
END_TEST

START_TEST(who_has_left_the_channel_is_told_nothing) {
    begin();
    subscribe("ticks:1");
    block();
    for (int i = 1; i <= 11; i++)
        deliver("ticks:1", i);
    command_unsubscribe(session, "ticks:1", 7);
    unblock();
    assert_numbers(2, 11);
    ck_assert_uint_eq(node.n_gaps, 0);
    node_end();
}
END_TEST

START_TEST(a_dialect_without_notices_drops_in_silence) {
    DialectOps silent = fake_dialect;
    silent.gap_frame = NULL;
    begin();
    session->dialect = &silent;
    subscribe("ticks:1");
    block();
    for (int i = 1; i <= 11; i++)
        deliver("ticks:1", i);
    node_gap("ticks:1");
    unblock();
    assert_numbers(2, 11);
    assert_silence(&fake);
    node_end();
}
END_TEST

START_TEST(a_closing_session_sends_its_backlog_without_notices) {
    begin();
    subscribe("ticks:1");
    block();
    for (int i = 1; i <= 11; i++)
        deliver("ticks:1", i);
    session_close(session, CAUSE_SHUTDOWN);
    unblock();
    assert_numbers(2, 11);
    assert_close(&fake, 1012);
    assert_silence(&fake);
    node_end();
}
END_TEST

START_TEST(without_memory_for_the_notice_it_is_closed_with_1011) {
    begin();
    subscribe("ticks:1");
    block();
    for (int i = 1; i <= 11; i++)
        deliver("ticks:1", i);
    memory_fail_at(1);
    unblock();
    assert_numbers(2, 11);
    assert_close(&fake, 1011);
    node_end();
}
END_TEST

START_TEST(a_write_of_notices_that_fails_terminates) {
    begin();
    subscribe("ticks:1");
    for (int i = 1; i <= 11; i++)
        deliver("ticks:1", i);
    fake.answer = TRANSPORT_FAILED;
    node_turn();
    ck_assert_uint_eq(count_terminated(CAUSE_WRITE_FAILED), 1);
    ck_assert_uint_eq(fake.n_terminated, 1);
    node_end();
}
END_TEST

START_TEST(more_notices_than_the_scratch_takes_leave_in_several_writes) {
    enum { N_CHANNELS = 400 };
    SessionOptions options = fake_options;
    options.namespaces = &namespaces;
    options.subscriptions_limit = N_CHANNELS;
    options.outbox_limit_bytes = 40;
    node_begin(&options);
    session = node_open(&fake);
    for (int i = 0; i < N_CHANNELS; i++) {
        char channel[32];
        snprintf(channel, sizeof(channel), "ticks:%d", i);
        ck_assert_int_eq(command_subscribe(session, channel, strlen(channel), 1), COMMAND_OK);
        node_answer(true);
        deliver(channel, i);
    }
    uint8_t scratch[64];
    SlowNotices notices;
    uint32_t n_told = 0;
    while (session->subscriber.n_gaps > 0) {
        ck_assert_int_eq(slow_gather_notices(session, scratch, sizeof(scratch), &notices), 0);
        ck_assert_uint_gt(notices.n_frames, 0);
        ck_assert_uint_le(notices.n_bytes, sizeof(scratch));
        n_told += notices.n_frames;
    }
    ck_assert_uint_eq(n_told, N_CHANNELS - 4);
    node_end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        drop_oldest_keeps_the_newest_and_tells_of_the_gap_once_and_first,
        each_channel_that_lost_a_message_is_told_and_no_other,
        a_later_loss_is_told_again,
        a_burst_within_one_turn_is_thinned_and_told_the_same_way,
        data_waits_until_the_notices_have_gone,
        latest_keeps_the_newest_of_each_channel_and_tells_nothing,
        latest_that_is_not_enough_goes_on_as_drop_oldest,
        a_latest_channel_that_loses_its_newest_message_is_told,
        frames_of_closing_channels_stay_and_may_close_it,
        when_nothing_may_go_it_is_closed_whatever_the_policy,
        a_gap_of_the_broker_makes_room_as_its_channel_does,
        who_has_left_the_channel_is_told_nothing,
        a_dialect_without_notices_drops_in_silence,
        a_closing_session_sends_its_backlog_without_notices,
        without_memory_for_the_notice_it_is_closed_with_1011,
        a_write_of_notices_that_fails_terminates,
        more_notices_than_the_scratch_takes_leave_in_several_writes,
    };
    return run_suite("slow", tests, N_ELEMENTS(tests));
}
