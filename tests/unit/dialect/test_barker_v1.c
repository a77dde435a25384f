#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "../base/suite.h"
#include "dialect/barker_v1_frames.h"
#include "dialect/dialect.h"
#include "fake_session.h"

static FakeSession *start(void) {
    static FakeSession fake;
    fake_session_init(&fake, &dialect_barker_v1);
    return &fake;
}

static void end(FakeSession *fake, const char *expected) {
    ck_assert_str_eq(fake_session_lines(fake), expected);
    fake_session_finish(fake);
}

static void receive(FakeSession *fake, const char *text) {
    fake_session_receive(fake, text, strlen(text), false);
}

/* What one request leads to on a fresh connection. */
static void expect(const char *request, const char *expected) {
    FakeSession *fake = start();
    receive(fake, request);
    end(fake, expected);
}

static void expect_error(const char *request, const char *code, const char *id) {
    FakeSession *fake = start();
    receive(fake, request);
    char expected[128];
    snprintf(expected, sizeof(expected), "sent {\"type\":\"error\",%s%s%s\"code\":\"%s\",", *id ? "\"id\":" : "", id,
             *id ? "," : "", code);
    const char *lines = fake_session_lines(fake);
    ck_assert_msg(strncmp(lines, expected, strlen(expected)) == 0, "%s: %s", request, lines);
    ck_assert_uint_eq(fake->n_sent, 1);
    ck_assert_uint_eq(fake->n_commands, 0);
    fake_session_finish(fake);
}

START_TEST(a_connection_is_welcomed) {
    FakeSession *fake = start();
    dialect_barker_v1.opened(&fake->session, NULL, 0);
    end(fake, "sent {\"type\":\"welcome\",\"connection\":\"100000001\",\"node\":\"node-1\",\"protocol\":\"barker.v1\","
              "\"ping_interval_ms\":25000}\n");
}
END_TEST

START_TEST(channels_of_the_url_are_subscribed_without_an_id_and_acknowledged_without_a_word) {
    FakeSession *fake = start();
    dialect_barker_v1.opened(&fake->session, "a\0b", 4);
    ck_assert_ptr_nonnull(strstr(fake_session_lines(fake), "}\nsubscribe a id 0\nsubscribe b id 0\n"));
    fake_session_clear(fake);
    dialect_barker_v1.subscribed(&fake->session, "a", 0, (Position){5, 70});
    end(fake, "");
}
END_TEST

START_TEST(a_channel_of_the_url_that_fails_is_named_in_the_error) {
    FakeSession *fake = start();
    fake->command_result = COMMAND_FORBIDDEN;
    dialect_barker_v1.opened(&fake->session, "a", 2);
    ck_assert_ptr_nonnull(
        strstr(fake_session_lines(fake), "sent {\"type\":\"error\",\"channel\":\"a\",\"code\":\"forbidden\","));
    fake_session_clear(fake);
    dialect_barker_v1.subscribe_refused(&fake->session, "a", 0, BROKER_REFUSED);
    end(fake, "sent {\"type\":\"error\",\"channel\":\"a\",\"code\":\"refused\",\"message\":\"the broker "
              "refused\",\"retry\":false}\n");
}
END_TEST

START_TEST(a_subscribe_is_answered_when_the_broker_has_answered) {
    FakeSession *fake = start();
    receive(fake, "{\"type\":\"subscribe\",\"id\":1,\"channel\":\"chat:1\"}");
    dialect_barker_v1.subscribed(&fake->session, "chat:1", 1, (Position){0});
    end(fake, "subscribe chat:1 id 1\nsent {\"type\":\"ok\",\"id\":1}\n");
}
END_TEST

START_TEST(an_unsubscribe_is_answered_at_once) {
    expect("{\"type\":\"unsubscribe\",\"id\":2,\"channel\":\"a\"}", "unsubscribe a id 0\nsent {\"type\":\"ok\",\"id\":2}\n");
}
END_TEST

