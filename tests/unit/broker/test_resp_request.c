#include "broker/resp_request.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

static RespRequest request;

static int parse(const char *text) {
    return resp_request_parse(&request, text, strlen(text));
}

static void expect_args(const char *joined) {
    char text[256] = "";
    size_t n_text = 0;
    for (size_t i = 0; i < request.n_args; i++)
        n_text +=
            (size_t)snprintf(text + n_text, sizeof text - n_text, "%.*s|", (int)request.args[i].n_bytes, request.args[i].bytes);
    ck_assert_str_eq(text, joined);
}

START_TEST(an_array_of_bulk_strings_is_a_command) {
    ck_assert_int_eq(parse("*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$0\r\n\r\n"), RESP_REQUEST_OK);
    expect_args("PUBLISH|c||");
    ck_assert_uint_eq(request.n_used, 30);
}
END_TEST

START_TEST(a_bulk_string_may_hold_any_bytes) {
    static const char bytes[] = "*1\r\n$6\r\na\r\n\0\nb\r\n";
    ck_assert_int_eq(resp_request_parse(&request, bytes, sizeof bytes - 1), RESP_REQUEST_OK);
    ck_assert_uint_eq(request.args[0].n_bytes, 6);
    ck_assert_mem_eq(request.args[0].bytes, "a\r\n\0\nb", 6);
}
END_TEST

START_TEST(a_line_of_words_is_a_command) {
    ck_assert_int_eq(parse("  PUBLISH\tnews  hi \r\n"), RESP_REQUEST_OK);
    expect_args("PUBLISH|news|hi|");
    ck_assert_int_eq(parse("PING\n"), RESP_REQUEST_OK);
    expect_args("PING|");
}
END_TEST

START_TEST(empty_commands_have_no_arguments) {
    static const char *const empty[] = {"\r\n", "\n", "   \r\n", "*0\r\n", "*-1\r\n"};
    for (size_t i = 0; i < N_ELEMENTS(empty); i++) {
        ck_assert_int_eq(parse(empty[i]), RESP_REQUEST_OK);
        ck_assert_uint_eq(request.n_args, 0);
        ck_assert_uint_eq(request.n_used, strlen(empty[i]));
    }
}
END_TEST

START_TEST(every_prefix_of_a_command_is_partial) {
    static const char *const whole[] = {"*2\r\n$4\r\nECHO\r\n$5\r\na\r\nbc\r\n", "PING hello\r\n"};
    for (size_t i = 0; i < N_ELEMENTS(whole); i++)
        for (size_t n = 0; n < strlen(whole[i]); n++)
            ck_assert_int_eq(resp_request_parse(&request, whole[i], n), RESP_REQUEST_PARTIAL);
}
END_TEST

START_TEST(what_follows_a_command_is_left) {
    ck_assert_int_eq(parse("*1\r\n$4\r\nPING\r\nQUIT\r\n"), RESP_REQUEST_OK);
    ck_assert_uint_eq(request.n_used, 14);
}
END_TEST

START_TEST(what_is_no_command_is_invalid_with_the_words_of_redis) {
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"*x\r\n", "invalid multibulk length"},    {"*-2\r\n", "invalid multibulk length"},
        {"*4097\r\n", "invalid multibulk length"}, {"*99999999999999999999\r\n", "invalid multibulk length"},
        {"*\r\n", "invalid multibulk length"},     {"*1\r\n+PING\r\n", "expected '$'"},
        {"*1\r\n$-1\r\n", "invalid bulk length"},  {"*1\r\n$16777217\r\n", "invalid bulk length"},
        {"*1\r\n$1x\r\n", "invalid bulk length"},
    };
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        ck_assert_int_eq(parse(cases[i].text), RESP_REQUEST_INVALID);
        ck_assert_str_eq(request.error, cases[i].error);
    }
}
END_TEST

START_TEST(http_is_no_command_since_a_page_can_make_a_browser_speak_it) {
    static const char *const lines[] = {"POST / HTTP/1.1\r\n", "post\r\n", "Host: localhost:6380\r\n", " HOST:\n"};
    for (size_t i = 0; i < N_ELEMENTS(lines); i++) {
        ck_assert_int_eq(parse(lines[i]), RESP_REQUEST_INVALID);
        ck_assert_str_eq(request.error, "HTTP is not spoken here");
    }
    ck_assert_int_eq(parse("PUBLISH POST Host:\r\n"), RESP_REQUEST_OK);
    expect_args("PUBLISH|POST|Host:|");
}
END_TEST

START_TEST(a_line_without_an_end_is_invalid_once_it_is_too_long) {
    static char text[RESP_LINE_MAX_BYTES];
    memset(text, 'x', sizeof text);
    ck_assert_int_eq(resp_request_parse(&request, text, sizeof text - 1), RESP_REQUEST_PARTIAL);
    ck_assert_int_eq(resp_request_parse(&request, text, sizeof text), RESP_REQUEST_INVALID);
    ck_assert_str_eq(request.error, "too big inline request");
}
END_TEST

START_TEST(a_line_of_too_many_words_is_invalid) {
    static char text[2 * RESP_ARGS_MAX + 4];
    for (size_t i = 0; i <= RESP_ARGS_MAX; i++)
        memcpy(text + 2 * i, "x ", 2);
    memcpy(text + (size_t)2 * (RESP_ARGS_MAX + 1), "\n", 2);
    ck_assert_int_eq(parse(text), RESP_REQUEST_INVALID);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        an_array_of_bulk_strings_is_a_command,
        a_bulk_string_may_hold_any_bytes,
        a_line_of_words_is_a_command,
        empty_commands_have_no_arguments,
        every_prefix_of_a_command_is_partial,
        what_follows_a_command_is_left,
        what_is_no_command_is_invalid_with_the_words_of_redis,
        http_is_no_command_since_a_page_can_make_a_browser_speak_it,
        a_line_without_an_end_is_invalid_once_it_is_too_long,
        a_line_of_too_many_words_is_invalid,
    };
    return run_suite("resp_request", tests, N_ELEMENTS(tests));
}
