#include "base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"

enum { MAX_READ = 200000, N_WRITERS = 4, N_LINES = 200, TS_BYTES = 24 };

static int read_end;
static char output[MAX_READ];

/* Lines go into a pipe, from which the test reads them. */
static void open_log(LogLevel level, LogFormat format) {
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    read_end = ends[0];
    log_configure(level, format, ends[1]);
}

static const char *read_output(void) {
    ssize_t n = read(read_end, output, sizeof(output) - 1);
    output[n > 0 ? n : 0] = '\0';
    return output;
}

/* What stands behind the time, the level and the event "e". */
static const char *read_fields(LogFormat format) {
    const char *head = format == LOG_FORMAT_JSON ? ",\"level\":\"info\",\"event\":\"e\"" : " level=info event=e";
    const char *at = strstr(read_output(), head);
    ck_assert_msg(at != NULL, "no head in %s", output);
    return at + strlen(head);
}

static const char *log_one(LogFormat format, const LogField field) {
    open_log(LOG_LEVEL_INFO, format);
    log_write(LOG_LEVEL_INFO, "e", &field, 1);
    return read_fields(format);
}

static void assert_logfmt(const char *text, size_t n_text, const char *expected) {
    char line[2000];
    snprintf(line, sizeof(line), " k=%s\n", expected);
    ck_assert_str_eq(log_one(LOG_FORMAT_LOGFMT, log_bytes("k", text, n_text)), line);
}

static void assert_json(const char *text, size_t n_text, const char *expected) {
    char line[2000];
    snprintf(line, sizeof(line), ",\"k\":\"%s\"}\n", expected);
    ck_assert_str_eq(log_one(LOG_FORMAT_JSON, log_bytes("k", text, n_text)), line);
}

static void assert_is_time(const char *text) {
    const char *const pattern = "0000-00-00T00:00:00.000Z";
    for (size_t i = 0; i < TS_BYTES; i++) {
        if (pattern[i] == '0')
            ck_assert(text[i] >= '0' && text[i] <= '9');
        else
            ck_assert_int_eq(text[i], pattern[i]);
    }
}