START_TEST(an_unsubscribe_answers_the_subscribe_that_still_waits) {
    FakeSession *fake = start();
    fake_session_join(fake, "a", CHANNEL_PENDING, 1);
    receive(fake, "{\"type\":\"unsubscribe\",\"id\":2,\"channel\":\"a\"}");
    end(fake, "unsubscribe a id 0\n"
              "sent {\"type\":\"error\",\"id\":1,\"code\":\"cancelled\","
              "\"message\":\"unsubscribed before the subscription was acknowledged\",\"retry\":false}\n"
              "sent {\"type\":\"ok\",\"id\":2}\n");
}
END_TEST

START_TEST(an_unsubscribe_of_an_acknowledged_channel_cancels_nothing) {
    FakeSession *fake = start();
    fake_session_join(fake, "a", CHANNEL_ACTIVE, 1);
    fake_session_join(fake, "b", CHANNEL_PENDING, 3);
    receive(fake, "{\"type\":\"unsubscribe\",\"id\":2,\"channel\":\"a\"}");
    end(fake, "unsubscribe a id 0\nsent {\"type\":\"ok\",\"id\":2}\n");
}
END_TEST

START_TEST(data_is_published_as_it_was_written) {
    expect("{\"type\":\"publish\",\"id\":3,\"channel\":\"a\",\"data\": {\"n\": 18446744073709551616, \"x\":0.10} }",
           "publish a id 3\npayload {\"n\": 18446744073709551616, \"x\":0.10}\n");
    expect("{\"type\":\"publish\",\"id\":3,\"channel\":\"a\",\"data\":null}", "publish a id 3\npayload null\n");
}
END_TEST

START_TEST(text_is_published_without_its_quotes) {
    expect("{\"type\":\"publish\",\"id\":3,\"channel\":\"a\",\"text\":\"\\u00e4\\\"\\n\"}",
           "publish a id 3\npayload \xc3\xa4\"\n\n");
    expect("{\"type\":\"publish\",\"id\":3,\"channel\":\"a\",\"text\":\"x\\u0000\"}", "publish a id 3\npayload base64 eAA=\n");
    expect("{\"type\":\"publish\",\"id\":3,\"channel\":\"a\",\"text\":\"\"}", "publish a id 3\npayload \n");
}
END_TEST

START_TEST(base64_is_published_as_bytes) {
    expect("{\"type\":\"publish\",\"id\":3,\"channel\":\"a\",\"base64\":\"/wA=\"}", "publish a id 3\npayload base64 /wA=\n");
    expect("{\"type\":\"publish\",\"id\":3,\"channel\":\"a\",\"base64\":\"\"}", "publish a id 3\npayload \n");
}
END_TEST

START_TEST(a_ping_is_answered_by_ok_with_its_id_if_any) {
    expect("{\"type\":\"ping\",\"id\":9007199254740991}", "sent {\"type\":\"ok\",\"id\":9007199254740991}\n");
    expect("{\"type\":\"ping\"}", "sent {\"type\":\"ok\"}\n");
}
END_TEST

START_TEST(unknown_fields_are_ignored) {
    expect("{\"later\":[1,{}],\"type\":\"subscribe\",\"id\":1,\"channel\":\"a\",\"x\":null}", "subscribe a id 1\n");
}
END_TEST

START_TEST(what_is_not_json_is_bad_json) {
    static const char *const texts[] = {"", "{", "{}}", "subscribe", "{'type':'ping'}", "{\"type\":\"ping\",}", "\"\\ud800\""};
    for (size_t i = 0; i < N_ELEMENTS(texts); i++)
        expect_error(texts[i], "bad_json", "");
}
END_TEST

