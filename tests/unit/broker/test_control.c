#include "broker/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "failing_memory.h"
#include "suite.h"

static const char *last_why;

static Control *parse(const char *text) {
    Control *control = NULL;
    int r = control_parse(&control, text, strlen(text), &last_why);
    ck_assert_int_eq(r, CONTROL_OK);
    return control;
}

static const char *refusal(const char *text) {
    Control *control = NULL;
    last_why = NULL;
    ck_assert_int_eq(control_parse(&control, text, strlen(text), &last_why), CONTROL_BAD);
    ck_assert_ptr_null(control);
    ck_assert_ptr_nonnull(last_why);
    return last_why;
}

static const char *written(const Control *control) {
    static char text[1024];
    Buf buf;
    buf_init(&buf, sizeof text - 1);
    ck_assert_int_eq(control_write(&buf, control), 0);
    memcpy(text, buf.bytes, buf.n_bytes);
    text[buf.n_bytes] = '\0';
    buf_finish(&buf);
    return text;
}

START_TEST(a_user_is_disconnected) {
    Control *control = parse(" {\"user\":\"ada\", \"type\":\"disconnect\"} ");
    ck_assert_int_eq(control->kind, CONTROL_DISCONNECT);
    ck_assert_str_eq(control->user, "ada");
    ck_assert_uint_eq(control->n_user, 3);
    ck_assert_uint_eq(control->connection, 0);
    ck_assert_uint_eq(control->code, 0);
    ck_assert_uint_eq(control->n_reason, 0);
    ck_assert_str_eq(written(control), "{\"type\":\"disconnect\",\"user\":\"ada\"}");
    ck_assert_ptr_null(control_unref(control));
}
END_TEST

START_TEST(a_connection_is_named_as_in_its_welcome_and_a_code_and_a_reason_are_given) {
    static const char text[] =
        "{\"type\":\"disconnect\",\"connection\":\"ffffffffffffffff\",\"code\":4999,\"reason\":\"gr\u00fc\u00df\"}";
    Control *control = parse(text);
    ck_assert_uint_eq(control->connection, UINT64_MAX);
    ck_assert_uint_eq(control->code, 4999);
    ck_assert_str_eq(control->reason, "gr\u00fc\u00df");
    ck_assert_uint_eq(control->n_user, 0);
    ck_assert_str_eq(written(control), text);
    control_unref(control);
}
END_TEST

START_TEST(a_channel_is_unsubscribed_or_subscribed) {
    static const char unsubscribe[] =
        "{\"type\":\"unsubscribe\",\"user\":\"ada\",\"channel\":\"chat:1\",\"code\":3000,\"reason\":\"banned\"}";
    static const char subscribe[] = "{\"type\":\"subscribe\",\"connection\":\"1a\",\"channel\":\"chat:1\"}";
    Control *control = parse(unsubscribe);
    ck_assert_int_eq(control->kind, CONTROL_UNSUBSCRIBE);
    ck_assert_str_eq(control->channel, "chat:1");
    ck_assert_str_eq(written(control), unsubscribe);
    control_unref(control);
    control = parse(subscribe);
    ck_assert_int_eq(control->kind, CONTROL_SUBSCRIBE);
    ck_assert_uint_eq(control->connection, 0x1a);
    ck_assert_str_eq(written(control), subscribe);
    control_unref(control);
}
END_TEST

START_TEST(what_would_do_more_than_it_says_is_refused) {
    ck_assert_str_eq(refusal("{\"type\":\"disconnect\",\"user\":\"ada\",\"node\":\"n1\"}"), "a member is not known");
    ck_assert_str_eq(refusal("{\"type\":\"disconnect\",\"user\":\"ada\",\"user\":\"bob\"}"), "a member stands there twice");
    ck_assert_str_eq(refusal("{\"type\":\"disconnect\",\"user\":\"ada\",\"channel\":\"a\"}"), "disconnect takes no channel");
    ck_assert_str_eq(refusal("{\"type\":\"subscribe\",\"user\":\"ada\",\"channel\":\"a\",\"code\":4000}"),
                     "subscribe takes neither code nor reason");
    ck_assert_str_eq(refusal("{\"type\":\"subscribe\",\"user\":\"ada\",\"channel\":\"a\",\"reason\":\"\"}"),
                     "subscribe takes neither code nor reason");
    ck_assert_str_eq(refusal("{\"type\":\"disconnect\",\"user\":\"ada\",\"connection\":\"1\"}"),
                     "exactly one of user and connection must be given");
}
END_TEST

START_TEST(what_is_missing_is_told) {
    ck_assert_str_eq(refusal("{}"), "type is missing");
    ck_assert_str_eq(refusal("{\"user\":\"ada\"}"), "type is missing");
    ck_assert_str_eq(refusal("{\"type\":\"disconnect\"}"), "exactly one of user and connection must be given");
    ck_assert_str_eq(refusal("{\"type\":\"subscribe\",\"user\":\"ada\"}"), "channel is missing");
    ck_assert_str_eq(refusal("{\"type\":\"unsubscribe\",\"connection\":\"1\"}"), "channel is missing");
}
END_TEST

