#include "hub/outbox.h"

#include <errno.h>
#include <string.h>

#include "failing_memory.h"
#include "suite.h"

enum { SCRATCH = 64, LIMIT = 1000 };

static uint8_t scratch[SCRATCH];
static Outbox outbox;
static OutboxTotals totals;

/* One letter, n_payload times; the caller's reference goes to the outbox. */
static void finish(void) {
    outbox_finish(&outbox);
    ck_assert_uint_eq(counter_read(&totals.frames), 0);
    ck_assert_uint_eq(counter_read(&totals.bytes), 0);
}

static Frame *frame_of(FrameOpcode opcode, char letter, size_t n_payload) {
    Frame *frame;
    uint8_t *payload;
    ck_assert_int_eq(frame_new(&frame, opcode, n_payload, &payload), 0);
    memset(payload, letter, n_payload);
    return frame;
}

static int push(char letter, size_t n_payload) {
    Frame *frame = frame_of(FRAME_TEXT, letter, n_payload);
    int r = outbox_push(&outbox, frame);
    frame_unref(frame);
    return r;
}

static int push_control(char letter) {
    Frame *frame = frame_of(FRAME_PING, letter, 1);
    int r = outbox_push_control(&outbox, frame);
    frame_unref(frame);
    return r;
}

static OutboxSpan peek(void) {
    return outbox_peek(&outbox, scratch, sizeof(scratch));
}

START_TEST(a_new_outbox_is_empty_and_has_no_ring) {
    outbox_init(&outbox, LIMIT, &totals);
    ck_assert(outbox_is_empty(&outbox));
    ck_assert_ptr_null(outbox.ring);
    ck_assert_uint_eq(peek().n_bytes, 0);
    finish();
}
END_TEST

START_TEST(waiting_frames_are_gathered_in_order) {
    outbox_init(&outbox, LIMIT, &totals);
    push('a', 1);
    push('b', 2);
    OutboxSpan span = peek();
    ck_assert_ptr_eq(span.bytes, scratch);
    ck_assert_uint_eq(span.n_frames, 2);
    ck_assert_uint_eq(span.n_bytes, 7);
    ck_assert_mem_eq(span.bytes,
                     "\x81\x01"
                     "a\x81\x02"
                     "bb",
                     7);
    outbox_consume(&outbox, &span);
    ck_assert(outbox_is_empty(&outbox));
    ck_assert_uint_eq(outbox.n_bytes, 0);
    finish();
}
END_TEST

START_TEST(a_single_frame_is_not_copied) {
    outbox_init(&outbox, LIMIT, &totals);
    push('a', 1);
    ck_assert_ptr_eq(peek().bytes, outbox.ring[0]->bytes);
    finish();
}
END_TEST

START_TEST(a_frame_larger_than_the_scratch_goes_alone_and_uncopied) {
    outbox_init(&outbox, LIMIT, &totals);
    push('a', 200);
    push('b', 1);
    OutboxSpan span = peek();
    ck_assert_ptr_eq(span.bytes, outbox.ring[0]->bytes);
    ck_assert_uint_eq(span.n_bytes, 204);
    ck_assert_uint_eq(span.n_frames, 1);
    outbox_consume(&outbox, &span);
    ck_assert_uint_eq(peek().n_bytes, 3);
    finish();
}
END_TEST

START_TEST(only_whole_frames_are_gathered) {
    outbox_init(&outbox, LIMIT, &totals);
    push('a', 28);
    push('b', 32); /* the two fill the scratch to the byte */
    push('c', 1);
    OutboxSpan span = peek();
    ck_assert_uint_eq(span.n_bytes, SCRATCH);
    ck_assert_uint_eq(span.n_frames, 2);
    outbox_consume(&outbox, &span);
    ck_assert_uint_eq(outbox.n_frames, 1);
    finish();
}
END_TEST

START_TEST(control_frames_overtake_data) {
    outbox_init(&outbox, LIMIT, &totals);
    push('a', 1);
    push_control('p');
    push_control('q');
    OutboxSpan span = peek();
    ck_assert_uint_eq(span.n_control, 2);
    ck_assert_uint_eq(span.n_frames, 1);
    ck_assert_mem_eq(span.bytes,
                     "\x89\x01p\x89\x01q\x81\x01"
                     "a",
                     9);
    outbox_consume(&outbox, &span);
    ck_assert(outbox_is_empty(&outbox));
    finish();
}
END_TEST

START_TEST(control_frames_leave_first_when_data_does_not_fit) {
    outbox_init(&outbox, LIMIT, &totals);
    push('a', 100);
    push_control('p');
    OutboxSpan span = peek();
    ck_assert_uint_eq(span.n_control, 1);
    ck_assert_uint_eq(span.n_frames, 0);
    push_control('q'); /* not peeked yet, so it stays */
    outbox_consume(&outbox, &span);
    ck_assert_uint_eq(outbox.n_control, 1);
    ck_assert_mem_eq(outbox.control[0]->bytes, "\x89\x01q", 3);
    finish();
}
END_TEST

START_TEST(control_frames_are_few) {
    outbox_init(&outbox, LIMIT, &totals);
    for (int i = 0; i < OUTBOX_CONTROL_MAX; i++)
        ck_assert_int_eq(push_control('p'), OUTBOX_OK);
    ck_assert_int_eq(push_control('p'), OUTBOX_FULL);
    finish();
}
END_TEST

