#include "auth/bearer.h"

#include "../base/suite.h"

static void expect(Span token, const char *expected) {
    ck_assert_msg(token.n == strlen(expected) && memcmp(token.at, expected, token.n) == 0, "%.*s is not %s", (int)token.n,
                  token.at, expected);
}

START_TEST(authorization_bears_one_behind_its_scheme) {
    expect(bearer_of_authorization("Bearer a.b-c_d"), "a.b-c_d");
    expect(bearer_of_authorization("bearer  x "), "x");
    expect(bearer_of_authorization("Basic YTpi"), "");
    expect(bearer_of_authorization("Bearer"), "");
    expect(bearer_of_authorization("Bearerx"), "");
    expect(bearer_of_authorization(""), "");
}
END_TEST

START_TEST(a_cookie_bears_one_under_its_whole_name) {
    expect(bearer_of_cookies("session=a.b", "session"), "a.b");
    expect(bearer_of_cookies("theme=dark; session=a.b; x=y", "session"), "a.b");
    expect(bearer_of_cookies("session=\"a.b\"", "session"), "a.b");
    expect(bearer_of_cookies("session=one; session=two", "session"), "one");
    expect(bearer_of_cookies("xsession=a; session2=b; Session=c; session", "session"), "");
    expect(bearer_of_cookies("session=", "session"), "");
    expect(bearer_of_cookies("session=\"", "session"), "\"");
    expect(bearer_of_cookies("", "session"), "");
}
END_TEST

START_TEST(a_list_of_subprotocols_bears_one_behind_its_prefix) {
    expect(bearer_of_subprotocols("barker.v1, bearer.a.b.c"), "a.b.c");
    expect(bearer_of_subprotocols("bearer.a.b.c,barker.v1"), "a.b.c");
    expect(bearer_of_subprotocols("barker.v1"), "");
    expect(bearer_of_subprotocols("bearer."), "");
    expect(bearer_of_subprotocols("bearer"), "");
    expect(bearer_of_subprotocols(""), "");
}
END_TEST

START_TEST(a_parameter_bears_one_under_its_name) {
    static const char parameters[] = "channel=a\0xtoken=b\0token=c.d\0token=e";
    expect(bearer_of_parameters(parameters, sizeof(parameters)), "c.d");
    expect(bearer_of_parameters(parameters, 10), "");
    expect(bearer_of_parameters("token", 6), "");
    expect(bearer_of_parameters("", 0), "");
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        authorization_bears_one_behind_its_scheme,
        a_cookie_bears_one_under_its_whole_name,
        a_list_of_subprotocols_bears_one_behind_its_prefix,
        a_parameter_bears_one_under_its_name,
    };
    return run_suite("bearer", tests, N_ELEMENTS(tests));
}
