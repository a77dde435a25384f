#include <string.h>

#include "hub/outbox.h"
#include "suite.h"

enum { FRAME_BYTES = 3, LOG_MAX = 4096 }; /* each frame: a header of two bytes and its letter */

static Outbox outbox;
static OutboxTotals totals;
static char gone[LOG_MAX]; /* the letters of what was evicted; upper case: superseded */

static void finish(void) {
    outbox_finish(&outbox);
    ck_assert_uint_eq(counter_read(&totals.frames), 0);
    ck_assert_uint_eq(counter_read(&totals.bytes), 0);
}

static Frame *frame_of(char letter, uint64_t token, SlowPolicy slow) {
    Frame *frame;
    ck_assert_int_eq(frame_new_copy(&frame, FRAME_TEXT, &letter, 1), 0);
    frame->channel_token = token;
    frame->slow = (uint8_t)slow;
    return frame;
}

static void begin(uint32_t n_frames) {
    outbox_init(&outbox, (size_t)n_frames * FRAME_BYTES, &totals);
    memset(gone, 0, sizeof(gone));
}

static void push(char letter, uint64_t token, SlowPolicy slow) {
    Frame *frame = frame_of(letter, token, slow);
    ck_assert_int_eq(outbox_push(&outbox, frame), OUTBOX_OK);
    frame_unref(frame);
}

static void evicted(void *context, const Frame *frame, bool is_superseded) {
    size_t n = strlen(gone);
    ck_assert_ptr_eq(context, &outbox);
    gone[n] = (char)(frame->bytes[2] - (is_superseded ? 'a' - 'A' : 0));
}

static int evict_oldest(char letter, uint64_t token, SlowPolicy slow) {
    Frame *next = frame_of(letter, token, slow);
    int r = outbox_evict_oldest(&outbox, next, evicted, &outbox);
    frame_unref(next);
    return r;
}

static void evict_superseded(uint64_t token) {
    Frame *next = frame_of('n', token, SLOW_LATEST);
    outbox_evict_superseded(&outbox, next, evicted, &outbox);
    frame_unref(next);
}

/* What waits, in order; the outbox is empty and finished then. */
static void end(const char *letters) {
    uint8_t scratch[64 * FRAME_BYTES];
    ck_assert_uint_eq(outbox.n_frames, strlen(letters));
    ck_assert_uint_eq(outbox.n_bytes, strlen(letters) * FRAME_BYTES);
    OutboxSpan span = outbox_peek(&outbox, scratch, sizeof(scratch));
    ck_assert_uint_eq(span.n_frames, strlen(letters));
    for (size_t i = 0; letters[i]; i++)
        ck_assert_int_eq(span.bytes[i * FRAME_BYTES + 2], letters[i]);
    finish();
}

START_TEST(the_oldest_goes_until_the_new_one_fits) {
    begin(4);
    push('a', 1, SLOW_DROP_OLDEST);
    push('b', 2, SLOW_DROP_OLDEST);
    push('c', 1, SLOW_DROP_OLDEST);
    push('d', 1, SLOW_DROP_OLDEST);
    ck_assert_int_eq(evict_oldest('e', 1, SLOW_DROP_OLDEST), OUTBOX_OK);
    ck_assert_str_eq(gone, "a");
    push('e', 1, SLOW_DROP_OLDEST);
    end("bcde");
}
END_TEST

START_TEST(frames_of_other_policies_and_of_no_channel_stay_in_order) {
    begin(6);
    push('a', 0, SLOW_CLOSE);
    push('b', 1, SLOW_CLOSE);
    push('c', 2, SLOW_DROP_OLDEST);
    push('d', 0, SLOW_DROP_OLDEST);
    push('e', 3, SLOW_LATEST);
    push('f', 2, SLOW_DROP_OLDEST);
    ck_assert_int_eq(evict_oldest('x', 2, SLOW_DROP_OLDEST), OUTBOX_OK);
    ck_assert_str_eq(gone, "c");
    push('g', 2, SLOW_DROP_OLDEST);
    ck_assert_int_eq(evict_oldest('x', 2, SLOW_DROP_OLDEST), OUTBOX_OK);
    ck_assert_str_eq(gone, "ce");
    end("abdfg");
}
END_TEST

START_TEST(a_large_frame_takes_the_place_of_several) {
    begin(5);
    for (char letter = 'a'; letter <= 'e'; letter++)
        push(letter, 1, SLOW_DROP_OLDEST);
    Frame *large;
    frame_new_copy(&large, FRAME_TEXT, "0123456", 7);
    ck_assert_int_eq(outbox_evict_oldest(&outbox, large, evicted, &outbox), OUTBOX_OK);
    frame_unref(large);
    ck_assert_str_eq(gone, "abc");
    end("de");
}
END_TEST

