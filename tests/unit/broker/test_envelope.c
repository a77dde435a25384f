#include "broker/envelope.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

#define OPEN(envelope, literal) envelope_open(&(envelope), (literal), sizeof(literal) - 1)

static void expect_live(const char *bytes, size_t n_bytes) {
    Envelope envelope;
    envelope_open(&envelope, bytes, n_bytes);
    ck_assert_int_eq(envelope.kind, MESSAGE_DATA);
    ck_assert_uint_eq(envelope.position.epoch, 0);
    ck_assert_ptr_eq(envelope.payload, bytes);
    ck_assert_uint_eq(envelope.n_payload, n_bytes);
}

START_TEST(a_message_has_its_place_and_the_payloads_own_bytes) {
    Envelope envelope;
    OPEN(envelope, "\0barker/1 m 1700000000000000-42\nhi\n\0there");
    ck_assert_int_eq(envelope.kind, MESSAGE_DATA);
    ck_assert_uint_eq(envelope.position.epoch, UINT64_C(1700000000000000));
    ck_assert_uint_eq(envelope.position.seq, 42);
    ck_assert_uint_eq(envelope.n_payload, 9);
    ck_assert_int_eq(memcmp(envelope.payload, "hi\n\0there", 9), 0);
    OPEN(envelope, "\0barker/1 m 9223372036854775807-18446744073709551615\n");
    ck_assert_uint_eq(envelope.position.epoch, (uint64_t)INT64_MAX);
    ck_assert_uint_eq(envelope.position.seq, UINT64_MAX);
    ck_assert_uint_eq(envelope.n_payload, 0);
}
END_TEST

START_TEST(presence_has_its_version_the_user_and_the_member) {
    Envelope envelope;
    OPEN(envelope, "\0barker/1 j 7 3\nann{\"user\":\"ann\"}");
    ck_assert_int_eq(envelope.kind, MESSAGE_JOIN);
    ck_assert_uint_eq(envelope.version, 7);
    ck_assert_uint_eq(envelope.n_user, 3);
    ck_assert_int_eq(memcmp(envelope.user, "ann", 3), 0);
    ck_assert_uint_eq(envelope.n_payload, 14);
    ck_assert_int_eq(memcmp(envelope.payload, "{\"user\":\"ann\"}", 14), 0);
    OPEN(envelope, "\0barker/1 l 0 3\nann");
    ck_assert_int_eq(envelope.kind, MESSAGE_LEAVE);
    ck_assert_uint_eq(envelope.version, 0);
    ck_assert_uint_eq(envelope.n_payload, 0);
}
END_TEST

START_TEST(what_is_escaped_is_a_live_payload_without_its_head) {
    Envelope envelope;
    OPEN(envelope, "\0barker/1 e\n\0barker/1 m 1-1\nhi");
    ck_assert_int_eq(envelope.kind, MESSAGE_DATA);
    ck_assert_uint_eq(envelope.position.epoch, 0);
    ck_assert_uint_eq(envelope.n_payload, 18);
    ck_assert(envelope_is_needed(envelope.payload, envelope.n_payload));
}
END_TEST

