#include "net/proxy_header.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

enum { WHOLE_MAX = 1024, REST = 4 };

static const uint8_t signature[12] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

typedef struct Whole {
    uint8_t bytes[WHOLE_MAX];
    size_t n_bytes;
} Whole;

static Whole v1(const char *line) {
    Whole whole = {.n_bytes = strlen(line)};
    memcpy(whole.bytes, line, whole.n_bytes);
    return whole;
}

/* Addresses and ports 1, 2, 3, …; n_rest bytes in all behind the fixed part. */
static Whole v2(uint8_t command, uint8_t family, size_t n_rest) {
    Whole whole = {.n_bytes = sizeof(signature) + 4 + n_rest};
    memcpy(whole.bytes, signature, sizeof(signature));
    whole.bytes[12] = command;
    whole.bytes[13] = family;
    whole.bytes[14] = (uint8_t)(n_rest >> 8);
    whole.bytes[15] = (uint8_t)n_rest;
    for (size_t i = 0; i < n_rest; i++)
        whole.bytes[16 + i] = (uint8_t)(i + 1);
    return whole;
}

/* In memory of its exact size, so that a sanitizer sees a byte too far. */
static int parse(ProxyHeader *header, const uint8_t *bytes, size_t n_bytes) {
    uint8_t *copy = malloc(n_bytes > 0 ? n_bytes : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, n_bytes);
    int r = proxy_header_parse(header, copy, n_bytes);
    free(copy);
    return r;
}

/* Each truncation asks for more; the whole, with and without bytes of the client behind it, names the source. */
static void expect(Whole whole, const char *source) {
    ProxyHeader header;
    Peer expected = {.kind = PEER_UNKNOWN};
    size_t n_header = whole.n_bytes;
    if (source)
        ck_assert_int_eq(peer_parse(&expected, source, strlen(source)), PEER_OK);
    for (size_t n = 0; n < n_header; n++)
        ck_assert_msg(parse(&header, whole.bytes, n) == PROXY_HEADER_MORE, "%zu of %zu bytes", n, n_header);
    memcpy(whole.bytes + n_header, "GET ", REST);
    for (size_t n = n_header; n <= n_header + REST; n++) {
        ck_assert_int_eq(parse(&header, whole.bytes, n), PROXY_HEADER_OK);
        ck_assert_uint_eq(header.n_bytes, n_header);
        ck_assert(peer_is_equal(&header.source, &expected));
    }
}

static void expect_bad(const Whole *whole) {
    ProxyHeader header;
    ck_assert_msg(parse(&header, whole->bytes, whole->n_bytes) == PROXY_HEADER_BAD, "%.*s", (int)whole->n_bytes,
                  (const char *)whole->bytes);
}