START_TEST(a_frame_above_the_limit_gets_an_empty_outbox) {
    begin(3);
    push('a', 1, SLOW_DROP_OLDEST);
    push('b', 1, SLOW_DROP_OLDEST);
    Frame *large;
    frame_new_copy(&large, FRAME_TEXT, "0123456789", 10);
    ck_assert_int_eq(outbox_evict_oldest(&outbox, large, evicted, &outbox), OUTBOX_OK);
    ck_assert_int_eq(outbox_push(&outbox, large), OUTBOX_OK);
    frame_unref(large);
    ck_assert_str_eq(gone, "ab");
    finish();
}
END_TEST

START_TEST(what_may_not_go_leaves_it_full) {
    begin(3);
    push('a', 0, SLOW_CLOSE);
    push('b', 1, SLOW_CLOSE);
    push('c', 0, SLOW_CLOSE);
    ck_assert_int_eq(evict_oldest('x', 2, SLOW_DROP_OLDEST), OUTBOX_FULL);
    ck_assert_str_eq(gone, "");
    end("abc");
}
END_TEST

START_TEST(only_the_newest_of_each_latest_channel_stays) {
    begin(10);
    push('a', 1, SLOW_LATEST);
    push('b', 2, SLOW_LATEST);
    push('c', 1, SLOW_LATEST);
    push('d', 3, SLOW_DROP_OLDEST);
    push('e', 3, SLOW_DROP_OLDEST);
    push('f', 2, SLOW_LATEST);
    push('g', 1, SLOW_LATEST);
    push('h', 0, SLOW_LATEST);
    push('i', 0, SLOW_LATEST);
    evict_superseded(9);
    ck_assert_str_eq(gone, "CBA");
    end("defghi");
}
END_TEST

START_TEST(of_the_new_frames_channel_none_stays) {
    begin(4);
    push('a', 1, SLOW_LATEST);
    push('b', 2, SLOW_LATEST);
    push('c', 1, SLOW_LATEST);
    evict_superseded(1);
    ck_assert_str_eq(gone, "CA");
    end("b");
}
END_TEST

START_TEST(channels_whose_tokens_collide_are_told_apart) {
    begin(10);
    push('a', 5, SLOW_LATEST);
    push('b', 5 + 1024, SLOW_LATEST);
    push('c', 5 + 2048, SLOW_LATEST);
    push('d', 6, SLOW_LATEST);
    push('e', 5 + 1024, SLOW_LATEST);
    evict_superseded(6);
    ck_assert_str_eq(gone, "DB");
    end("ace");
}
END_TEST

START_TEST(of_too_many_channels_the_newest_are_thinned) {
    enum { N_CHANNELS = 3 * OUTBOX_LATEST_MAX };
    begin(2 * N_CHANNELS);
    for (uint64_t round = 0; round < 2; round++)
        for (uint64_t token = 1; token <= N_CHANNELS; token++)
            push('a', token, SLOW_LATEST);
    evict_superseded(0);
    ck_assert_uint_eq(outbox.n_frames, 2 * N_CHANNELS - OUTBOX_LATEST_MAX);
    ck_assert_uint_eq(outbox.n_bytes, (size_t)outbox.n_frames * FRAME_BYTES);
    finish();
}
END_TEST

START_TEST(it_works_where_the_ring_goes_round) {
    begin(8);
    for (int round = 0; round < 100; round++) {
        push('a', 1, SLOW_LATEST);
        push('b', 0, SLOW_CLOSE);
        push('c', 2, SLOW_DROP_OLDEST);
        push('d', 1, SLOW_LATEST);
        push('e', 0, SLOW_CLOSE);
        evict_superseded(9);
        ck_assert_uint_eq(outbox.n_frames, 4);
        outbox.n_limit = 4u * FRAME_BYTES;
        ck_assert_int_eq(evict_oldest('x', 2, SLOW_DROP_OLDEST), OUTBOX_OK);
        outbox.n_limit = 8u * FRAME_BYTES;
        uint8_t scratch[16 * FRAME_BYTES];
        OutboxSpan span = outbox_peek(&outbox, scratch, sizeof(scratch));
        ck_assert_uint_eq(span.n_frames, 3);
        ck_assert_mem_eq(span.bytes,
                         "\x81\x01"
                         "b"
                         "\x81\x01"
                         "d"
                         "\x81\x01"
                         "e",
                         9);
        outbox_consume(&outbox, &span);
    }
    end("");
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        the_oldest_goes_until_the_new_one_fits,
        frames_of_other_policies_and_of_no_channel_stay_in_order,
        a_large_frame_takes_the_place_of_several,
        a_frame_above_the_limit_gets_an_empty_outbox,
        what_may_not_go_leaves_it_full,
        only_the_newest_of_each_latest_channel_stays,
        of_the_new_frames_channel_none_stays,
        channels_whose_tokens_collide_are_told_apart,
        of_too_many_channels_the_newest_are_thinned,
        it_works_where_the_ring_goes_round,
    };
    return run_suite("outbox_evict", tests, N_ELEMENTS(tests));
}
