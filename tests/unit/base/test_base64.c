#include "base/base64.h"

#include <errno.h>
#include <string.h>

#include "suite.h"

/* RFC 4648 section 10 */
static const struct {
    const char *bytes;
    const char *text;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static void assert_refused(const char *text) {
    uint8_t bytes[64];
    if (base64_decode(bytes, text, strlen(text)) != -EINVAL)
        ck_abort_msg("\"%s\" was not refused", text);
}

START_TEST(the_vectors_are_encoded) {
    for (size_t i = 0; i < N_ELEMENTS(vectors); i++) {
        char text[16] = "";
        size_t n_bytes = strlen(vectors[i].bytes);
        base64_encode(text, vectors[i].bytes, n_bytes);
        ck_assert_str_eq(text, vectors[i].text);
        ck_assert_uint_eq(base64_encoded_size(n_bytes), strlen(vectors[i].text));
    }
}
END_TEST

START_TEST(the_vectors_are_decoded) {
    for (size_t i = 0; i < N_ELEMENTS(vectors); i++) {
        uint8_t bytes[16] = "";
        ptrdiff_t n = base64_decode(bytes, vectors[i].text, strlen(vectors[i].text));
        ck_assert_int_eq(n, (ptrdiff_t)strlen(vectors[i].bytes));
        ck_assert_str_eq((const char *)bytes, vectors[i].bytes);
    }
}
END_TEST

START_TEST(every_byte_comes_back_from_every_place) {
    for (unsigned byte = 0; byte < 256; byte++) {
        const uint8_t bytes[] = {(uint8_t)byte, (uint8_t)(byte * 7), (uint8_t)(byte * 31)};
        for (size_t n = 1; n <= sizeof(bytes); n++) {
            char text[4];
            uint8_t back[3];
            base64_encode(text, bytes, n);
            ck_assert_int_eq(base64_decode(back, text, sizeof(text)), (ptrdiff_t)n);
            ck_assert_mem_eq(back, bytes, n);
        }
    }
}
END_TEST

START_TEST(bytes_outside_the_alphabet_are_refused) {
    const char *const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int byte = 0; byte < 256; byte++) {
        char text[] = {'A', (char)byte, 'A', 'A'};
        uint8_t bytes[3];
        if (byte != 0 && strchr(alphabet, byte))
            ck_assert_int_eq(base64_decode(bytes, text, sizeof(text)), 3);
        else
            ck_assert_int_eq(base64_decode(bytes, text, sizeof(text)), -EINVAL);
    }
}
END_TEST

START_TEST(a_length_that_is_no_multiple_of_four_is_refused) {
    assert_refused("Z");
    assert_refused("Zg");
    assert_refused("Zg=");
    assert_refused("Zm9vY");
}
END_TEST

START_TEST(padding_out_of_place_is_refused) {
    assert_refused("====");
    assert_refused("A===");
    assert_refused("Z=g=");
    assert_refused("=Zg=");
    assert_refused("Zg==Zg==");
    assert_refused("Zm8=Zm8=");
}
END_TEST

START_TEST(unused_bits_that_are_set_are_refused) {
    assert_refused("Zh==");
    assert_refused("Zm9=");
}
END_TEST

START_TEST(white_space_is_refused) {
    assert_refused("Zm9v\nZm9");
    assert_refused("Zm 9");
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        the_vectors_are_encoded,
        the_vectors_are_decoded,
        every_byte_comes_back_from_every_place,
        bytes_outside_the_alphabet_are_refused,
        a_length_that_is_no_multiple_of_four_is_refused,
        padding_out_of_place_is_refused,
        unused_bits_that_are_set_are_refused,
        white_space_is_refused,
    };
    return run_suite("base64", tests, N_ELEMENTS(tests));
}
