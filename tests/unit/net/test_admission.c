#include "net/admission.h"

#include <pthread.h>
#include <string.h>

#include "base/hash.h"
#include "suite.h"

static Admission *admission;

static void begin(AdmissionOptions options) {
    hash_seed(1, 2);
    options.handshakes = options.handshakes ? options.handshakes : UINT32_MAX;
    ck_assert_int_eq(admission_new(&admission, &options), 0);
}

static void end(void) {
    admission = admission_free(admission);
}

static Peer peer_of(const char *text) {
    Peer peer;
    ck_assert_int_eq(peer_parse(&peer, text, strlen(text)), PEER_OK);
    return peer;
}

static bool enter(AdmissionTicket *ticket, const char *text) {
    Peer peer = peer_of(text);
    *ticket = (AdmissionTicket){.is_counted = false};
    return admission_enter(admission, ticket, &peer);
}

static bool is_empty(void) {
    for (unsigned row = 0; row < TALLY_ROWS; row++)
        for (unsigned i = 0; i < TALLY_CELLS; i++)
            if (admission->addresses.cells[row][i] != 0)
                return false;
    return admission->n_handshakes == 0;
}

START_TEST(an_address_gets_its_limit_and_no_more) {
    begin((AdmissionOptions){.per_address = 2});
    AdmissionTicket a, b, c, other;
    ck_assert(enter(&a, "192.0.2.1") && enter(&b, "192.0.2.1") && !enter(&c, "192.0.2.1"));
    ck_assert(enter(&other, "192.0.2.2"));
    admission_leave(admission, &a);
    admission_leave(admission, &a);
    ck_assert(enter(&c, "192.0.2.1") && !enter(&a, "192.0.2.1"));
    admission_leave(admission, &b);
    admission_leave(admission, &c);
    admission_leave(admission, &other);
    ck_assert(is_empty());
    end();
}
END_TEST

START_TEST(an_ipv6_site_counts_as_one) {
    begin((AdmissionOptions){.per_address = 1});
    AdmissionTicket a, b;
    ck_assert(enter(&a, "2001:db8::1") && !enter(&b, "2001:db8::ffff:2") && enter(&b, "2001:db8:0:1::1"));
    end();
}
END_TEST

START_TEST(trusted_and_local_and_unknown_peers_are_not_counted) {
    AdmissionOptions options = {.per_address = 1, .n_trusted = 1};
    ck_assert_int_eq(network_parse(&options.trusted[0], "10.0.0.0/8", 10), PEER_OK);
    begin(options);
    const Peer uncounted[] = {peer_of("10.1.1.1"), {.kind = PEER_LOCAL}, {.kind = PEER_UNKNOWN}};
    AdmissionTicket ticket = {.is_counted = false};
    for (size_t i = 0; i < N_ELEMENTS(uncounted); i++)
        for (unsigned n = 0; n < 3; n++)
            ck_assert(admission_enter(admission, &ticket, &uncounted[i]));
    ck_assert(is_empty());
    end();
}
END_TEST

START_TEST(without_a_limit_nothing_is_counted) {
    begin((AdmissionOptions){.per_address = 0});
    AdmissionTicket ticket;
    for (unsigned i = 0; i < 100; i++)
        ck_assert(enter(&ticket, "192.0.2.1"));
    ck_assert(is_empty());
    ck_assert_uint_eq(admission_wait_ms(admission, 5), 0);
    end();
}
END_TEST