START_TEST(push_past_the_limit_is_refused) {
    outbox_init(&outbox, 20, &totals);
    ck_assert_int_eq(push('a', 8), OUTBOX_OK);
    ck_assert_int_eq(push('b', 8), OUTBOX_OK); /* 20 bytes with the headers */
    ck_assert_int_eq(push('c', 0), OUTBOX_FULL);
    ck_assert_uint_eq(outbox.n_bytes, 20);
    ck_assert_uint_eq(outbox.n_frames, 2);
    finish();
}
END_TEST

START_TEST(an_empty_outbox_takes_a_frame_above_the_limit) {
    outbox_init(&outbox, 20, &totals);
    ck_assert_int_eq(push('a', 100), OUTBOX_OK);
    ck_assert_int_eq(push('b', 0), OUTBOX_FULL);
    finish();
}
END_TEST

START_TEST(the_last_frame_comes_behind_all_data_whatever_the_limit) {
    outbox_init(&outbox, 4, &totals);
    push('a', 2);
    Frame *frame = frame_of(FRAME_CLOSE, 'c', 2);
    ck_assert_int_eq(outbox_push_last(&outbox, frame), OUTBOX_OK);
    frame_unref(frame);
    ck_assert_mem_eq(peek().bytes,
                     "\x81\x02"
                     "aa\x88\x02"
                     "cc",
                     8);
    finish();
}
END_TEST

START_TEST(discarding_drops_data_and_control) {
    outbox_init(&outbox, LIMIT, &totals);
    push('a', 1);
    push_control('p');
    outbox_discard(&outbox);
    ck_assert(outbox_is_empty(&outbox));
    ck_assert_uint_eq(outbox.n_bytes, 0);
    finish();
}
END_TEST

START_TEST(order_holds_while_the_ring_goes_round_and_grows) {
    outbox_init(&outbox, LIMIT, &totals);
    char pushed = 0, taken = 0;
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i <= round % 7; i++)
            ck_assert_int_eq(push(pushed++, 1), OUTBOX_OK);
        for (int i = 0; i <= round % 5 && !outbox_is_empty(&outbox); i++) {
            OutboxSpan span = outbox_peek(&outbox, scratch, 1); /* one frame at a time */
            ck_assert_int_eq((char)span.bytes[2], taken++);
            outbox_consume(&outbox, &span);
        }
    }
    ck_assert_uint_eq(outbox.n_frames, (uint8_t)(pushed - taken));
    finish();
}
END_TEST

START_TEST(the_memory_of_a_burst_is_given_back_when_it_has_gone) {
    outbox_init(&outbox, LIMIT, &totals);
    for (int i = 0; i < 65; i++)
        push('a', 1);
    ck_assert_uint_eq(outbox.capacity, 128);
    while (!outbox_is_empty(&outbox)) {
        OutboxSpan span = peek();
        outbox_consume(&outbox, &span);
    }
    ck_assert_ptr_null(outbox.ring);
    ck_assert_int_eq(push('b', 1), OUTBOX_OK);
    ck_assert_uint_eq(outbox.capacity, 8);
    finish();
}
END_TEST

START_TEST(without_memory_what_waits_stays) {
    outbox_init(&outbox, LIMIT, &totals);
    for (int i = 0; i < 8; i++)
        push('a', 1);
    Frame *frame = frame_of(FRAME_TEXT, 'b', 1);
    memory_fail_at(1);
    ck_assert_int_eq(outbox_push(&outbox, frame), -ENOMEM);
    ck_assert_uint_eq(frame->n_references, 1);
    ck_assert_uint_eq(outbox.n_frames, 8);
    ck_assert_int_eq(outbox_push(&outbox, frame), OUTBOX_OK);
    frame_unref(frame);
    finish();
}
END_TEST

START_TEST(every_reference_is_given_back) {
    outbox_init(&outbox, LIMIT, &totals);
    Frame *frame = frame_of(FRAME_TEXT, 'a', 1);
    outbox_push(&outbox, frame);
    outbox_push(&outbox, frame);
    outbox_push_control(&outbox, frame);
    ck_assert_uint_eq(frame->n_references, 4);
    OutboxSpan span = outbox_peek(&outbox, scratch, 7);
    outbox_consume(&outbox, &span);
    ck_assert_uint_eq(frame->n_references, 2);
    finish();
    ck_assert_uint_eq(frame->n_references, 1);
    frame_unref(frame);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_new_outbox_is_empty_and_has_no_ring,
        waiting_frames_are_gathered_in_order,
        a_single_frame_is_not_copied,
        a_frame_larger_than_the_scratch_goes_alone_and_uncopied,
        only_whole_frames_are_gathered,
        control_frames_overtake_data,
        control_frames_leave_first_when_data_does_not_fit,
        control_frames_are_few,
        push_past_the_limit_is_refused,
        an_empty_outbox_takes_a_frame_above_the_limit,
        the_last_frame_comes_behind_all_data_whatever_the_limit,
        discarding_drops_data_and_control,
        order_holds_while_the_ring_goes_round_and_grows,
        the_memory_of_a_burst_is_given_back_when_it_has_gone,
        without_memory_what_waits_stays,
        every_reference_is_given_back,
    };
    return run_suite("outbox", tests, N_ELEMENTS(tests));
}
