#include "base/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "suite.h"

static Peer peer_of(const char *text) {
    Peer peer;
    ck_assert_msg(peer_parse(&peer, text, strlen(text)) == PEER_OK, "%s", text);
    return peer;
}

static Network network_of(const char *text) {
    Network network;
    ck_assert_msg(network_parse(&network, text, strlen(text)) == PEER_OK, "%s", text);
    return network;
}

static bool is_in(const char *network, const char *peer) {
    Network parsed = network_of(network);
    Peer other = peer_of(peer);
    return networks_have(&parsed, 1, &other);
}

START_TEST(an_address_is_read_as_proxies_write_it) {
    static const char *const same[] = {"192.0.2.1", "192.0.2.1:80", "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:65535"};
    Peer first = peer_of(same[0]);
    for (size_t i = 0; i < N_ELEMENTS(same); i++) {
        Peer other = peer_of(same[i]);
        ck_assert_msg(peer_is_equal(&first, &other), "%s", same[i]);
    }
    Peer bare = peer_of("2001:db8::1"), bracketed = peer_of("[2001:db8::1]"), with_port = peer_of("[2001:db8::1]:443");
    ck_assert(peer_is_equal(&bare, &bracketed) && peer_is_equal(&bare, &with_port));
    ck_assert(!peer_is_equal(&bare, &first));
}
END_TEST

START_TEST(what_is_no_address_is_refused) {
    static const char *const bad[] = {
        "",     "unknown", "192.0.2", "192.0.2.1:", "192.0.2.1:x", "192.0.2.1:123456", "[::1",          "[::1]x",    "[::1]:",
        "::1]", "[]",      "_hidden", "192.0.2.1 ", " ::1",        "192.0.2.1/32",     "1.2.3.4:80:90", "[192.0.2.1"};
    Peer peer;
    for (size_t i = 0; i < N_ELEMENTS(bad); i++)
        ck_assert_msg(peer_parse(&peer, bad[i], strlen(bad[i])) == PEER_BAD, "'%s'", bad[i]);
    ck_assert_int_eq(peer_parse(&peer, "1.2.3.4\0", 8), PEER_BAD);
}
END_TEST

START_TEST(a_socket_address_is_the_same_peer_on_every_listener) {
    struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201)};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
    struct sockaddr local = {.sa_family = AF_UNIX}, other = {.sa_family = AF_UNSPEC};
    inet_pton(AF_INET6, "::ffff:192.0.2.1", &ipv6.sin6_addr);
    Peer a = peer_of_address((struct sockaddr *)&ipv4), b = peer_of_address((struct sockaddr *)&ipv6);
    ck_assert(peer_is_equal(&a, &b));
    ck_assert_int_eq(peer_of_address(&local).kind, PEER_LOCAL);
    ck_assert_int_eq(peer_of_address(&other).kind, PEER_UNKNOWN);
}
END_TEST

START_TEST(limits_count_ipv4_by_address_and_ipv6_by_its_64) {
    Peer a = peer_of("192.0.2.1"), b = peer_of("192.0.2.2");
    ck_assert_uint_ne(peer_hash(&a), peer_hash(&b));
    a = peer_of("2001:db8:0:1::1");
    b = peer_of("2001:db8:0:1:ffff::2");
    ck_assert_uint_eq(peer_hash(&a), peer_hash(&b));
    b = peer_of("2001:db8:0:2::1");
    ck_assert_uint_ne(peer_hash(&a), peer_hash(&b));
}
END_TEST

START_TEST(a_network_has_its_addresses_and_no_others) {
    ck_assert(is_in("10.0.0.0/8", "10.255.0.1"));
    ck_assert(!is_in("10.0.0.0/8", "11.0.0.0"));
    ck_assert(is_in("10.0.0.0/15", "10.1.0.0") && !is_in("10.0.0.0/15", "10.2.0.0"));
    ck_assert(is_in("192.0.2.1", "192.0.2.1") && !is_in("192.0.2.1", "192.0.2.0"));
    ck_assert(is_in("192.0.2.1/32", "192.0.2.1") && is_in("0.0.0.0/0", "203.0.113.9"));
    ck_assert(!is_in("0.0.0.0/0", "2001:db8::1"));
    ck_assert(is_in("2001:db8::/33", "2001:db8:7fff::1") && !is_in("2001:db8::/33", "2001:db8:8000::"));
    ck_assert(is_in("::1", "::1") && is_in("::/0", "192.0.2.1"));
}
END_TEST

START_TEST(unix_is_the_network_of_local_peers) {
    Network local = network_of("unix"), all = network_of("::/0");
    Peer peer = {.kind = PEER_LOCAL}, loopback = peer_of("127.0.0.1"), unknown = {.kind = PEER_UNKNOWN};
    ck_assert(networks_have(&local, 1, &peer) && !networks_have(&local, 1, &loopback));
    ck_assert(!networks_have(&all, 1, &peer) && !networks_have(&all, 1, &unknown) && !networks_have(&local, 1, &unknown));
}
END_TEST

START_TEST(what_is_no_network_is_refused) {
    static const char *const bad[] = {"",           "/8",           "10.0.0.0/", "10.0.0.0/33",   "10.0.0.0/x",
                                      "10.0.0.1/8", "::/129",       "::1/127",   "10.0.0.0/0008", "unixx",
                                      "localhost",  "10.0.0.0/8/8", "10.0.0.0:8"};
    Network network;
    for (size_t i = 0; i < N_ELEMENTS(bad); i++)
        ck_assert_msg(network_parse(&network, bad[i], strlen(bad[i])) == PEER_BAD, "'%s'", bad[i]);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        an_address_is_read_as_proxies_write_it,
        what_is_no_address_is_refused,
        a_socket_address_is_the_same_peer_on_every_listener,
        limits_count_ipv4_by_address_and_ipv6_by_its_64,
        a_network_has_its_addresses_and_no_others,
        unix_is_the_network_of_local_peers,
        what_is_no_network_is_refused,
    };
    return run_suite("peer", tests, N_ELEMENTS(tests));
}
