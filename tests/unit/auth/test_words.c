#include "auth/words.h"

#include <errno.h>
#include <string.h>

#include "../base/suite.h"

static ptrdiff_t decode(const char *text) {
    uint8_t bytes[64];
    return base64url_decode(bytes, text, strlen(text));
}

START_TEST(bytes_come_back_from_base64url) {
    for (size_t n = 0; n <= 32; n++) {
        uint8_t bytes[32], back[34];
        char text[64];
        for (size_t i = 0; i < n; i++)
            bytes[i] = (uint8_t)(255 - i * 7);
        base64url_encode(text, bytes, n);
        ck_assert_uint_eq(strlen(text), base64url_size(n));
        ck_assert_int_eq(base64url_decode(back, text, strlen(text)), (ptrdiff_t)n);
        ck_assert_mem_eq(back, bytes, n);
    }
}
END_TEST

START_TEST(base64url_is_read_strictly) {
    ck_assert_int_eq(decode("-_8"), 2);
    ck_assert_int_eq(decode("Zg=="), -EINVAL);
    ck_assert_int_eq(decode("Zg="), -EINVAL);
    ck_assert_int_eq(decode("Z"), -EINVAL);
    ck_assert_int_eq(decode("Zm9vY"), -EINVAL);
    ck_assert_int_eq(decode("Zh"), -EINVAL);
    ck_assert_int_eq(decode("+/8"), -EINVAL);
    ck_assert_int_eq(decode("Zm 9"), -EINVAL);
    ck_assert_int_eq(decode("Zm9v\n"), -EINVAL);
    for (int byte = 0; byte < 256; byte++) {
        const char text[] = {'A', (char)byte, 'A', 'A'};
        uint8_t bytes[5];
        bool is_in = byte != 0 && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", byte);
        ck_assert_int_eq(base64url_decode(bytes, text, sizeof(text)), is_in ? 3 : -EINVAL);
    }
}
END_TEST

START_TEST(a_name_has_no_control_characters_and_keeps_its_limit) {
    ck_assert(words_is_name("alice", 5, 255));
    ck_assert(words_is_name("\xc3\xa9\xe2\x82\xac", 5, 5));
    ck_assert(!words_is_name("alice", 5, 4));
    ck_assert(!words_is_name("", 0, 255));
    ck_assert(!words_is_name("a\nb", 3, 255));
    ck_assert(!words_is_name("a\x7f", 2, 255));
    ck_assert(!words_is_name("\xc2\x85", 2, 255));
    ck_assert(!words_is_name("\xff", 1, 255));
    ck_assert(!words_is_name("a\0b", 3, 255));
    ck_assert(!words_is_text("a\0b", 3));
    ck_assert(words_is_text("a\nb", 3));
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        bytes_come_back_from_base64url,
        base64url_is_read_strictly,
        a_name_has_no_control_characters_and_keeps_its_limit,
    };
    return run_suite("auth/words", tests, N_ELEMENTS(tests));
}
