#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "app/config_address.h"

static ListenAddress parse(const char *text) {
    ListenAddress address;
    const char *why = "";

    ck_assert_msg(listen_address_parse(&address, text, &why) == LISTEN_ADDRESS_OK, "'%s' refused: %s", text, why);
    return address;
}

static const char *refusal(const char *text) {
    ListenAddress address;
    const char *why = NULL;

    ck_assert_msg(listen_address_parse(&address, text, &why) == LISTEN_ADDRESS_BAD, "'%s' taken", text);
    ck_assert_ptr_nonnull(why);
    return why;
}

START_TEST(an_ipv4_address_becomes_a_socket_address) {
    ListenAddress address = parse("192.0.2.7:8080");
    const struct sockaddr_in *to = (const struct sockaddr_in *)&address.socket.storage;

    ck_assert_int_eq(to->sin_family, AF_INET);
    ck_assert_uint_eq(to->sin_addr.s_addr, inet_addr("192.0.2.7"));
    ck_assert_uint_eq(ntohs(to->sin_port), 8080);
    ck_assert_uint_eq(address.n_bytes, sizeof(*to));
}
END_TEST

START_TEST(an_ipv6_address_stands_in_brackets_and_takes_no_ipv4) {
    ListenAddress address = parse("[::1]:0");
    const struct sockaddr_in6 *to = (const struct sockaddr_in6 *)&address.socket.storage;

    ck_assert_int_eq(to->sin6_family, AF_INET6);
    ck_assert(IN6_IS_ADDR_LOOPBACK(&to->sin6_addr));
    ck_assert_uint_eq(to->sin6_port, 0);
    ck_assert(!address.is_dual_stack);
}
END_TEST

START_TEST(a_port_alone_is_every_interface_of_both_protocols) {
    ListenAddress address = parse(":65535");
    const struct sockaddr_in6 *to = (const struct sockaddr_in6 *)&address.socket.storage;

    ck_assert(IN6_IS_ADDR_UNSPECIFIED(&to->sin6_addr));
    ck_assert(address.is_dual_stack);
    ck_assert_uint_eq(ntohs(to->sin6_port), 65535);
}
END_TEST

START_TEST(localhost_is_the_ipv4_loopback) {
    ListenAddress named = parse("localhost:80"), numeric = parse("127.0.0.1:80");

    ck_assert(listen_address_is_equal(&named, &numeric));
}
END_TEST

START_TEST(a_unix_socket_has_an_absolute_path) {
    ListenAddress address = parse("unix:/run/barker.sock");

    ck_assert_int_eq(address.socket.any.sa_family, AF_UNIX);
    ck_assert_str_eq(((const struct sockaddr_un *)&address.socket.storage)->sun_path, "/run/barker.sock");
    ck_assert_ptr_nonnull(strstr(refusal("unix:run/barker.sock"), "absolute"));
}
END_TEST

START_TEST(a_unix_path_has_at_most_107_bytes) {
    char text[] =
        "unix:/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

    text[5 + 108] = '\0';
    ck_assert_ptr_nonnull(strstr(refusal(text), "107"));
    text[5 + 107] = '\0';
    parse(text);
}
END_TEST

START_TEST(what_is_no_address_is_refused) {
    static const char *const bad[] = {
        "",          "8080",       "127.0.0.1",   "example.org:80", "127.0.0.1:",     "127.0.0.1:65536",
        "1.2.3:80",  "1.2.3.4:8o", "[::1]",       "[::1:80",        "[127.0.0.1]:80", "127.0.0.1:-1",
        "[:::1]:80", "0x7f.1:80",  "1.2.3.4: 80", "*:80",           "[]:80",          "127.0.0.1:000080"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refusal(bad[i]);
}
END_TEST

START_TEST(a_bare_ipv6_address_is_told_of_the_brackets) {
    ck_assert_ptr_nonnull(strstr(refusal("::1:8080"), "brackets"));
}
END_TEST

START_TEST(an_address_is_written_as_it_is_read) {
    static const char *const good[] = {"127.0.0.1:8080", "[::1]:8080", ":8080", "unix:/run/barker.sock", "[2001:db8::7]:0"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ListenAddress address = parse(good[i]);
        char text[LISTEN_ADDRESS_TEXT_SIZE];

        ck_assert_str_eq(listen_address_format(text, sizeof(text), &address), good[i]);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("app/config_address");
    TCase *tcase = tcase_create("config_address");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_test(tcase, an_ipv4_address_becomes_a_socket_address);
    tcase_add_test(tcase, an_ipv6_address_stands_in_brackets_and_takes_no_ipv4);
    tcase_add_test(tcase, a_port_alone_is_every_interface_of_both_protocols);
    tcase_add_test(tcase, localhost_is_the_ipv4_loopback);
    tcase_add_test(tcase, a_unix_socket_has_an_absolute_path);
    tcase_add_test(tcase, a_unix_path_has_at_most_107_bytes);
    tcase_add_test(tcase, what_is_no_address_is_refused);
    tcase_add_test(tcase, a_bare_ipv6_address_is_told_of_the_brackets);
    tcase_add_test(tcase, an_address_is_written_as_it_is_read);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
