/* History, resume and presence in barker.v1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/suite.h"
#include "dialect/barker_v1_frames.h"
#include "dialect/dialect.h"
#include "fake_session.h"

static FakeSession fake;

static void start(void) {
    fake_session_init(&fake, &dialect_barker_v1);
}

static void end(const char *expected) {
    ck_assert_str_eq(fake_session_lines(&fake), expected);
    fake_session_finish(&fake);
}

static void receive(const char *text) {
    fake_session_receive(&fake, text, strlen(text), false);
}

static void expect(const char *request, const char *expected) {
    start();
    receive(request);
    end(expected);
}

static void expect_bad(const char *request) {
    start();
    receive(request);
    ck_assert_msg(strstr(fake_session_lines(&fake), "\"id\":4,\"code\":\"bad_message\"") != NULL, "%s: %s", request,
                  fake_session_lines(&fake));
    ck_assert_uint_eq(fake.n_commands, 0);
    fake_session_finish(&fake);
}

START_TEST(a_subscribe_may_resume) {
    expect("{\"type\":\"subscribe\",\"id\":4,\"channel\":\"a\",\"resume\":{\"epoch\":\"1700000000000000\",\"seq\":7}}",
           "resume a id 4\nsince 1700000000000000-7\n");
    expect("{\"type\":\"subscribe\",\"id\":4,\"channel\":\"a\",\"resume\":{\"epoch\":\"18446744073709551615\",\"seq\":0}}",
           "resume a id 4\nsince 18446744073709551615-0\n");
}
END_TEST

START_TEST(a_place_must_be_written_as_it_was_told) {
    static const char *const places[] = {
        "null",
        "1",
        "\"17-4\"",
        "[]",
        "{}",
        "{\"epoch\":\"17\"}",
        "{\"seq\":4}",
        "{\"epoch\":17,\"seq\":4}",
        "{\"epoch\":\"\",\"seq\":4}",
        "{\"epoch\":\"0\",\"seq\":4}",
        "{\"epoch\":\"017\",\"seq\":4}",
        "{\"epoch\":\"-17\",\"seq\":4}",
        "{\"epoch\":\"17 \",\"seq\":4}",
        "{\"epoch\":\"17\\u0000\",\"seq\":4}",
        "{\"epoch\":\"18446744073709551616\",\"seq\":4}",
        "{\"epoch\":\"99999999999999999999\",\"seq\":4}",
        "{\"epoch\":\"17\",\"seq\":\"4\"}",
        "{\"epoch\":\"17\",\"seq\":-1}",
        "{\"epoch\":\"17\",\"seq\":1.5}",
        "{\"epoch\":\"17\",\"seq\":9007199254740992}",
    };
    for (size_t i = 0; i < N_ELEMENTS(places); i++) {
        char text[256];
        snprintf(text, sizeof(text), "{\"type\":\"subscribe\",\"id\":4,\"channel\":\"a\",\"resume\":%s}", places[i]);
        expect_bad(text);
        snprintf(text, sizeof(text), "{\"type\":\"history\",\"id\":4,\"channel\":\"a\",\"since\":%s}", places[i]);
        expect_bad(text);
    }
}
END_TEST

START_TEST(a_history_is_asked_for_with_what_the_client_says) {
    expect("{\"type\":\"history\",\"id\":4,\"channel\":\"a\"}", "history a id 4\nforward limit 4294967295 since 0-0\n");
    expect("{\"type\":\"history\",\"id\":4,\"channel\":\"a\",\"limit\":0,\"reverse\":false}",
           "history a id 4\nforward limit 0 since 0-0\n");
    expect("{\"type\":\"history\",\"id\":4,\"channel\":\"a\",\"limit\":9007199254740991,\"reverse\":true,"
           "\"since\":{\"epoch\":\"17\",\"seq\":4}}",
           "history a id 4\nreverse limit 4294967295 since 17-4\n");
}
END_TEST

START_TEST(a_history_with_a_field_of_another_kind_is_a_bad_message) {
    expect_bad("{\"type\":\"history\",\"id\":4}");
    expect_bad("{\"type\":\"history\",\"id\":4,\"channel\":\"a\",\"limit\":-1}");
    expect_bad("{\"type\":\"history\",\"id\":4,\"channel\":\"a\",\"limit\":\"1\"}");
    expect_bad("{\"type\":\"history\",\"id\":4,\"channel\":\"a\",\"limit\":null}");
    expect_bad("{\"type\":\"history\",\"id\":4,\"channel\":\"a\",\"reverse\":1}");
    expect_bad("{\"type\":\"presence\",\"id\":4}");
}
END_TEST

START_TEST(who_is_there_is_asked_for) {
    expect("{\"type\":\"presence\",\"id\":4,\"channel\":\"a\"}", "presence a id 4\n");
}
END_TEST

START_TEST(what_no_namespace_keeps_is_said) {
    static const char *const requests[] = {"{\"type\":\"history\",\"id\":4,\"channel\":\"a\"}",
                                           "{\"type\":\"presence\",\"id\":4,\"channel\":\"a\"}"};
    for (size_t i = 0; i < N_ELEMENTS(requests); i++) {
        start();
        fake.command_result = COMMAND_NOT_KEPT;
        receive(requests[i]);
        ck_assert_ptr_nonnull(strstr(fake_session_lines(&fake), "\"id\":4,\"code\":\"not_kept\""));
        fake_session_finish(&fake);
    }
}
END_TEST

START_TEST(an_ok_tells_behind_which_place_messages_follow) {
    start();
    dialect_barker_v1.subscribed(&fake.session, "a", 4, (Position){1700000000000000, 70});
    dialect_barker_v1.subscribed(&fake.session, "a", 4, (Position){17, 0});
    dialect_barker_v1.published(&fake.session, 5, BROKER_OK, (Position){UINT64_MAX, 9007199254740991});
    end("sent {\"type\":\"ok\",\"id\":4,\"epoch\":\"1700000000000000\",\"seq\":70}\n"
        "sent {\"type\":\"ok\",\"id\":4,\"epoch\":\"17\",\"seq\":0}\n"
        "sent {\"type\":\"ok\",\"id\":5,\"epoch\":\"18446744073709551615\",\"seq\":9007199254740991}\n");
}
END_TEST

static HistoryReply *reply_of(uint32_t n_messages, const char *const *payloads) {
    HistoryReply *reply = calloc(1, sizeof(*reply) + n_messages * sizeof(Message *));
    ck_assert_ptr_nonnull(reply);
    reply->is_recovered = true;
    reply->position = (Position){17, n_messages};
    reply->n_messages = n_messages;
    for (uint32_t i = 0; i < n_messages; i++) {
        ck_assert_int_eq(message_new(&reply->messages[i], "a", 1, payloads[i], strlen(payloads[i])), 0);
        reply->messages[i]->position = (Position){17, i + 1};
    }
    return reply;
}

static void reply_free(HistoryReply *reply) {
    for (uint32_t i = 0; i < reply->n_messages; i++)
        message_unref(reply->messages[i]);
    free(reply);
}

START_TEST(a_resume_is_answered_by_the_place_before_what_is_sent_again) {
    HistoryReply *reply = reply_of(2, (const char *const[]){"1", "2"});
    reply->position.seq = 70;
    start();
    dialect_barker_v1.resumed(&fake.session, "a", 4, reply);
    dialect_barker_v1.resumed(&fake.session, "a", 4, &(HistoryReply){.position = {17, 70}});
    dialect_barker_v1.resumed(&fake.session, "a", 4, &(HistoryReply){.n_messages = 0});
    end("sent {\"type\":\"ok\",\"id\":4,\"epoch\":\"17\",\"seq\":68,\"recovered\":true}\n"
        "sent {\"type\":\"ok\",\"id\":4,\"epoch\":\"17\",\"seq\":70,\"recovered\":false}\n"
        "sent {\"type\":\"ok\",\"id\":4,\"recovered\":false}\n");
    reply_free(reply);
}
END_TEST

START_TEST(a_history_is_one_frame) {
    HistoryReply *reply = reply_of(3, (const char *const[]){"{\"n\":1}", "hi \"you\"", "\xff"});
    start();
    dialect_barker_v1.history(&fake.session, "a\"b", 4, reply);
    reply->has_more = true;
    reply->is_recovered = false;
    uint32_t n_messages = reply->n_messages;
    reply->n_messages = 0;
    dialect_barker_v1.history(&fake.session, "a", 5, reply);
    dialect_barker_v1.history(&fake.session, "a", 6, &(HistoryReply){.is_recovered = true});
    end("sent "
        "{\"type\":\"history\",\"id\":4,\"channel\":\"a\\\"b\",\"recovered\":true,\"epoch\":\"17\",\"seq\":3,\"more\":false,"
        "\"messages\":[{\"epoch\":\"17\",\"seq\":1,\"data\":{\"n\":1}},{\"epoch\":\"17\",\"seq\":2,\"text\":\"hi "
        "\\\"you\\\"\"},"
        "{\"epoch\":\"17\",\"seq\":3,\"base64\":\"/w==\"}]}\n"
        "sent {\"type\":\"history\",\"id\":5,\"channel\":\"a\",\"recovered\":false,\"epoch\":\"17\",\"seq\":3,\"more\":true,"
        "\"messages\":[]}\n"
        "sent {\"type\":\"history\",\"id\":6,\"channel\":\"a\",\"recovered\":true,\"more\":false,\"messages\":[]}\n");
    reply->n_messages = n_messages;
    reply_free(reply);
}
END_TEST

START_TEST(a_long_history_fits_too) {
    enum { N = 1000 };
    static const char *payloads[N];
    for (int i = 0; i < N; i++)
        payloads[i] = "\"x\"";
    HistoryReply *reply = reply_of(N, payloads);
    start();
    dialect_barker_v1.history(&fake.session, "a", 4, reply);
    ck_assert_ptr_nonnull(strstr(fake_session_lines(&fake), ",{\"epoch\":\"17\",\"seq\":1000,\"data\":\"x\"}]}\n"));
    fake_session_finish(&fake);
    reply_free(reply);
}
END_TEST

static PresenceMember member_of(const char *text, uint32_t n_connections) {
    return (PresenceMember){.text = text, .n_text = (uint32_t)strlen(text), .n_connections = n_connections};
}

START_TEST(who_is_there_is_one_frame_without_what_is_no_member) {
    PresenceMember members[] = {
        member_of("[1]", 9),
        member_of("{\"user\":\"ada\",\"info\":{\"a\":[1]}}", 2),
        member_of("{\"info\":1}", 9),
        member_of("{\"user\":7}", 9),
        member_of("{\"user\":\"e\\\"ve\"}", 1),
        member_of("{\"user\":\"x\"", 9),
        member_of("{\"user\":\"\xff\"}", 9),
        member_of("", 9),
    };
    start();
    PresenceReply reply = {.n_members = N_ELEMENTS(members), .members = members};
    dialect_barker_v1.presence(&fake.session, "a", 4, &reply);
    dialect_barker_v1.presence(&fake.session, "a", 5, &(PresenceReply){.n_members = 0});
    end("sent {\"type\":\"presence\",\"id\":4,\"channel\":\"a\",\"members\":["
        "{\"user\":\"ada\",\"info\":{\"a\":[1]},\"connections\":2},{\"user\":\"e\\\"ve\",\"connections\":1}]}\n"
        "sent {\"type\":\"presence\",\"id\":5,\"channel\":\"a\",\"members\":[]}\n");
}
END_TEST

START_TEST(what_the_broker_could_not_answer_is_an_error) {
    static const char *const codes[] = {
        [BROKER_UNAVAILABLE] = "unavailable\",", [BROKER_OVERLOADED] = "overloaded\",", [BROKER_REFUSED] = "refused\","};
    for (BrokerResult result = BROKER_UNAVAILABLE; result <= BROKER_REFUSED; result++) {
        start();
        dialect_barker_v1.history(&fake.session, "a", 4, &(HistoryReply){.result = result});
        dialect_barker_v1.presence(&fake.session, "a", 4, &(PresenceReply){.result = result});
        dialect_barker_v1.subscribe_refused(&fake.session, "a", 4, result);
        const char *at = fake_session_lines(&fake);
        for (int i = 0; i < 3; i++) {
            at = strstr(at, "\"id\":4,\"code\":\"");
            ck_assert_ptr_nonnull(at);
            at += strlen("\"id\":4,\"code\":\"");
            ck_assert_int_eq(strncmp(at, codes[result], strlen(codes[result])), 0);
        }
        ck_assert_uint_eq(fake.n_sent, 3);
        fake_session_finish(&fake);
    }
}
END_TEST

static void expect_frame(MessageKind kind, Position position, const char *payload, const char *expected) {
    Message *message;
    Frame *frame;
    ck_assert_int_eq(message_new(&message, "a", 1, payload, strlen(payload)), 0);
    message->kind = kind;
    message->position = position;
    ck_assert_int_eq(dialect_barker_v1.encoder.encode(&frame, message), 0);
    if (expected) {
        ck_assert_uint_eq(frame->n_bytes, strlen(expected) + 2);
        ck_assert_mem_eq(frame->bytes + 2, expected, strlen(expected));
    } else {
        ck_assert_ptr_null(frame);
    }
    frame_unref(frame);
    message_unref(message);
}

START_TEST(a_message_with_a_place_tells_it) {
    expect_frame(MESSAGE_DATA, (Position){17, 4}, "[]",
                 "{\"type\":\"message\",\"channel\":\"a\",\"epoch\":\"17\",\"seq\":4,\"data\":[]}");
    expect_frame(MESSAGE_DATA, (Position){UINT64_MAX, 10}, "x",
                 "{\"type\":\"message\",\"channel\":\"a\",\"epoch\":\"18446744073709551615\",\"seq\":10,\"text\":\"x\"}");
}
END_TEST

START_TEST(who_came_or_went_is_named) {
    expect_frame(MESSAGE_JOIN, (Position){0}, "{\"user\":\"ada\",\"info\":{\"a\":1}}",
                 "{\"type\":\"join\",\"channel\":\"a\",\"user\":\"ada\",\"info\":{\"a\":1}}");
    expect_frame(MESSAGE_LEAVE, (Position){0}, "{ \"info\" : null , \"user\" : \"ada\" }",
                 "{\"type\":\"leave\",\"channel\":\"a\",\"user\":\"ada\",\"info\":null}");
    expect_frame(MESSAGE_LEAVE, (Position){0}, "{\"user\":\"ada\",\"type\":\"evil\"}",
                 "{\"type\":\"leave\",\"channel\":\"a\",\"user\":\"ada\"}");
    expect_frame(MESSAGE_JOIN, (Position){0}, "nonsense", NULL);
    expect_frame(MESSAGE_JOIN, (Position){0}, "", NULL);
}
END_TEST

START_TEST(a_gap_tells_behind_which_place_it_goes_on_where_that_is_known) {
    static const char *const expected[GAP_REASONS] = {
        [GAP_BROKER] =
            "sent {\"type\":\"gap\",\"channel\":\"a\",\"reason\":\"broker_reconnected\",\"epoch\":\"5\",\"seq\":70}\n",
        [GAP_NODE] = "sent {\"type\":\"gap\",\"channel\":\"a\",\"reason\":\"node_overloaded\",\"epoch\":\"5\",\"seq\":70}\n",
        [GAP_SLOW] = "sent {\"type\":\"gap\",\"channel\":\"a\",\"reason\":\"slow_consumer\"}\n",
    };
    for (GapReason reason = GAP_BROKER; reason < GAP_REASONS; reason++) {
        start();
        fake_session_join(&fake, "a", CHANNEL_ACTIVE, 1);
        const Subscription *subscription = container_of(fake.session.subscriber.subscriptions.next, Subscription, link);
        Frame *frame;
        ck_assert_int_eq(dialect_barker_v1.gap_frame(&frame, subscription->channel, reason), 0);
        session_send(&fake.session, frame);
        frame_unref(frame);
        end(expected[reason]);
    }
}
END_TEST

START_TEST(an_unsubscribe_answers_a_resume_that_still_waits) {
    start();
    fake_session_join(&fake, "a", CHANNEL_ACTIVE, 1);
    Subscription *subscription = container_of(fake.session.subscriber.subscriptions.next, Subscription, link);
    subscription->channel->n_active = 0;
    receive("{\"type\":\"unsubscribe\",\"id\":2,\"channel\":\"a\"}");
    end("unsubscribe a id 0\n"
        "sent {\"type\":\"error\",\"id\":1,\"code\":\"cancelled\","
        "\"message\":\"unsubscribed before the subscription was acknowledged\",\"retry\":false}\n"
        "sent {\"type\":\"ok\",\"id\":2}\n");
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_subscribe_may_resume,
        a_place_must_be_written_as_it_was_told,
        a_history_is_asked_for_with_what_the_client_says,
        a_history_with_a_field_of_another_kind_is_a_bad_message,
        who_is_there_is_asked_for,
        what_no_namespace_keeps_is_said,
        an_ok_tells_behind_which_place_messages_follow,
        a_resume_is_answered_by_the_place_before_what_is_sent_again,
        a_history_is_one_frame,
        a_long_history_fits_too,
        who_is_there_is_one_frame_without_what_is_no_member,
        what_the_broker_could_not_answer_is_an_error,
        a_message_with_a_place_tells_it,
        who_came_or_went_is_named,
        a_gap_tells_behind_which_place_it_goes_on_where_that_is_known,
        an_unsubscribe_answers_a_resume_that_still_waits,
    };
    return run_suite("barker_v1_history", tests, N_ELEMENTS(tests));
}
