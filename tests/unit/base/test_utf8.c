#include "base/utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "suite.h"

/* Encodes any number as UTF-8 would, with size bytes, also where the standard forbids it. */
static void encode(uint8_t *bytes, uint32_t code_point, size_t size) {
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = size; i-- > 1; code_point >>= 6)
        bytes[i] = (uint8_t)(0x80 | (code_point & 0x3f));
    bytes[0] = (uint8_t)(leads[size] | code_point);
}

static size_t proper_size(uint32_t code_point) {
    return code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
}

START_TEST(exactly_the_scalar_values_in_their_shortest_form_are_valid) {
    static const uint32_t ends[] = {0, 0x80, 0x800, 0x10000, 0x200000};
    uint8_t bytes[4];
    for (size_t size = 1; size <= 4; size++) {
        for (uint32_t code_point = 0; code_point < ends[size]; code_point++) {
            encode(bytes, code_point, size);
            bool is_scalar = code_point <= 0x10ffff && (code_point < 0xd800 || code_point > 0xdfff);
            bool expected = is_scalar && size == proper_size(code_point);
            if (utf8_is_valid(bytes, size) != expected)
                ck_abort_msg("U+%04X in %zu bytes", (unsigned)code_point, size);
        }
    }
}
END_TEST

START_TEST(a_character_cut_short_is_invalid) {
    static const char *const characters[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x90\x95"};
    for (size_t i = 0; i < N_ELEMENTS(characters); i++)
        for (size_t n = 1; n < strlen(characters[i]); n++)
            ck_assert(!utf8_is_valid(characters[i], n));
}
END_TEST

START_TEST(bytes_that_never_occur_are_invalid) {
    static const uint8_t firsts[] = {0x80, 0xbf, 0xc0, 0xc1, 0xf5, 0xf8, 0xfe, 0xff};
    for (size_t i = 0; i < N_ELEMENTS(firsts); i++) {
        const uint8_t bytes[] = {firsts[i], 0x80, 0x80, 0x80};
        ck_assert(!utf8_is_valid(bytes, sizeof(bytes)));
    }
}
END_TEST

START_TEST(every_byte_after_the_first_must_continue) {
    const char *const character = "\xf1\x80\x80\x80";
    for (size_t i = 1; i < 4; i++) {
        static const uint8_t wrong[] = {0x00, 0x7f, 0xc0, 0xff};
        for (size_t j = 0; j < N_ELEMENTS(wrong); j++) {
            char bytes[4];
            memcpy(bytes, character, 4);
            bytes[i] = (char)wrong[j];
            ck_assert(!utf8_is_valid(bytes, 4));
        }
    }
}
END_TEST

START_TEST(an_invalid_byte_is_found_at_any_place_of_an_ascii_text) {
    char text[40];
    for (size_t n = 1; n <= sizeof(text); n++) {
        memset(text, 'a', sizeof(text));
        ck_assert(utf8_is_valid(text, n));
        for (size_t at = 0; at < n; at++) {
            text[at] = (char)0xff;
            ck_assert(!utf8_is_valid(text, n));
            text[at] = 'a';
        }
    }
}
END_TEST

START_TEST(a_character_is_valid_at_any_place_of_an_ascii_text) {
    for (size_t at = 0; at <= 20; at++) {
        char text[24];
        memset(text, 'a', sizeof(text));
        memcpy(text + at, "\xf0\x9f\x90\x95", 4);
        ck_assert(utf8_is_valid(text, sizeof(text)));
        ck_assert(!utf8_is_valid(text, at + 3));
    }
}
END_TEST

START_TEST(the_empty_text_is_valid) {
    ck_assert(utf8_is_valid(NULL, 0));
    ck_assert(utf8_is_valid("", 0));
}
END_TEST

START_TEST(nul_is_a_character) {
    ck_assert(utf8_is_valid("a\0b", 3));
}
END_TEST

START_TEST(a_prefix_never_cuts_a_character) {
    const char *const text = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x95z"; /* sizes 1, 2, 3, 4, 1 */
    static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t n_limit = 0; n_limit < N_ELEMENTS(expected); n_limit++)
        ck_assert_uint_eq(utf8_prefix(text, strlen(text), n_limit), expected[n_limit]);
}
END_TEST

START_TEST(the_size_of_a_character_is_zero_where_there_is_none) {
    ck_assert_uint_eq(utf8_character_size("a", 1), 1);
    ck_assert_uint_eq(utf8_character_size("\xe2\x82\xac!", 4), 3);
    ck_assert_uint_eq(utf8_character_size("\xe2\x82\xac", 2), 0);
    ck_assert_uint_eq(utf8_character_size("\x80", 1), 0);
    ck_assert_uint_eq(utf8_character_size("a", 0), 0);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        exactly_the_scalar_values_in_their_shortest_form_are_valid,
        a_character_cut_short_is_invalid,
        bytes_that_never_occur_are_invalid,
        every_byte_after_the_first_must_continue,
        an_invalid_byte_is_found_at_any_place_of_an_ascii_text,
        a_character_is_valid_at_any_place_of_an_ascii_text,
        the_empty_text_is_valid,
        nul_is_a_character,
        a_prefix_never_cuts_a_character,
        the_size_of_a_character_is_zero_where_there_is_none,
    };
    return run_suite("utf8", tests, N_ELEMENTS(tests));
}
