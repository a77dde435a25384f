#include "hub/frame.h"

#include <errno.h>
#include <string.h>

#include "failing_memory.h"
#include "suite.h"

static Frame *frame_of(FrameOpcode opcode, size_t n_payload) {
    Frame *frame;
    uint8_t *payload;
    ck_assert_int_eq(frame_new(&frame, opcode, n_payload, &payload), 0);
    memset(payload, 'x', n_payload);
    ck_assert_ptr_eq(payload + n_payload, frame->bytes + frame->n_bytes);
    return frame;
}

static void assert_header(size_t n_payload, const void *header, size_t n_header) {
    Frame *frame = frame_of(FRAME_BINARY, n_payload);
    ck_assert_uint_eq(frame->n_bytes, n_header + n_payload);
    ck_assert_mem_eq(frame->bytes, header, n_header);
    frame_unref(frame);
}

/* RFC 6455 section 5.2: the minimal number of bytes encodes the length. */
START_TEST(the_length_takes_its_shortest_form) {
    assert_header(0, "\x82\x00", 2);
    assert_header(125, "\x82\x7d", 2);
    assert_header(126, "\x82\x7e\x00\x7e", 4);
    assert_header(65535, "\x82\x7e\xff\xff", 4);
    assert_header(65536, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
}
END_TEST

START_TEST(each_opcode_is_final_and_unmasked) {
    const FrameOpcode opcodes[] = {FRAME_TEXT, FRAME_BINARY, FRAME_CLOSE, FRAME_PING, FRAME_PONG};
    for (size_t i = 0; i < N_ELEMENTS(opcodes); i++) {
        Frame *frame = frame_of(opcodes[i], 3);
        ck_assert_uint_eq(frame->bytes[0], 0x80u | opcodes[i]);
        ck_assert_uint_eq(frame->bytes[1], 3);
        frame_unref(frame);
    }
}
END_TEST

START_TEST(a_payload_is_copied_in) {
    Frame *frame;
    ck_assert_int_eq(frame_new_copy(&frame, FRAME_TEXT, "hello", 5), 0);
    ck_assert_uint_eq(frame->n_bytes, 7);
    ck_assert_mem_eq(frame->bytes, "\x81\x05hello", 7);
    frame_unref(frame);
}
END_TEST

START_TEST(a_close_frame_carries_code_and_reason) {
    Frame *frame;
    ck_assert_int_eq(frame_new_close(&frame, 1001, "bye"), 0);
    ck_assert_uint_eq(frame->n_bytes, 7);
    ck_assert_mem_eq(frame->bytes,
                     "\x88\x05\x03\xe9"
                     "bye",
                     7);
    frame_unref(frame);
}
END_TEST

START_TEST(a_close_frame_without_a_code_has_no_body) {
    Frame *frame;
    ck_assert_int_eq(frame_new_close(&frame, 0, "unheard"), 0);
    ck_assert_uint_eq(frame->n_bytes, 2);
    ck_assert_mem_eq(frame->bytes, "\x88\x00", 2);
    frame_unref(frame);
}
END_TEST

START_TEST(a_long_reason_is_cut_between_characters) {
    char reason[140];
    memset(reason, 'r', sizeof(reason));
    memcpy(reason + 122, "\xc3\xa4", 2); /* would end at byte 124 */
    reason[sizeof(reason) - 1] = '\0';
    Frame *frame;
    ck_assert_int_eq(frame_new_close(&frame, 1000, reason), 0);
    ck_assert_uint_eq(frame->n_bytes, 2 + 2 + 122);
    ck_assert_uint_eq(frame->bytes[1], 124);
    frame_unref(frame);
}
END_TEST

START_TEST(a_frame_of_more_than_4_gib_is_refused) {
    Frame *frame;
    uint8_t *payload;
    ck_assert_int_eq(frame_new(&frame, FRAME_BINARY, UINT32_MAX, &payload), -ENOMEM);
}
END_TEST

START_TEST(the_last_reference_frees_it) {
    Frame *frame = frame_of(FRAME_TEXT, 1);
    ck_assert_ptr_eq(frame_ref(frame), frame);
    ck_assert_ptr_null(frame_unref(frame));
    ck_assert_uint_eq(frame->n_references, 1);
    ck_assert_ptr_null(frame_unref(frame));
    ck_assert_ptr_null(frame_unref(NULL));
}
END_TEST

START_TEST(without_memory_there_is_no_frame) {
    Frame *frame;
    memory_fail_at(1);
    ck_assert_int_eq(frame_new_copy(&frame, FRAME_TEXT, "x", 1), -ENOMEM);
    memory_fail_at(1);
    ck_assert_int_eq(frame_new_close(&frame, 1000, "x"), -ENOMEM);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        the_length_takes_its_shortest_form,
        each_opcode_is_final_and_unmasked,
        a_payload_is_copied_in,
        a_close_frame_carries_code_and_reason,
        a_close_frame_without_a_code_has_no_body,
        a_long_reason_is_cut_between_characters,
        a_frame_of_more_than_4_gib_is_refused,
        the_last_reference_frees_it,
        without_memory_there_is_no_frame,
    };
    return run_suite("frame", tests, N_ELEMENTS(tests));
}
