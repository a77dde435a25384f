#include "net/http_head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

static HttpHead head;
static HttpRequest request;
static char *text;

/* The text on the heap, so that a byte read beyond it is found. */
static int parse(const char *given) {
    size_t n = strlen(given);
    free(text);
    text = malloc(n);
    memcpy(text, given, n);
    ck_assert_uint_eq(http_head_find(text, n), n);
    int r = http_head_parse(&head, text, n);
    if (r == HTTP_HEAD_OK)
        request = http_head_request(&head, text, n);
    return r;
}

static void expect_path(const char *target, const char *path) {
    char given[512];
    snprintf(given, sizeof(given), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
    ck_assert_msg(parse(given) == HTTP_HEAD_OK, "%s", target);
    ck_assert_str_eq(request.path, path);
    ck_assert_uint_eq(request.n_path, strlen(path));
}

START_TEST(a_request_is_read_as_it_was_meant) {
    ck_assert_int_eq(
        parse("POST /api/v1/publish?channel=a%26b&x=1+2 HTTP/1.1\r\nhost: localhost:9080\r\nAuthorization:Bearer x\r\n"
              "Content-Type:\tapplication/json \r\nContent-Length: 12\r\nIdempotency-Key: k\r\n"
              "Origin: http://localhost:9080\r\nExpect: 100-continue\r\nX-Other: \xc3\xa9\r\n\r\n"),
        HTTP_HEAD_OK);
    ck_assert_int_eq(request.method, HTTP_POST);
    ck_assert_str_eq(request.path, "/api/v1/publish");
    ck_assert_uint_eq(request.n_parameters, 18);
    ck_assert_int_eq(memcmp(request.parameters, "channel=a&b\0x=1 2", 18), 0);
    ck_assert_str_eq(request.host, "localhost:9080");
    ck_assert_str_eq(request.authorization, "Bearer x");
    ck_assert_str_eq(request.content_type, "application/json");
    ck_assert_str_eq(request.idempotency_key, "k");
    ck_assert_str_eq(request.origin, "http://localhost:9080");
    ck_assert_uint_eq(request.n_body, 12);
    ck_assert(head.is_kept && head.expects_continue && head.has_length && !head.is_coded);
}
END_TEST

START_TEST(what_a_request_has_not_is_empty) {
    ck_assert_int_eq(parse("OPTIONS / HTTP/1.1\r\nHost:\r\n\r\n"), HTTP_HEAD_OK);
    ck_assert_int_eq(request.method, HTTP_OTHER);
    ck_assert_str_eq(request.host, "");
    ck_assert_str_eq(request.authorization, "");
    ck_assert_uint_eq(request.n_parameters, 0);
    ck_assert_uint_eq(request.n_body, 0);
    ck_assert_int_eq(parse("get / HTTP/1.1\r\nHost: x\r\n\r\n"), HTTP_HEAD_OK);
    ck_assert_int_eq(request.method, HTTP_OTHER);
}
END_TEST

START_TEST(a_target_is_decoded) {
    expect_path("/", "/");
    expect_path("/a%2Fb%20c+d", "/a/b c+d");
    expect_path("/%c3%A9?", "/\xc3\xa9");
    ck_assert_uint_eq(request.n_parameters, 0);
    expect_path("/x?&&a=1&&b=%3D&", "/x");
    ck_assert_uint_eq(request.n_parameters, 8);
    ck_assert_int_eq(memcmp(request.parameters, "a=1\0b==", 8), 0);
}
END_TEST

START_TEST(a_connection_is_kept_as_both_say) {
    static const struct {
        const char *text;
        bool is_kept;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: TE, Close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
    };
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        ck_assert_int_eq(parse(cases[i].text), HTTP_HEAD_OK);
        ck_assert_msg(head.is_kept == cases[i].is_kept, "%s", cases[i].text);
    }
}
END_TEST

START_TEST(what_could_be_read_in_two_ways_is_refused) {
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nNoColon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET / http/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.10\r\nHost: a\r\n\r\n",
        "GET /\r\nHost: a\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%0 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /?a=%00 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /?a=%4&b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n",
        "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n",
    };
    for (size_t i = 0; i < N_ELEMENTS(bad); i++)
        ck_assert_msg(parse(bad[i]) == 400, "%s", bad[i]);
    ck_assert_int_eq(parse("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
    ck_assert_int_eq(parse("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), 505);
    ck_assert_int_eq(parse("GET / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n"), 417);
}
END_TEST

START_TEST(a_nul_is_refused_wherever_it_stands) {
    static const char given[] = "GET /abc HTTP/1.1\r\nHost: a\r\n\r\n";
    for (size_t i = 0; i + 4 < sizeof(given) - 1; i++) {
        char copy[sizeof(given)];
        memcpy(copy, given, sizeof(given));
        if (copy[i] == '\r' || copy[i] == '\n')
            continue;
        copy[i] = '\0';
        ck_assert_msg(http_head_parse(&head, copy, sizeof(given) - 1) == 400, "at %zu", i);
    }
}
END_TEST

START_TEST(a_coding_is_told) {
    ck_assert_int_eq(parse("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), HTTP_HEAD_OK);
    ck_assert(head.is_coded && !head.has_length);
}
END_TEST

START_TEST(a_head_is_found_at_its_end) {
    static const char given[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\nbody";
    for (size_t n = 0; n < sizeof(given) - 1 - 4; n++)
        ck_assert_uint_eq(http_head_find(given, n), 0);
    ck_assert_uint_eq(http_head_find(given, sizeof(given) - 1), sizeof(given) - 1 - 4);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_request_is_read_as_it_was_meant,
        what_a_request_has_not_is_empty,
        a_target_is_decoded,
        a_connection_is_kept_as_both_say,
        what_could_be_read_in_two_ways_is_refused,
        a_nul_is_refused_wherever_it_stands,
        a_coding_is_told,
        a_head_is_found_at_its_end,
    };
    int code = run_suite("http_head", tests, N_ELEMENTS(tests));
    free(text);
    return code;
}
