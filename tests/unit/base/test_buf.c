#include "base/buf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "suite.h"

static bool memory_is_out;

void *__real_realloc(void *memory, size_t n_bytes);
void *__wrap_realloc(void *memory, size_t n_bytes);

void *__wrap_realloc(void *memory, size_t n_bytes) {
    return memory_is_out ? NULL : __real_realloc(memory, n_bytes);
}

static void assert_holds(const Buf *buf, const char *text) {
    ck_assert_uint_eq(buf->n_bytes, strlen(text));
    ck_assert_mem_eq(buf->bytes, text, buf->n_bytes);
}

START_TEST(a_new_buf_allocates_nothing) {
    Buf buf;
    buf_init(&buf, 100);
    ck_assert_ptr_null(buf.bytes);
    ck_assert_uint_eq(buf.n_bytes, 0);
    buf_finish(&buf);
}
END_TEST

START_TEST(bytes_are_appended_in_order) {
    Buf buf;
    buf_init(&buf, 100);
    ck_assert_int_eq(buf_append(&buf, "one ", 4), BUF_OK);
    ck_assert_int_eq(buf_append_text(&buf, "two "), BUF_OK);
    ck_assert_int_eq(buf_append_format(&buf, "%s %d", "three", 4), BUF_OK);
    assert_holds(&buf, "one two three 4");
    buf_finish(&buf);
}
END_TEST

START_TEST(nothing_may_be_appended_from_nowhere) {
    Buf buf;
    buf_init(&buf, 0);
    ck_assert_int_eq(buf_append(&buf, NULL, 0), BUF_OK);
    ck_assert_ptr_null(buf.bytes);
    buf_finish(&buf);
}
END_TEST

START_TEST(room_is_made_for_bytes_that_are_written_later) {
    Buf buf;
    uint8_t *room;
    buf_init(&buf, 5);
    ck_assert_int_eq(buf_append(&buf, "ab", 2), BUF_OK);
    ck_assert_int_eq(buf_extend(&buf, 3, &room), BUF_OK);
    memcpy(room, "cde", 3);
    ck_assert_mem_eq(buf.bytes, "abcde", 5);
    ck_assert_int_eq(buf_extend(&buf, 1, &room), BUF_FULL);
    ck_assert_uint_eq(buf.n_bytes, 5);
    buf_finish(&buf);
}
END_TEST

START_TEST(the_limit_itself_is_reached) {
    Buf buf;
    buf_init(&buf, 8);
    ck_assert_int_eq(buf_append_text(&buf, "1234"), BUF_OK);
    ck_assert_int_eq(buf_append_text(&buf, "5678"), BUF_OK);
    assert_holds(&buf, "12345678");
    buf_finish(&buf);
}
END_TEST

START_TEST(past_the_limit_nothing_is_appended) {
    Buf buf;
    buf_init(&buf, 8);
    buf_append_text(&buf, "1234");
    ck_assert_int_eq(buf_append_text(&buf, "56789"), BUF_FULL);
    ck_assert_int_eq(buf_append(&buf, "", SIZE_MAX), BUF_FULL);
    assert_holds(&buf, "1234");
    buf_finish(&buf);
}
END_TEST

START_TEST(a_large_buf_never_allocates_past_its_limit) {
    Buf buf;
    buf_init(&buf, 1000);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(buf_append(&buf, "x", 1), BUF_OK);
    ck_assert_uint_eq(buf.n_allocated, 1000);
    ck_assert_int_eq(buf_append(&buf, "x", 1), BUF_FULL);
    buf_finish(&buf);
}
END_TEST

START_TEST(a_format_may_fill_the_limit_exactly) {
    Buf buf;
    buf_init(&buf, 6);
    ck_assert_int_eq(buf_append_format(&buf, "%03d", 7), BUF_OK);
    ck_assert_int_eq(buf_append_format(&buf, "%03d", 8), BUF_OK);
    assert_holds(&buf, "007008");
    ck_assert_int_eq(buf_append_format(&buf, "%d", 9), BUF_FULL);
    ck_assert_int_eq(buf_append_format(&buf, "%s", ""), BUF_OK);
    assert_holds(&buf, "007008");
    buf_finish(&buf);
}
END_TEST

START_TEST(a_format_of_any_length_is_appended_whole) {
    char text[301];
    Buf buf;
    buf_init(&buf, SIZE_MAX);
    for (int n = 0; n <= 300; n++) {
        snprintf(text, sizeof(text), "%*d", n, 1);
        buf_clear(&buf);
        ck_assert_int_eq(buf_append_format(&buf, "%*d", n, 1), BUF_OK);
        assert_holds(&buf, text);
    }
    buf_finish(&buf);
}
END_TEST

START_TEST(clearing_keeps_the_memory) {
    Buf buf;
    buf_init(&buf, 100);
    buf_append_text(&buf, "text");
    const uint8_t *bytes = buf.bytes;
    buf_clear(&buf);
    ck_assert_uint_eq(buf.n_bytes, 0);
    buf_append_text(&buf, "more");
    ck_assert_ptr_eq(buf.bytes, bytes);
    buf_finish(&buf);
}
END_TEST

START_TEST(a_finished_buf_may_be_used_again) {
    Buf buf;
    buf_init(&buf, 4);
    buf_append_text(&buf, "text");
    buf_finish(&buf);
    ck_assert_ptr_null(buf.bytes);
    ck_assert_int_eq(buf_append_text(&buf, "more"), BUF_OK);
    ck_assert_int_eq(buf_append_text(&buf, "!"), BUF_FULL);
    buf_finish(&buf);
}
END_TEST

START_TEST(without_memory_the_buf_stays_as_it_was) {
    char text[100] = "";
    memset(text, 'x', sizeof(text) - 1);
    Buf buf;
    buf_init(&buf, 1000);
    buf_append_text(&buf, "before");
    memory_is_out = true;
    ck_assert_int_eq(buf_append(&buf, text, sizeof(text)), -ENOMEM);
    ck_assert_int_eq(buf_append_format(&buf, "%s", text), -ENOMEM);
    memory_is_out = false;
    assert_holds(&buf, "before");
    buf_finish(&buf);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_new_buf_allocates_nothing,
        bytes_are_appended_in_order,
        nothing_may_be_appended_from_nowhere,
        room_is_made_for_bytes_that_are_written_later,
        the_limit_itself_is_reached,
        past_the_limit_nothing_is_appended,
        a_large_buf_never_allocates_past_its_limit,
        a_format_may_fill_the_limit_exactly,
        a_format_of_any_length_is_appended_whole,
        clearing_keeps_the_memory,
        a_finished_buf_may_be_used_again,
        without_memory_the_buf_stays_as_it_was,
    };
    return run_suite("buf", tests, N_ELEMENTS(tests));
}