START_TEST(a_nul_byte_is_bad_json) {
    FakeSession *fake = start();
    fake_session_receive(fake, "{\"type\":\"ping\",\"id\":1\0}", 23, false);
    ck_assert_ptr_nonnull(strstr(fake_session_lines(fake), "\"code\":\"bad_json\""));
    fake_session_finish(fake);
}
END_TEST

START_TEST(json_of_another_shape_is_a_bad_message) {
    static const char *const texts[] = {
        "null",
        "[]",
        "1",
        "\"ping\"",
        "{}",
        "{\"type\":1}",
        "{\"type\":null,\"channel\":\"a\"}",
        "{\"type\":\"ping\",\"type\":\"ping\"}",
        "{\"type\":\"ping\",\"x\":1e999}",
        "{\"type\":\"subscribe\",\"channel\":\"a\"}",
        "{\"type\":\"unsubscribe\",\"channel\":\"a\"}",
        "{\"type\":\"publish\",\"channel\":\"a\",\"data\":1}",
    };
    for (size_t i = 0; i < N_ELEMENTS(texts); i++)
        expect_error(texts[i], "bad_message", "");
}
END_TEST

START_TEST(an_id_that_is_no_positive_integer_is_a_bad_message) {
    static const char *const ids[] = {"0", "-1", "1.5", "9007199254740992", "1e300", "\"1\"", "null", "true", "[1]"};
    for (size_t i = 0; i < N_ELEMENTS(ids); i++) {
        char text[64];
        snprintf(text, sizeof(text), "{\"type\":\"ping\",\"id\":%s}", ids[i]);
        expect_error(text, "bad_message", "");
    }
}
END_TEST

START_TEST(an_error_echoes_the_id) {
    expect_error("{\"id\":7}", "bad_message", "7");
    expect_error("{\"id\":7,\"type\":\"nonsense\"}", "unknown_type", "7");
    expect_error("{\"id\":7,\"type\":\"ping\\u0000\"}", "unknown_type", "7");
    expect_error("{\"id\":7,\"type\":\"subscribe\"}", "bad_message", "7");
    expect_error("{\"id\":7,\"type\":\"subscribe\",\"channel\":1}", "bad_message", "7");
    expect_error("{\"id\":7,\"type\":\"unsubscribe\"}", "bad_message", "7");
}
END_TEST

START_TEST(a_resume_is_a_subscribe_and_no_request_of_its_own) {
    expect_error("{\"id\":7,\"type\":\"resume\",\"channel\":\"a\"}", "unknown_type", "7");
}
END_TEST

START_TEST(a_publish_takes_exactly_one_payload) {
    static const char *const payloads[] = {
        "",
        ",\"data\":1,\"text\":\"a\"",
        ",\"text\":\"a\",\"base64\":\"\"",
        ",\"data\":1,\"text\":\"a\",\"base64\":\"\"",
        ",\"text\":1",
        ",\"base64\":null",
        ",\"base64\":\"a\"",
        ",\"base64\":\"AA==\\n\"",
        ",\"base64\":\"A\\u0000==\"",
        ",\"d\\u0061ta\":1",
    };
    for (size_t i = 0; i < N_ELEMENTS(payloads); i++) {
        char text[128];
        snprintf(text, sizeof(text), "{\"type\":\"publish\",\"id\":4,\"channel\":\"a\"%s}", payloads[i]);
        expect_error(text, "bad_message", "4");
    }
}
END_TEST

START_TEST(a_binary_message_is_an_error_not_an_end) {
    FakeSession *fake = start();
    fake_session_receive(fake, "{\"type\":\"ping\"}", 15, true);
    end(fake, "sent {\"type\":\"error\",\"code\":\"bad_message\",\"message\":\"requests are text frames\",\"retry\":false}\n");
}
END_TEST

static const char subscribe_request[] = "{\"type\":\"subscribe\",\"id\":5,\"channel\":\"a\"}";
static const char unsubscribe_request[] = "{\"type\":\"unsubscribe\",\"id\":5,\"channel\":\"a\"}";
static const char publish_request[] = "{\"type\":\"publish\",\"id\":5,\"channel\":\"a\",\"data\":1}";

