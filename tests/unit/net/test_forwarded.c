#include "net/forwarded.h"

#include <string.h>

#include "suite.h"

static Network trusted[2];

static void trust(void) {
    ck_assert_int_eq(network_parse(&trusted[0], "10.0.0.0/8", 10), PEER_OK);
    ck_assert_int_eq(network_parse(&trusted[1], "2001:db8::/32", 13), PEER_OK);
}

static void expect(const char *list, const char *client) {
    Peer found, expected;
    trust();
    ck_assert_int_eq(peer_parse(&expected, client, strlen(client)), PEER_OK);
    ck_assert_msg(forwarded_client(&found, list, strlen(list), trusted, N_ELEMENTS(trusted)) == FORWARDED_OK, "%s", list);
    ck_assert_msg(peer_is_equal(&found, &expected), "%s", list);
}

static void expect_bad(const char *list) {
    Peer found;
    trust();
    ck_assert_msg(forwarded_client(&found, list, strlen(list), trusted, N_ELEMENTS(trusted)) == FORWARDED_BAD, "%s", list);
}

START_TEST(a_single_hop_is_the_client) {
    expect("203.0.113.7", "203.0.113.7");
    expect("  203.0.113.7:4711\t", "203.0.113.7");
    expect("[2001:db9::1]:4711", "2001:db9::1");
}
END_TEST

START_TEST(trusted_hops_at_the_end_are_passed_over) {
    expect("203.0.113.7, 10.1.2.3", "203.0.113.7");
    expect("203.0.113.7,10.1.2.3,2001:db8::5 , 10.0.0.1", "203.0.113.7");
}
END_TEST

START_TEST(what_the_client_itself_claims_does_not_count) {
    expect("198.51.100.1, 203.0.113.7", "203.0.113.7");
    expect("10.0.0.1, 203.0.113.7, 10.0.0.2", "203.0.113.7");
    expect("<script>, 203.0.113.7", "203.0.113.7");
    expect(",,,203.0.113.7", "203.0.113.7");
}
END_TEST

START_TEST(of_trusted_hops_alone_the_first_counts) {
    expect("10.9.9.9, 10.0.0.1", "10.9.9.9");
}
END_TEST

START_TEST(a_hop_that_is_no_address_is_refused) {
    static const char *const bad[] = {
        "", " ", "unknown", "203.0.113.7,", "unknown, 10.0.0.1", ", 10.0.0.1", "203.0.113.7 10.0.0.1"};
    for (size_t i = 0; i < N_ELEMENTS(bad); i++)
        expect_bad(bad[i]);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_single_hop_is_the_client,
        trusted_hops_at_the_end_are_passed_over,
        what_the_client_itself_claims_does_not_count,
        of_trusted_hops_alone_the_first_counts,
        a_hop_that_is_no_address_is_refused,
    };
    return run_suite("forwarded", tests, N_ELEMENTS(tests));
}