START_TEST(a_logfmt_line_has_time_level_event_and_fields) {
    open_log(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    log_event(LOG_LEVEL_WARN, "link_lost", log_text("host", "redis"), log_number("port", 6379));
    ck_assert_int_eq(strncmp(read_output(), "ts=", 3), 0);
    assert_is_time(output + 3);
    ck_assert_str_eq(output + 3 + TS_BYTES, " level=warn event=link_lost host=redis port=6379\n");
}
END_TEST

START_TEST(a_json_line_has_time_level_event_and_fields) {
    open_log(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_event(LOG_LEVEL_ERROR, "link_lost", log_text("host", "redis"), log_number("port", -1));
    ck_assert_int_eq(strncmp(read_output(), "{\"ts\":\"", 7), 0);
    assert_is_time(output + 7);
    ck_assert_str_eq(output + 7 + TS_BYTES, "\",\"level\":\"error\",\"event\":\"link_lost\",\"host\":\"redis\",\"port\":-1}\n");
}
END_TEST

START_TEST(a_line_may_have_no_fields) {
    open_log(LOG_LEVEL_DEBUG, LOG_FORMAT_JSON);
    log_write(LOG_LEVEL_INFO, "e", NULL, 0);
    ck_assert_str_eq(read_fields(LOG_FORMAT_JSON), "}\n");
}
END_TEST

START_TEST(below_the_level_nothing_is_written) {
    open_log(LOG_LEVEL_WARN, LOG_FORMAT_LOGFMT);
    log_write(LOG_LEVEL_INFO, "e", NULL, 0);
    ck_assert_str_eq(read_output(), "");
    ck_assert(!log_is_enabled(LOG_LEVEL_INFO));
    ck_assert(log_is_enabled(LOG_LEVEL_WARN));
    ck_assert(log_is_enabled(LOG_LEVEL_ERROR));
}
END_TEST

START_TEST(logfmt_quotes_only_what_needs_it) {
    assert_logfmt("plain/text:1", 12, "plain/text:1");
    assert_logfmt("gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f");
    assert_logfmt("back\\slash", 10, "back\\slash");
    assert_logfmt("", 0, "\"\"");
    assert_logfmt("a b", 3, "\"a b\"");
    assert_logfmt("a=b", 3, "\"a=b\"");
}
END_TEST

START_TEST(logfmt_escapes_inside_quotes) {
    assert_logfmt("say \"hi\"", 8, "\"say \\\"hi\\\"\"");
    assert_logfmt("a \\", 3, "\"a \\\\\"");
    assert_logfmt("1\n2", 3, "\"1\\n2\"");
    assert_logfmt("\x1b[2J", 4, "\"\\x1b[2J\"");
    assert_logfmt("\0", 1, "\"\\x00\"");
    assert_logfmt("\x7f", 1, "\"\\x7f\"");
    assert_logfmt("\xc2\x9b", 2, "\"\\xc2\\x9b\"");
    assert_logfmt("\xff\xc3\xa4\xc3", 4, "\"\\xff\xc3\xa4\\xc3\"");
}
END_TEST

START_TEST(json_escapes_what_the_standard_demands) {
    assert_json("a b=c", 5, "a b=c");
    assert_json("", 0, "");
    assert_json("say \"hi\" \\", 10, "say \\\"hi\\\" \\\\");
    assert_json("1\n2\t3", 5, "1\\n2\\u00093");
    assert_json("\0\x1f\x7f", 3, "\\u0000\\u001f\\u007f");
    assert_json("\xc2\x85", 2, "\\u0085");
    assert_json("\xe2\x82\xac", 3, "\xe2\x82\xac");
}
END_TEST

START_TEST(json_replaces_bytes_that_are_not_utf8) {
    assert_json("a\xff\xfe", 3, "a\xef\xbf\xbd\xef\xbf\xbd");
    assert_json("\xe2\x82", 2, "\xef\xbf\xbd\xef\xbf\xbd");
}
END_TEST

START_TEST(null_is_written_as_empty) {
    ck_assert_str_eq(log_one(LOG_FORMAT_LOGFMT, log_text("k", NULL)), " k=\"\"\n");
    ck_assert_str_eq(log_one(LOG_FORMAT_JSON, log_text("k", NULL)), ",\"k\":\"\"}\n");
}
END_TEST

START_TEST(numbers_keep_their_whole_range) {
    ck_assert_str_eq(log_one(LOG_FORMAT_LOGFMT, log_number("k", INT64_MIN)), " k=-9223372036854775808\n");
    ck_assert_str_eq(log_one(LOG_FORMAT_JSON, log_number("k", INT64_MAX)), ",\"k\":9223372036854775807}\n");
}
END_TEST

START_TEST(a_long_text_is_cut_on_a_character) {
    for (size_t n_before = 250; n_before <= 256; n_before++) {
        char text[300] = "", expected[300] = "";
        memset(text, 'a', n_before);
        memcpy(text + n_before, "\xf0\x9f\x90\x95zzzzzzzzzz", 14);
        size_t n_kept = n_before <= 252 ? 256 : n_before;
        memcpy(expected, text, n_kept);
        assert_logfmt(text, strlen(text), expected);
        assert_json(text, strlen(text), expected);
    }
}
END_TEST

START_TEST(a_long_text_of_invalid_bytes_is_cut_at_the_limit) {
    char text[300], expected[256 * 4 + 3] = "\"";
    memset(text, 0x80, sizeof(text));
    for (size_t i = 0; i < 256; i++)
        memcpy(expected + 1 + 4 * i, "\\x80", 4);
    expected[1 + 4 * 256] = '"';
    assert_logfmt(text, sizeof(text), expected);
}
END_TEST

START_TEST(fields_that_do_not_fit_are_left_out_and_the_line_says_so) {
    char text[256];
    memset(text, '\x01', sizeof(text));
    LogField fields[6]; /* each 1536 bytes in JSON, but for the last */
    for (size_t i = 0; i < 5; i++)
        fields[i] = log_bytes("long", text, sizeof(text));
    fields[5] = log_number("last", 5);
    open_log(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_write(LOG_LEVEL_INFO, "e", fields, 6);
    size_t n_line = strlen(read_output());
    ck_assert_uint_le(n_line, 4096);
    const char *const end = "\\u0001\",\"last\":5,\"cut\":1}\n";
    ck_assert_str_eq(output + n_line - strlen(end), end);
    size_t n_long = 0;
    for (const char *at = output; (at = strstr(at, "\"long\"")) != NULL; at++)
        n_long++;
    ck_assert_uint_eq(n_long, 2);
}
END_TEST

START_TEST(a_line_never_passes_its_bound_however_the_fields_fall) {
    char text[256];
    memset(text, 'x', sizeof(text));
    for (size_t n_text = 1; n_text <= sizeof(text); n_text++) {
        LogField fields[30];
        for (size_t i = 0; i < N_ELEMENTS(fields); i++)
            fields[i] = log_bytes("k", text, i % 3 ? n_text : sizeof(text));
        open_log(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        log_write(LOG_LEVEL_INFO, "e", fields, N_ELEMENTS(fields));
        size_t n_line = strlen(read_output());
        ck_assert_uint_le(n_line, 4096);
        ck_assert_str_eq(output + n_line - 2, "}\n");
    }
}
END_TEST

static void *write_lines(void *context) {
    for (int i = 0; i < N_LINES; i++)
        log_event(LOG_LEVEL_INFO, "e", log_text("text", context), log_number("number", i));
    return NULL;
}

START_TEST(lines_of_several_threads_do_not_mix) {
    pthread_t threads[N_WRITERS];
    char text[] = "0123456789012345678901234567890123456789";
    open_log(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    ck_assert_int_ge(fcntl(read_end, F_SETPIPE_SZ, MAX_READ), MAX_READ);
    for (int i = 0; i < N_WRITERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_lines, text), 0);
    for (int i = 0; i < N_WRITERS; i++)
        pthread_join(threads[i], NULL);
    int n_lines = 0;
    read_output();
    for (char *rest = output, *line; (line = strsep(&rest, "\n")) != NULL && *line; n_lines++) {
        ck_assert_int_eq(strncmp(line, "ts=", 3), 0);
        ck_assert_ptr_nonnull(strstr(line, " text=0123456789012345678901234567890123456789 number="));
        ck_assert_ptr_null(strstr(line + 1, "ts="));
    }
    ck_assert_int_eq(n_lines, N_WRITERS * N_LINES);
}
END_TEST

static size_t count_lines(const char *text) {
    size_t n_lines = 0;
    for (const char *at = output; (at = strstr(at, text)) != NULL; at++)
        n_lines++;
    return n_lines;
}

START_TEST(repeats_are_held_back_and_told) {
    open_log(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    log_sample(3);
    for (int i = 0; i < 10; i++)
        log_event(LOG_LEVEL_WARN, "refused", log_number("i", i));
    log_write(LOG_LEVEL_INFO, "other", NULL, 0);
    log_sample(0);
    read_output();
    ck_assert_uint_eq(count_lines("event=refused "), 3);
    ck_assert_uint_eq(count_lines("event=other\n"), 1);
    ck_assert_uint_eq(count_lines("level=warn event=repeated of=refused n=7\n"), 1);
    log_event(LOG_LEVEL_WARN, "refused", log_number("i", 10));
    ck_assert_uint_eq((read_output(), count_lines("event=refused i=10")), 1);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_logfmt_line_has_time_level_event_and_fields,
        a_json_line_has_time_level_event_and_fields,
        a_line_may_have_no_fields,
        below_the_level_nothing_is_written,
        logfmt_quotes_only_what_needs_it,
        logfmt_escapes_inside_quotes,
        json_escapes_what_the_standard_demands,
        json_replaces_bytes_that_are_not_utf8,
        null_is_written_as_empty,
        numbers_keep_their_whole_range,
        a_long_text_is_cut_on_a_character,
        a_long_text_of_invalid_bytes_is_cut_at_the_limit,
        fields_that_do_not_fit_are_left_out_and_the_line_says_so,
        a_line_never_passes_its_bound_however_the_fields_fall,
        lines_of_several_threads_do_not_mix,
        repeats_are_held_back_and_told,
    };
    return run_suite("log", tests, N_ELEMENTS(tests));
}