static void expect_code(const char *request, CommandResult result, BarkerV1Error error) {
    FakeSession *fake = start();
    fake->command_result = result;
    receive(fake, request);
    char part[64];
    snprintf(part, sizeof(part), "\"id\":5,\"code\":\"%s\"", barker_v1_error_code(error));
    ck_assert_msg(strstr(fake_session_lines(fake), part) != NULL, "%s: %s", part, fake_session_lines(fake));
    ck_assert_uint_eq(fake->n_sent, 1);
    fake_session_finish(fake);
}

START_TEST(each_result_of_a_command_has_its_word) {
    expect_code(subscribe_request, COMMAND_EXISTS, BARKER_V1_ALREADY_SUBSCRIBED);
    expect_code(subscribe_request, COMMAND_BAD_CHANNEL, BARKER_V1_BAD_CHANNEL);
    expect_code(subscribe_request, COMMAND_FORBIDDEN, BARKER_V1_FORBIDDEN);
    expect_code(subscribe_request, COMMAND_LIMIT, BARKER_V1_TOO_MANY_SUBSCRIPTIONS);
    expect_code(subscribe_request, COMMAND_OVERLOADED, BARKER_V1_OVERLOADED);
    expect_code(unsubscribe_request, COMMAND_EXISTS, BARKER_V1_NOT_SUBSCRIBED);
    expect_code(publish_request, COMMAND_FORBIDDEN, BARKER_V1_FORBIDDEN);
    expect_code(publish_request, COMMAND_LIMIT, BARKER_V1_MESSAGE_TOO_BIG);
    expect_code(publish_request, COMMAND_OVERLOADED, BARKER_V1_OVERLOADED);
}
END_TEST

START_TEST(want_of_memory_ends_the_connection) {
    FakeSession *fake = start();
    fake->command_result = COMMAND_NO_MEMORY;
    receive(fake, publish_request);
    end(fake, "publish a id 5\npayload 1\nclose out_of_memory 0 \n");
}
END_TEST

START_TEST(a_publish_is_answered_by_what_the_broker_said) {
    static const char *const parts[] = {
        [BROKER_OK] = "{\"type\":\"ok\",\"id\":5}",
        [BROKER_UNAVAILABLE] = "\"code\":\"unavailable\"",
        [BROKER_OVERLOADED] = "\"code\":\"overloaded\"",
        [BROKER_REFUSED] = "\"code\":\"refused\"",
    };
    for (size_t i = 0; i < N_ELEMENTS(parts); i++) {
        FakeSession *fake = start();
        dialect_barker_v1.published(&fake->session, 5, (BrokerResult)i, (Position){0});
        ck_assert_ptr_nonnull(strstr(fake_session_lines(fake), parts[i]));
        ck_assert_ptr_nonnull(strstr(fake_session_lines(fake), "\"id\":5"));
        fake_session_finish(fake);
    }
}
END_TEST

static void expect_message(const char *channel, const char *payload, size_t n_payload, const char *expected) {
    Message *message;
    Frame *frame;
    ck_assert_int_eq(message_new(&message, channel, strlen(channel), payload, n_payload), 0);
    ck_assert_int_eq(dialect_barker_v1.encoder.encode(&frame, message), 0);
    ck_assert_uint_eq(frame->bytes[0], 0x80 | FRAME_TEXT);
    ck_assert_uint_eq(frame->bytes[1], strlen(expected));
    ck_assert_uint_eq(frame->n_bytes, strlen(expected) + 2);
    ck_assert_mem_eq(frame->bytes + 2, expected, strlen(expected));
    frame_unref(frame);
    message_unref(message);
}

