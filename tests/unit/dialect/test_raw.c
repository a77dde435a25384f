#include <string.h>

#include "../base/suite.h"
#include "dialect/dialect.h"
#include "fake_session.h"

static FakeSession *start(void) {
    static FakeSession fake;
    fake_session_init(&fake, &dialect_raw);
    return &fake;
}

static void end(FakeSession *fake, const char *expected) {
    ck_assert_str_eq(fake_session_lines(fake), expected);
    fake_session_finish(fake);
}

static void expect_frame(const char *payload, size_t n_payload, FrameOpcode opcode) {
    Message *message;
    Frame *frame;
    ck_assert_int_eq(message_new(&message, "a", 1, payload, n_payload), 0);
    ck_assert_int_eq(dialect_raw.encoder.encode(&frame, message), 0);
    ck_assert_uint_eq(frame->n_bytes, n_payload + 2);
    ck_assert_uint_eq(frame->bytes[0], 0x80 | opcode);
    ck_assert_uint_eq(frame->bytes[1], n_payload);
    ck_assert_mem_eq(frame->bytes + 2, payload, n_payload);
    frame_unref(frame);
    message_unref(message);
}

START_TEST(valid_utf8_leaves_as_text) {
    expect_frame("hi \xc3\xa4", 5, FRAME_TEXT);
    expect_frame("", 0, FRAME_TEXT);
    expect_frame("a\0b", 3, FRAME_TEXT);
}
END_TEST

START_TEST(other_bytes_leave_as_binary) {
    expect_frame("\xff\xfe", 2, FRAME_BINARY);
    expect_frame("cut \xc3", 5, FRAME_BINARY);
}
END_TEST

START_TEST(every_channel_of_the_request_is_subscribed) {
    FakeSession *fake = start();
    dialect_raw.opened(&fake->session, "a\0b:1\0", 6);
    end(fake, "subscribe a id 0\nsubscribe b:1 id 0\n");
}
END_TEST

START_TEST(a_forbidden_subscribe_closes_and_stops) {
    FakeSession *fake = start();
    fake->command_result = COMMAND_FORBIDDEN;
    dialect_raw.opened(&fake->session, "a\0b", 4);
    end(fake, "subscribe a id 0\nclose forbidden 1008 this connection may not subscribe\n");
}
END_TEST

START_TEST(too_many_subscriptions_close) {
    FakeSession *fake = start();
    fake->command_result = COMMAND_LIMIT;
    dialect_raw.opened(&fake->session, "a", 2);
    end(fake, "subscribe a id 0\nclose forbidden 1008 too many subscriptions\n");
}
END_TEST

START_TEST(a_refused_subscribe_closes) {
    FakeSession *fake = start();
    dialect_raw.subscribe_refused(&fake->session, "a", 0, BROKER_REFUSED);
    end(fake, "close broker 1013 the broker refused the subscription\n");
}
END_TEST

START_TEST(one_that_came_too_early_closes_with_another_reason) {
    FakeSession *fake = start();
    dialect_raw.subscribe_refused(&fake->session, "a", 0, BROKER_UNAVAILABLE);
    end(fake, "close broker 1013 not subscribed: the broker cannot be reached, try again later\n");
}
END_TEST

START_TEST(who_came_or_went_has_no_frame) {
    Message *message;
    Frame *frame;
    ck_assert_int_eq(message_new(&message, "a", 1, "{}", 2), 0);
    for (MessageKind kind = MESSAGE_JOIN; kind <= MESSAGE_LEAVE; kind++) {
        message->kind = kind;
        ck_assert_int_eq(dialect_raw.encoder.encode(&frame, message), 0);
        ck_assert_ptr_null(frame);
    }
    message_unref(message);
}
END_TEST

START_TEST(an_acknowledged_subscribe_says_nothing) {
    FakeSession *fake = start();
    dialect_raw.subscribed(&fake->session, "a", 0, (Position){5, 70});
    end(fake, "");
}
END_TEST

START_TEST(what_a_client_sends_is_published_to_its_one_channel) {
    FakeSession *fake = start();
    fake_session_join(fake, "chat:1", CHANNEL_ACTIVE, 0);
    fake_session_receive(fake, "hello", 5, false);
    fake_session_receive(fake, "\xff\0", 2, true);
    fake_session_receive(fake, "", 0, false);
    end(fake, "publish chat:1 id 0\npayload hello\npublish chat:1 id 0\npayload base64 /wA=\npublish chat:1 id 0\npayload \n");
}
END_TEST

START_TEST(publishing_with_two_channels_closes) {
    FakeSession *fake = start();
    fake_session_join(fake, "a", CHANNEL_ACTIVE, 0);
    fake_session_join(fake, "b", CHANNEL_ACTIVE, 0);
    fake_session_receive(fake, "hello", 5, false);
    end(fake, "close forbidden 1008 publishing needs a connection to one channel alone\n");
}
END_TEST