START_TEST(what_is_not_exactly_an_envelope_is_a_live_payload) {
    static const struct {
        const char *bytes;
        size_t n_bytes;
    } payloads[] = {
#define PAYLOAD(literal) {literal, sizeof(literal) - 1}
        PAYLOAD(""),
        PAYLOAD("hi"),
        PAYLOAD("\0"),
        PAYLOAD("\0barker/1"),
        PAYLOAD("\0barker/1 "),
        PAYLOAD("\0barker/1 \n"),
        PAYLOAD("\0barker/2 m 1-1\nhi"),
        PAYLOAD("\0barker/1 m 1-1"),
        PAYLOAD("\0barker/1 m\nhi"),
        PAYLOAD("\0barker/1 m 1\nhi"),
        PAYLOAD("\0barker/1 m 1-\nhi"),
        PAYLOAD("\0barker/1 m -1\nhi"),
        PAYLOAD("\0barker/1 m 0-1\nhi"),
        PAYLOAD("\0barker/1 m 1-0\nhi"),
        PAYLOAD("\0barker/1 m 01-1\nhi"),
        PAYLOAD("\0barker/1 m 1-1 \nhi"),
        PAYLOAD("\0barker/1 m  1-1\nhi"),
        PAYLOAD("\0barker/1 m 1-1\r\nhi"),
        PAYLOAD("\0barker/1 m 9223372036854775808-1\nhi"),
        PAYLOAD("\0barker/1 m 1-18446744073709551616\nhi"),
        PAYLOAD("\0barker/1 m 1-1000000000000000000000000000000000000000000000000000000000\nhi"),
        PAYLOAD("\0barker/1 x\nhi"),
        PAYLOAD("\0barker/1 e \nhi"),
        PAYLOAD("\0barker/1 j 1\nann{}"),
        PAYLOAD("\0barker/1 j 1 0\n{}"),
        PAYLOAD("\0barker/1 j 1 4\nann"),
        PAYLOAD("\0barker/1 l 1 18446744073709551615\nann"),
        PAYLOAD("\0barker/1 l -1 3\nann"),
#undef PAYLOAD
    };
    for (size_t i = 0; i < N_ELEMENTS(payloads); i++)
        expect_live(payloads[i].bytes, payloads[i].n_bytes);
}
END_TEST

START_TEST(a_payload_needs_a_head_only_when_it_begins_like_an_envelope) {
    ck_assert(envelope_is_needed("\0barker/1 ", 10));
    ck_assert(envelope_is_needed("\0barker/1 anything", 18));
    ck_assert(!envelope_is_needed("\0barker/1", 9));
    ck_assert(!envelope_is_needed("barker/1 m 1-1\n", 15));
    ck_assert(!envelope_is_needed("", 0));
    ck_assert(!envelope_is_needed(NULL, 0));
}
END_TEST

START_TEST(the_largest_heads_that_are_written_are_read_back) {
    char bytes[ENVELOPE_HEAD_MAX + 255];
    Envelope envelope;
    memset(bytes, 'x', sizeof bytes);
    size_t n = envelope_head_message(bytes, (Position){.epoch = INT64_MAX, .seq = UINT64_MAX});
    ck_assert_uint_le(n, ENVELOPE_HEAD_MAX);
    envelope_open(&envelope, bytes, n + 1);
    ck_assert_uint_eq(envelope.position.seq, UINT64_MAX);
    ck_assert_uint_eq(envelope.n_payload, 1);
    n = envelope_head_presence(bytes, MESSAGE_LEAVE, UINT64_MAX, 255);
    ck_assert_uint_le(n, ENVELOPE_HEAD_MAX);
    envelope_open(&envelope, bytes, n + 255);
    ck_assert_int_eq(envelope.kind, MESSAGE_LEAVE);
    ck_assert_uint_eq(envelope.version, UINT64_MAX);
    ck_assert_uint_eq(envelope.n_user, 255);
    n = envelope_head_presence(bytes, MESSAGE_JOIN, 1, 1);
    envelope_open(&envelope, bytes, n + 1);
    ck_assert_int_eq(envelope.kind, MESSAGE_JOIN);
    n = envelope_head_escape(bytes);
    envelope_open(&envelope, bytes, n + 2);
    ck_assert_uint_eq(envelope.n_payload, 2);
}
END_TEST

START_TEST(no_byte_of_a_head_can_be_missing_or_other) {
    static const char whole[] = "\0barker/1 m 12-34\nhi";
    for (size_t n = 0; n < sizeof whole - 3; n++)
        expect_live(whole, n);
    for (size_t i = 0; i < 10; i++) {
        char bytes[sizeof whole];
        memcpy(bytes, whole, sizeof whole);
        bytes[i] ^= 1;
        expect_live(bytes, sizeof whole - 1);
    }
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_message_has_its_place_and_the_payloads_own_bytes,
        presence_has_its_version_the_user_and_the_member,
        what_is_escaped_is_a_live_payload_without_its_head,
        what_is_not_exactly_an_envelope_is_a_live_payload,
        a_payload_needs_a_head_only_when_it_begins_like_an_envelope,
        the_largest_heads_that_are_written_are_read_back,
        no_byte_of_a_head_can_be_missing_or_other,
    };
    return run_suite("envelope", tests, N_ELEMENTS(tests));
}