START_TEST(what_is_no_object_of_json_is_refused) {
    static const char *const texts[] = {"",
                                        " ",
                                        "{",
                                        "{\"type\":\"disconnect\",\"user\":\"ada\"}x",
                                        "{'type':1}",
                                        "\xff",
                                        "{\"type\":\"disconnect\",\"user\":\"\xc3\"}",
                                        "{\"type\":\"disconnect\",\"user\":\"a\\u0000b\"}"};
    static const char *const others[] = {"1", "[]", "\"disconnect\"", "null"};
    for (size_t i = 0; i < N_ELEMENTS(texts); i++)
        ck_assert_str_eq(refusal(texts[i]), "it is not valid JSON");
    for (size_t i = 0; i < N_ELEMENTS(others); i++)
        ck_assert_str_eq(refusal(others[i]), "a command is a JSON object");
}
END_TEST

START_TEST(a_nul_behind_a_command_is_refused) {
    static const char text[] = "{\"type\":\"disconnect\",\"user\":\"ada\"}";
    Control *control = NULL;
    ck_assert_int_eq(control_parse(&control, text, sizeof text, &last_why), CONTROL_BAD);
}
END_TEST

START_TEST(members_of_another_kind_or_out_of_range_are_refused) {
    static const char *const members[] = {
        "\"user\":1",
        "\"user\":\"\"",
        "\"user\":\"a\\tb\"",
        "\"user\":null",
        "\"connection\":1",
        "\"connection\":\"\"",
        "\"connection\":\"0\"",
        "\"connection\":\"01\"",
        "\"connection\":\"1A\"",
        "\"connection\":\"0x1\"",
        "\"connection\":\"1 \"",
        "\"connection\":\"10000000000000000\"",
        "\"user\":\"a\",\"code\":2999",
        "\"user\":\"a\",\"code\":5000",
        "\"user\":\"a\",\"code\":\"4000\"",
        "\"user\":\"a\",\"code\":4000.0",
        "\"user\":\"a\",\"code\":-4000",
        "\"user\":\"a\",\"code\":99999999999999999999",
        "\"user\":\"a\",\"reason\":1",
    };
    for (size_t i = 0; i < N_ELEMENTS(members); i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"type\":\"disconnect\",%s}", members[i]);
        refusal(text);
    }
    refusal("{\"type\":\"Disconnect\",\"user\":\"a\"}");
    refusal("{\"type\":1,\"user\":\"a\"}");
    refusal("{\"type\":\"subscribe\",\"user\":\"a\",\"channel\":\"\"}");
    refusal("{\"type\":\"subscribe\",\"user\":\"a\",\"channel\":\"\\u0001control\"}");
    refusal("{\"type\":\"subscribe\",\"user\":\"a\",\"channel\":7}");
}
END_TEST

START_TEST(texts_are_bounded) {
    char text[CONTROL_TEXT_MAX + 2];
    char long_text[300];
    memset(long_text, 'x', sizeof long_text);
    snprintf(text, sizeof text, "{\"type\":\"disconnect\",\"user\":\"%.*s\",\"reason\":\"%.*s\"}", 255, long_text, 123,
             long_text);
    Control *control = parse(text);
    ck_assert_uint_eq(control->n_user, 255);
    ck_assert_uint_eq(control->n_reason, CONTROL_REASON_MAX);
    control_unref(control);
    snprintf(text, sizeof text, "{\"type\":\"disconnect\",\"user\":\"%.*s\"}", 256, long_text);
    refusal(text);
    snprintf(text, sizeof text, "{\"type\":\"disconnect\",\"user\":\"a\",\"reason\":\"%.*s\"}", 124, long_text);
    refusal(text);
    memset(text, ' ', sizeof text);
    ck_assert_int_eq(control_parse(&control, text, CONTROL_TEXT_MAX + 1, &last_why), CONTROL_BAD);
    ck_assert_str_eq(last_why, "it is longer than 8 KiB");
}
END_TEST

START_TEST(without_memory_it_says_so_and_leaves_nothing) {
    static const char text[] =
        "{\"type\":\"unsubscribe\",\"user\":\"ada\",\"channel\":\"chat:1\",\"code\":3000,\"reason\":\"x\"}";
    Control *control = NULL;
    int r = -ENOMEM;
    for (unsigned k = 1; r == -ENOMEM; k++) {
        memory_fail_at(k);
        r = control_parse(&control, text, sizeof text - 1, &last_why);
        memory_fail_at(0);
        ck_assert(r == -ENOMEM || r == CONTROL_OK);
    }
    r = -ENOMEM;
    for (unsigned k = 1; r == -ENOMEM; k++) {
        Buf buf;
        buf_init(&buf, 1024);
        memory_fail_at(k);
        r = control_write(&buf, control);
        memory_fail_at(0);
        ck_assert(r == -ENOMEM || r == 0);
        buf_finish(&buf);
    }
    control_unref(control);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_user_is_disconnected,
        a_connection_is_named_as_in_its_welcome_and_a_code_and_a_reason_are_given,
        a_channel_is_unsubscribed_or_subscribed,
        what_would_do_more_than_it_says_is_refused,
        what_is_missing_is_told,
        what_is_no_object_of_json_is_refused,
        a_nul_behind_a_command_is_refused,
        members_of_another_kind_or_out_of_range_are_refused,
        texts_are_bounded,
        without_memory_it_says_so_and_leaves_nothing,
    };
    return run_suite("control", tests, N_ELEMENTS(tests));
}