START_TEST(publishing_with_no_channel_closes) {
    FakeSession *fake = start();
    fake_session_receive(fake, "hello", 5, false);
    end(fake, "close forbidden 1008 publishing needs a connection to one channel alone\n");
}
END_TEST

static void expect_after_publish(CommandResult result, const char *expected) {
    FakeSession *fake = start();
    fake->command_result = result;
    fake_session_join(fake, "a", CHANNEL_ACTIVE, 0);
    fake_session_receive(fake, "x", 1, false);
    static const char published[] = "publish a id 0\npayload x\n";
    ck_assert_int_eq(strncmp(fake_session_lines(fake), published, strlen(published)), 0);
    ck_assert_str_eq(fake_session_lines(fake) + strlen(published), expected);
    fake_session_finish(fake);
}

START_TEST(a_publish_that_is_not_taken_closes_with_its_reason) {
    expect_after_publish(COMMAND_OK, "");
    expect_after_publish(COMMAND_FORBIDDEN, "close forbidden 1008 this connection may not publish\n");
    expect_after_publish(COMMAND_BAD_CHANNEL, "close forbidden 1008 bad channel name\n");
    expect_after_publish(COMMAND_LIMIT, "close message_too_big 0 \n");
    expect_after_publish(COMMAND_OVERLOADED, "close broker 1013 overloaded, try again later\n");
    expect_after_publish(COMMAND_NO_MEMORY, "close out_of_memory 0 \n");
}
END_TEST

START_TEST(a_publish_that_fails_later_closes_with_its_reason) {
    static const char *const expected[] = {
        [BROKER_OK] = "",
        [BROKER_UNAVAILABLE] = "close broker 1013 message lost: the broker cannot be reached\n",
        [BROKER_OVERLOADED] = "close broker 1013 message lost: overloaded, try again later\n",
        [BROKER_REFUSED] = "close broker 1013 message lost: the broker refused it\n",
    };
    for (size_t i = 0; i < N_ELEMENTS(expected); i++) {
        FakeSession *fake = start();
        dialect_raw.published(&fake->session, 0, (BrokerResult)i, (Position){5, 70});
        end(fake, expected[i]);
    }
}
END_TEST

static Subscription *last_of(FakeSession *fake) {
    return container_of(fake->session.subscriber.subscriptions.prev, Subscription, link);
}

START_TEST(a_channel_that_the_backend_gave_is_not_published_to) {
    FakeSession *fake = start();
    fake_session_join(fake, "a", CHANNEL_ACTIVE, 0);
    fake_session_join(fake, "given", CHANNEL_ACTIVE, 0);
    last_of(fake)->is_given = true;
    dialect_raw.given(&fake->session, "given", (Position){5, 70});
    fake_session_receive(fake, "hello", 5, false);
    end(fake, "publish a id 0\npayload hello\n");
}
END_TEST

START_TEST(who_has_lost_its_last_channel_is_closed_with_what_the_backend_says) {
    FakeSession *fake = start();
    fake_session_join(fake, "a", CHANNEL_ACTIVE, 0);
    dialect_raw.unsubscribed(&fake->session, "b", 0, 4404, "gone");
    ck_assert_str_eq(fake_session_lines(fake), "");
    Channel *channel = last_of(fake)->channel;
    subscription_free(last_of(fake));
    channel_free(channel);
    dialect_raw.unsubscribed(&fake->session, "a", 0, 4404, "gone");
    end(fake, "close disconnected 4404 gone\n");
}
END_TEST

START_TEST(there_is_no_notice_of_a_gap) {
    ck_assert(!dialect_raw.gap_frame);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        valid_utf8_leaves_as_text,
        other_bytes_leave_as_binary,
        every_channel_of_the_request_is_subscribed,
        a_forbidden_subscribe_closes_and_stops,
        too_many_subscriptions_close,
        a_refused_subscribe_closes,
        one_that_came_too_early_closes_with_another_reason,
        who_came_or_went_has_no_frame,
        an_acknowledged_subscribe_says_nothing,
        what_a_client_sends_is_published_to_its_one_channel,
        publishing_with_two_channels_closes,
        publishing_with_no_channel_closes,
        a_publish_that_is_not_taken_closes_with_its_reason,
        a_publish_that_fails_later_closes_with_its_reason,
        a_channel_that_the_backend_gave_is_not_published_to,
        who_has_lost_its_last_channel_is_closed_with_what_the_backend_says,
        there_is_no_notice_of_a_gap,
    };
    return run_suite("raw", tests, N_ELEMENTS(tests));
}
