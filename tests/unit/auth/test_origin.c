#include "auth/origin.h"

#include "../base/suite.h"

static const char list[] = "https://app.example.com  https://*.example.org:8443";

START_TEST(without_a_list_the_page_must_be_of_the_host_that_is_asked) {
    ck_assert(origin_is_allowed("", "http://localhost:8080", "localhost:8080"));
    ck_assert(origin_is_allowed("", "http://Example.COM", "example.com"));
    ck_assert(origin_is_allowed("", "http://example.com", "example.com:80"));
    ck_assert(origin_is_allowed("", "https://example.com", "example.com")); /* behind a proxy that speaks TLS */
    ck_assert(origin_is_allowed("  ", "https://[::1]:8443", "[::1]:8443"));
    ck_assert(!origin_is_allowed("", "http://localhost:8081", "localhost:8080"));
    ck_assert(!origin_is_allowed("", "http://example.com", "example.com:443"));
    ck_assert(!origin_is_allowed("", "http://evil.example", "example.com"));
    ck_assert(!origin_is_allowed("", "http://example.com.evil.example", "example.com"));
    ck_assert(!origin_is_allowed("", "http://example.com", ""));
}
END_TEST

START_TEST(what_is_no_origin_is_none_that_is_allowed) {
    static const char *const texts[] = {"null",    "",           "example.com", "://example.com",
                                        "http://", "http://:80", "http://h:",   "http://h/x"};
    for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
        ck_assert_msg(!origin_is_allowed("", texts[i], "example.com"), "%s", texts[i]);
        ck_assert_msg(!origin_is_allowed(list, texts[i], "example.com"), "%s", texts[i]);
    }
}
END_TEST

START_TEST(a_list_allows_its_own_and_nothing_else) {
    ck_assert(origin_is_allowed(list, "https://app.example.com", "ws.example.com"));
    ck_assert(origin_is_allowed(list, "https://app.example.com:443", "ws.example.com"));
    ck_assert(!origin_is_allowed(list, "http://app.example.com", "app.example.com"));
    ck_assert(!origin_is_allowed(list, "https://app.example.com:444", "app.example.com"));
    ck_assert(!origin_is_allowed(list, "https://example.com", "example.com"));
}
END_TEST

START_TEST(a_star_stands_for_every_host_below_and_not_for_the_host_itself) {
    ck_assert(origin_is_allowed(list, "https://a.example.org:8443", "h"));
    ck_assert(origin_is_allowed(list, "https://a.b.EXAMPLE.org:8443", "h"));
    ck_assert(!origin_is_allowed(list, "https://example.org:8443", "h"));
    ck_assert(!origin_is_allowed(list, "https://.example.org:8443", "h"));
    ck_assert(!origin_is_allowed(list, "https://evilexample.org:8443", "h"));
    ck_assert(!origin_is_allowed(list, "https://a.example.org", "h"));
}
END_TEST

START_TEST(a_star_alone_stands_for_every_page) {
    ck_assert(origin_is_allowed("*", "https://evil.example", "h"));
    ck_assert(origin_is_allowed("https://a *", "null", "h"));
}
END_TEST

START_TEST(a_list_is_valid_when_each_of_it_is) {
    ck_assert(origin_list_is_valid(""));
    ck_assert(origin_list_is_valid(list));
    ck_assert(origin_list_is_valid("* http://localhost:3000"));
    static const char *const bad[] = {"example.com",
                                      "https://a/",
                                      "https://*",
                                      "https://*example.com",
                                      "https://a.*.com",
                                      "https://*.*.com",
                                      "https://a:*",
                                      "http*://a",
                                      "https://a b",
                                      "https://*.",
                                      "https://a.com, https://b.com/"};
    for (size_t i = 0; i < N_ELEMENTS(bad); i++)
        ck_assert_msg(!origin_list_is_valid(bad[i]), "%s", bad[i]);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        without_a_list_the_page_must_be_of_the_host_that_is_asked,
        what_is_no_origin_is_none_that_is_allowed,
        a_list_allows_its_own_and_nothing_else,
        a_star_stands_for_every_host_below_and_not_for_the_host_itself,
        a_star_alone_stands_for_every_page,
        a_list_is_valid_when_each_of_it_is,
    };
    return run_suite("origin", tests, N_ELEMENTS(tests));
}