START_TEST(a_payload_of_valid_json_is_embedded_as_it_is) {
    expect_message("chat:1", "{\"a\": 1.50}", 11, "{\"type\":\"message\",\"channel\":\"chat:1\",\"data\":{\"a\": 1.50}}");
    expect_message("a", " null\n", 6, "{\"type\":\"message\",\"channel\":\"a\",\"data\": null\n}");
}
END_TEST

START_TEST(other_text_is_quoted) {
    expect_message("a", "hi \"you\"", 8, "{\"type\":\"message\",\"channel\":\"a\",\"text\":\"hi \\\"you\\\"\"}");
    expect_message("a", "", 0, "{\"type\":\"message\",\"channel\":\"a\",\"text\":\"\"}");
    expect_message("a", "1\0", 2, "{\"type\":\"message\",\"channel\":\"a\",\"text\":\"1\\u0000\"}");
}
END_TEST

START_TEST(other_bytes_are_in_base64) {
    expect_message("a", "\xff", 1, "{\"type\":\"message\",\"channel\":\"a\",\"base64\":\"/w==\"}");
}
END_TEST

START_TEST(a_channels_name_is_quoted) {
    expect_message("a\"\\", "1", 1, "{\"type\":\"message\",\"channel\":\"a\\\"\\\\\",\"data\":1}");
}
END_TEST

static long n_allocations_left; /* the one after these fails */

static void *limited_malloc(size_t size) {
    return n_allocations_left-- > 0 ? malloc(size) : NULL;
}

/* jansson calls some of its own failures a syntax error, so that is what the client may get. */
START_TEST(want_of_memory_at_any_place_of_a_request_is_answered_or_ends_the_connection) {
    json_set_alloc_funcs(limited_malloc, free);
    bool is_done = false;
    long n_closed = 0;
    for (long n = 0; !is_done; n++) {
        n_allocations_left = n;
        FakeSession *fake = start();
        receive(fake, publish_request);
        bool is_closed = strcmp(fake_session_lines(fake), "close out_of_memory 0 \n") == 0;
        is_done = fake->n_commands == 1;
        ck_assert_int_eq(is_closed + is_done + (int)fake->n_sent, 1);
        n_closed += is_closed;
        fake_session_finish(fake);
    }
    ck_assert_int_gt(n_closed, 0);
    json_set_alloc_funcs(malloc, free);
}
END_TEST

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
static bool next_malloc_fails; /* one alone: Check itself allocates */

void *__wrap_malloc(size_t size) {
    bool fails = next_malloc_fails;
    next_malloc_fails = false;
    return fails ? NULL : __real_malloc(size);
}

START_TEST(a_frame_that_cannot_be_built_ends_the_connection) {
    FakeSession *fake = start();
    next_malloc_fails = true;
    dialect_barker_v1.published(&fake->session, 5, BROKER_OK, (Position){0});
    end(fake, "close out_of_memory 0 \n");
}
END_TEST

START_TEST(a_message_that_cannot_be_encoded_is_reported_to_the_hub) {
    Message *message;
    Frame *frame;
    ck_assert_int_eq(message_new(&message, "a", 1, "1", 1), 0);
    next_malloc_fails = true;
    ck_assert_int_eq(dialect_barker_v1.encoder.encode(&frame, message), -ENOMEM);
    message_unref(message);
}
END_TEST

static const char *const seeds[] = {
    subscribe_request,
    unsubscribe_request,
    publish_request,
    "{\"type\":\"ping\"}",
    "{\"type\":\"history\",\"id\":1,\"channel\":\"a\",\"limit\":10,\"since\":{\"epoch\":\"17\",\"seq\":4}}",
    "{\"type\":\"subscribe\",\"id\":1,\"channel\":\"a\",\"resume\":{\"epoch\":\"17\",\"seq\":4}}",
    "{\"type\":\"presence\",\"id\":1,\"channel\":\"a\"}",
    "{\"type\":\"publish\",\"id\":1,\"channel\":\"a\",\"text\":\"\\u00e4\"}",
    "{\"type\":\"publish\",\"id\":1,\"channel\":\"a\",\"base64\":\"AAEC\"}",
    "{\"type\":\"publish\",\"id\":1,\"channel\":\"a\",\"data\":[{\"data\":1}]}",
};