START_TEST(a_line_of_version_1_names_its_source) {
    expect(v1("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"), "192.0.2.1");
    expect(v1("PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n"), "2001:db8::1");
    expect(v1("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), "255.255.255.255");
    expect(v1("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
           "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}
END_TEST

START_TEST(an_unknown_of_version_1_names_nobody_and_may_say_anything) {
    expect(v1("PROXY UNKNOWN\r\n"), NULL);
    expect(v1("PROXY UNKNOWN ffff::1 what ever\r\n"), NULL);
    char longest[128];
    snprintf(longest, sizeof(longest), "PROXY UNKNOWN %091d\r\n", 0);
    ck_assert_uint_eq(strlen(longest), 107);
    expect(v1(longest), NULL);
}
END_TEST

START_TEST(a_bad_line_of_version_1_is_refused) {
    static const char *const bad[] = {
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 1\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324 \r\n",
        "PROXY TCP4 192.0.2.1  198.51.100.1 56324 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 -1 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 0443 443\r\n",
        "PROXY TCP4 192.0.2 198.51.100.1 1 443\r\n",
        "PROXY TCP4 ::1 ::2 1 443\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.1 1 443\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.1 1 443\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY \r\n",
        "PROXY\r\n",
        "proxy TCP4 192.0.2.1 198.51.100.1 1 443\r\n",
        "GET / HTTP/1.1\r\n",
        "\r\n",
        "\r\n\r\n",
    };
    for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
        Whole whole = v1(bad[i]);
        if (strcmp(bad[i], "\r\n") != 0 && strcmp(bad[i], "\r\n\r\n") != 0) /* these may yet be of version 2 */
            expect_bad(&whole);
    }
    Whole with_nul = v1("PROXY TCP4 192.0.2.1 198.51.100.1 1 443x\r\n");
    with_nul.bytes[with_nul.n_bytes - 3] = '\0';
    expect_bad(&with_nul);
}
END_TEST

START_TEST(a_line_that_is_too_long_is_refused_before_its_end) {
    Whole whole = {.n_bytes = 107};
    memset(whole.bytes, 'x', sizeof(whole.bytes));
    memcpy(whole.bytes, "PROXY UNKNOWN ", 14);
    expect_bad(&whole);
    whole.n_bytes = 106;
    ProxyHeader header;
    ck_assert_int_eq(parse(&header, whole.bytes, whole.n_bytes), PROXY_HEADER_MORE);
}
END_TEST

START_TEST(a_header_of_version_2_names_its_source) {
    expect(v2(0x21, 0x11, 12), "1.2.3.4");
    expect(v2(0x21, 0x21, 36), "102:304:506:708:90a:b0c:d0e:f10");
}
END_TEST

START_TEST(what_follows_the_addresses_of_version_2_is_passed_over) {
    expect(v2(0x21, 0x11, 12 + 100), "1.2.3.4");
    expect(v2(0x21, 0x11, PROXY_HEADER_MAX - 16), "1.2.3.4");
}
END_TEST

START_TEST(a_proxy_that_speaks_for_itself_or_for_no_address_names_nobody) {
    expect(v2(0x20, 0x00, 0), NULL);
    expect(v2(0x20, 0x11, 12), NULL);
    expect(v2(0x20, 0xff, 3), NULL);
    expect(v2(0x21, 0x00, 0), NULL);
    expect(v2(0x21, 0x31, 216), NULL);
}
END_TEST

START_TEST(a_bad_header_of_version_2_is_refused) {
    const Whole bad[] = {
        v2(0x21, 0x11, 11), v2(0x21, 0x21, 35), v2(0x21, 0x31, 215),
        v2(0x22, 0x11, 12), v2(0x11, 0x11, 12), v2(0x21, 0x12, 12),
        v2(0x21, 0x22, 36), v2(0x21, 0x41, 12), v2(0x21, 0x11, PROXY_HEADER_MAX - 15),
    };
    for (size_t i = 0; i < N_ELEMENTS(bad); i++)
        expect_bad(&bad[i]);
    Whole huge = v2(0x21, 0x11, 12);
    huge.bytes[14] = 0xff;
    expect_bad(&huge);
}
END_TEST

START_TEST(another_byte_anywhere_in_the_signature_is_refused) {
    for (size_t i = 0; i < sizeof(signature); i++) {
        Whole whole = v2(0x21, 0x11, 12);
        whole.bytes[i] ^= 0x20;
        expect_bad(&whole);
    }
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_line_of_version_1_names_its_source,
        an_unknown_of_version_1_names_nobody_and_may_say_anything,
        a_bad_line_of_version_1_is_refused,
        a_line_that_is_too_long_is_refused_before_its_end,
        a_header_of_version_2_names_its_source,
        what_follows_the_addresses_of_version_2_is_passed_over,
        a_proxy_that_speaks_for_itself_or_for_no_address_names_nobody,
        a_bad_header_of_version_2_is_refused,
        another_byte_anywhere_in_the_signature_is_refused,
    };
    return run_suite("proxy_header", tests, N_ELEMENTS(tests));
}