START_TEST(a_crowd_of_others_does_not_use_up_an_address) {
    enum { CROWD = 1000000 };
    begin((AdmissionOptions){.per_address = 10});
    AdmissionTicket ticket;
    for (uint32_t i = 0; i < CROWD; i++) {
        uint8_t bytes[] = {11, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        Peer peer = peer_of_ipv4(bytes);
        ticket = (AdmissionTicket){.is_counted = false};
        ck_assert(admission_enter(admission, &ticket, &peer));
    }
    for (unsigned i = 0; i < 4; i++)
        ck_assert(enter(&ticket, "192.0.2.1"));
    end();
}
END_TEST

START_TEST(a_tenth_of_a_second_comes_at_once_and_then_the_rate_holds) {
    begin((AdmissionOptions){.per_second = 100});
    AdmissionTicket ticket;
    unsigned n_in = 0;
    for (uint64_t now_ms = 1000; now_ms < 3000; now_ms++)
        while (admission_wait_ms(admission, now_ms) == 0) {
            admission_accepted(admission, &ticket, now_ms);
            n_in++;
            ck_assert_uint_le(n_in, 10 + (now_ms - 1000) / 10);
        }
    ck_assert_uint_ge(n_in, 10 + 198);
    end();
}
END_TEST

START_TEST(the_wait_is_just_long_enough) {
    static const uint32_t rates[] = {1, 3, 7, 10, 99, 1000, 1000000};
    for (size_t i = 0; i < N_ELEMENTS(rates); i++) {
        begin((AdmissionOptions){.per_second = rates[i]});
        AdmissionTicket ticket;
        uint32_t wait_ms;
        while ((wait_ms = admission_wait_ms(admission, 1000)) == 0)
            admission_accepted(admission, &ticket, 1000);
        ck_assert_uint_le(wait_ms, 1000);
        ck_assert_uint_gt(admission_wait_ms(admission, 1000 + wait_ms - 1), 0);
        ck_assert_uint_eq(admission_wait_ms(admission, 1000 + wait_ms), 0);
        end();
    }
}
END_TEST

START_TEST(too_many_handshakes_make_new_ones_wait_until_one_ends) {
    begin((AdmissionOptions){.handshakes = 2});
    AdmissionTicket a, b;
    admission_accepted(admission, &a, 0);
    ck_assert_uint_eq(admission_wait_ms(admission, 0), 0);
    admission_accepted(admission, &b, 0);
    ck_assert_uint_gt(admission_wait_ms(admission, 0), 0);
    admission_shaken(admission, &a);
    admission_shaken(admission, &a);
    ck_assert_uint_eq(admission_wait_ms(admission, 0), 0);
    admission_leave(admission, &a);
    admission_leave(admission, &b);
    ck_assert(is_empty());
    end();
}
END_TEST

static void *come_and_go(void *context) {
    unsigned *n_most = context;
    for (unsigned i = 0; i < 20000; i++) {
        AdmissionTicket tickets[4];
        unsigned n_in = 0;
        for (unsigned k = 0; k < N_ELEMENTS(tickets); k++) {
            admission_accepted(admission, &tickets[k], i);
            Peer peer = peer_of_ipv4((const uint8_t[]){192, 0, 2, 1});
            n_in += admission_enter(admission, &tickets[k], &peer);
        }
        *n_most = n_in > *n_most ? n_in : *n_most;
        for (unsigned k = 0; k < N_ELEMENTS(tickets); k++)
            admission_leave(admission, &tickets[k]);
    }
    return NULL;
}

START_TEST(threads_that_come_and_go_leave_nothing_behind) {
    pthread_t threads[4];
    unsigned n_most[4] = {0};
    begin((AdmissionOptions){.per_address = 3, .per_second = 1000});
    for (unsigned i = 0; i < N_ELEMENTS(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, come_and_go, &n_most[i]), 0);
    for (unsigned i = 0; i < N_ELEMENTS(threads); i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < N_ELEMENTS(threads); i++)
        ck_assert_uint_le(n_most[i], 3);
    ck_assert(is_empty());
    end();
}
END_TEST

START_TEST(limits_change_while_connections_are_counted) {
    begin((AdmissionOptions){.per_address = 0});
    AdmissionTicket before, a, b, c;
    ck_assert(enter(&before, "192.0.2.1"));
    admission_configure(admission, &(AdmissionOptions){.per_address = 1, .handshakes = 1});
    ck_assert(enter(&a, "192.0.2.1") && !enter(&b, "192.0.2.1"));
    admission_configure(admission, &(AdmissionOptions){.per_address = 2, .per_second = 10, .handshakes = 1});
    ck_assert(enter(&b, "192.0.2.1") && !enter(&c, "192.0.2.1"));
    admission_accepted(admission, &c, 1000);
    ck_assert_uint_gt(admission_wait_ms(admission, 1000), 0);
    admission_configure(admission, &(AdmissionOptions){.handshakes = 2});
    ck_assert_uint_eq(admission_wait_ms(admission, 1000), 0);
    admission_leave(admission, &before);
    admission_leave(admission, &a);
    admission_leave(admission, &b);
    admission_leave(admission, &c);
    ck_assert(is_empty());
    end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        limits_change_while_connections_are_counted,
        an_address_gets_its_limit_and_no_more,
        an_ipv6_site_counts_as_one,
        trusted_and_local_and_unknown_peers_are_not_counted,
        without_a_limit_nothing_is_counted,
        a_crowd_of_others_does_not_use_up_an_address,
        a_tenth_of_a_second_comes_at_once_and_then_the_rate_holds,
        the_wait_is_just_long_enough,
        too_many_handshakes_make_new_ones_wait_until_one_ends,
        threads_that_come_and_go_leave_nothing_behind,
    };
    return run_suite("admission", tests, N_ELEMENTS(tests));
}