static size_t mutated_seed(char *bytes) {
    const char *seed = seeds[(size_t)rand() % N_ELEMENTS(seeds)];
    size_t n = strlen(seed);
    memcpy(bytes, seed, n);
    for (int i = rand() % 4; i > 0; i--)
        bytes[(size_t)rand() % n] = (char)(rand() % 4 ? "{}[]\",:\\u0eE+-. 1a"[rand() % 18] : rand());
    return rand() % 8 ? n : (size_t)rand() % (n + 1);
}

START_TEST(random_bytes_are_answered_once_each_by_valid_json) {
    static char bytes[256];
    FakeSession *fake = start();
    fake_session_join(fake, "a", CHANNEL_PENDING, 0);
    srand(17);
    for (int round = 0; round < 100000; round++) {
        size_t n_bytes = mutated_seed(bytes);
        if (round % 16 == 0)
            for (size_t i = 0; i < n_bytes; i++)
                bytes[i] = (char)rand();
        fake->command_result = (CommandResult)(rand() % (COMMAND_NOT_KEPT + 1));
        fake_session_clear(fake);
        fake_session_receive(fake, bytes, n_bytes, rand() % 16 == 0);
        ck_assert_uint_eq(fake->n_sent, fake->n_commands == 0 || fake->command_result != COMMAND_OK ||
                                            strncmp(fake_session_lines(fake), "uns", 3) == 0);
        const char *sent = strstr(fake_session_lines(fake), "sent ");
        if (sent && fake->n_commands == 0) {
            json_t *root = json_loads(sent + 5, JSON_DISABLE_EOF_CHECK, NULL);
            ck_assert_ptr_nonnull(json_object_get(root, "type"));
            json_decref(root);
        }
    }
    fake_session_finish(fake);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_connection_is_welcomed,
        channels_of_the_url_are_subscribed_without_an_id_and_acknowledged_without_a_word,
        a_channel_of_the_url_that_fails_is_named_in_the_error,
        a_subscribe_is_answered_when_the_broker_has_answered,
        an_unsubscribe_is_answered_at_once,
        an_unsubscribe_answers_the_subscribe_that_still_waits,
        an_unsubscribe_of_an_acknowledged_channel_cancels_nothing,
        data_is_published_as_it_was_written,
        text_is_published_without_its_quotes,
        base64_is_published_as_bytes,
        a_ping_is_answered_by_ok_with_its_id_if_any,
        unknown_fields_are_ignored,
        what_is_not_json_is_bad_json,
        a_nul_byte_is_bad_json,
        json_of_another_shape_is_a_bad_message,
        an_id_that_is_no_positive_integer_is_a_bad_message,
        an_error_echoes_the_id,
        a_resume_is_a_subscribe_and_no_request_of_its_own,
        a_publish_takes_exactly_one_payload,
        a_binary_message_is_an_error_not_an_end,
        each_result_of_a_command_has_its_word,
        want_of_memory_ends_the_connection,
        a_publish_is_answered_by_what_the_broker_said,
        a_payload_of_valid_json_is_embedded_as_it_is,
        other_text_is_quoted,
        other_bytes_are_in_base64,
        a_channels_name_is_quoted,
        want_of_memory_at_any_place_of_a_request_is_answered_or_ends_the_connection,
        a_frame_that_cannot_be_built_ends_the_connection,
        a_message_that_cannot_be_encoded_is_reported_to_the_hub,
        random_bytes_are_answered_once_each_by_valid_json,
    };
    return run_suite("barker_v1", tests, N_ELEMENTS(tests));
}
