#include "broker/redis_resolver.h"

#include <netdb.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loopback.h"
#include "real_redis.h"
#include "redis_fixture.h"
#include "suite.h"

/* The system's resolver is the test's: it answers 127.0.0.1 and the test's second address, fails, or hangs. */
enum { PORT = 6379, HEAL_MS = 5000 };

static atomic_uint n_asked;
static atomic_bool is_hanging;
static atomic_int outcome; /* 0 or EAI_… */
static atomic_uint second;

static struct addrinfo *fake_address(uint32_t address, const char *service, struct addrinfo *next) {
    struct addrinfo *made = calloc(1, sizeof *made + sizeof(struct sockaddr_in));
    struct sockaddr_in *ip4 = (struct sockaddr_in *)(made + 1);
    *ip4 = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(address), .sin_port = htons((uint16_t)(service ? atoi(service) : 0))};
    *made = (struct addrinfo){.ai_family = AF_INET,
                              .ai_socktype = SOCK_STREAM,
                              .ai_addrlen = sizeof *ip4,
                              .ai_addr = (struct sockaddr *)ip4,
                              .ai_next = next};
    return made;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out) {
    bool is_ours = strcmp(name, "127.0.0.1") != 0; /* else it is hiredis, for the test itself */
    if (is_ours)
        atomic_fetch_add(&n_asked, 1);
    while (is_ours && atomic_load(&is_hanging))
        usleep(1000);
    if (is_ours && atomic_load(&outcome) != 0)
        return atomic_load(&outcome);
    *out = fake_address(INADDR_LOOPBACK, service, is_ours ? fake_address(atomic_load(&second), service, NULL) : NULL);
    return 0;
}

void freeaddrinfo(struct addrinfo *addresses) {
    while (addresses) {
        struct addrinfo *next = addresses->ai_next;
        free(addresses);
        addresses = next;
    }
}

static RedisResolver *resolver;
static RedisLookup lookups[2];
static unsigned n_done;
static int last_status;

static void on_done(RedisLookup *lookup, int status) {
    n_done++;
    last_status = status;
}

static bool is_one_done(void) {
    return n_done == 1;
}

static bool are_two_done(void) {
    return n_done == 2;
}

static bool is_asked(void) {
    return atomic_load(&n_asked) > 0;
}

static void given_a_resolver(void) {
    loopback_start();
    atomic_store(&second, 0x0a000001);
    ck_assert_int_eq(redis_resolver_new(&resolver, &loopback_loop), 0);
    redis_resolver_tick(resolver, 1000);
    for (unsigned i = 0; i < N_ELEMENTS(lookups); i++)
        redis_lookup_init(&lookups[i], on_done);
}

static void finish(void) {
    redis_resolver_close(resolver);
    atomic_store(&is_hanging, false);
    loopback_finish();
    resolver = redis_resolver_free(resolver);
}

static void start(unsigned i, const char *host) {
    ck_assert_int_eq(redis_lookup_start(&lookups[i], resolver, host, PORT), 0);
}

/* And forgets that it did. */
static void given_a_known_host(void) {
    start(0, "redis");
    ck_assert(loopback_until(is_one_done));
    ck_assert_int_eq(last_status, 0);
    n_done = 0;
    atomic_store(&n_asked, 0);
}

START_TEST(a_numeric_address_is_found_at_once_by_nobody) {
    redis_lookup_init(&lookups[0], on_done);
    ck_assert_int_eq(redis_lookup_start(&lookups[0], NULL, "192.0.2.1", PORT), REDIS_FOUND);
    ck_assert_int_eq(lookups[0].found[0].any.sa_family, AF_INET);
    ck_assert_int_eq(redis_lookup_start(&lookups[0], NULL, "2001:db8::1", PORT), REDIS_FOUND);
    ck_assert_int_eq(lookups[0].found[0].any.sa_family, AF_INET6);
    ck_assert_uint_eq(lookups[0].n_found, 1);
    ck_assert_int_eq(redis_lookup_start(&lookups[0], NULL, "redis", PORT), -EINVAL);
    ck_assert_uint_eq(atomic_load(&n_asked), 0);
}
END_TEST

START_TEST(one_lookup_serves_all_who_wait_with_every_address) {
    given_a_resolver();
    start(0, "redis");
    start(1, "redis");
    ck_assert(loopback_until(are_two_done));
    ck_assert_uint_eq(atomic_load(&n_asked), 1);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_uint_eq(lookups[i].n_found, 2);
        ck_assert_uint_eq(ntohl(lookups[i].found[1].ip4.sin_addr.s_addr), 0x0a000001);
        ck_assert_uint_eq(ntohs(lookups[i].found[1].ip4.sin_port), PORT);
    }
    finish();
}
END_TEST

START_TEST(a_lookup_that_hangs_is_late_after_a_second_and_what_is_known_serves) {
    given_a_resolver();
    given_a_known_host();
    atomic_store(&is_hanging, true);
    start(0, "redis");
    redis_resolver_tick(resolver, 1000 + REDIS_LOOKUP_LATE_MS - 1);
    ck_assert_uint_eq(n_done, 0);
    redis_resolver_tick(resolver, 1000 + REDIS_LOOKUP_LATE_MS);
    ck_assert_uint_eq(n_done, 1);
    ck_assert_int_eq(last_status, 0);
    ck_assert_uint_eq(lookups[0].n_found, 2);
    finish();
}
END_TEST

START_TEST(a_host_that_is_being_looked_up_is_not_looked_up_again) {
    given_a_resolver();
    given_a_known_host();
    atomic_store(&is_hanging, true);
    for (unsigned i = 0; i < 10; i++) {
        start(0, "redis");
        redis_resolver_tick(resolver, (i + 2) * REDIS_LOOKUP_LATE_MS);
    }
    loopback_turns(10);
    ck_assert_uint_eq(n_done, 10);
    ck_assert_uint_eq(atomic_load(&n_asked), 1);
    finish();
}
END_TEST

START_TEST(what_a_late_lookup_brings_counts) {
    given_a_resolver();
    given_a_known_host();
    atomic_store(&is_hanging, true);
    start(0, "redis");
    ck_assert(loopback_until(is_asked));
    redis_lookup_cancel(&lookups[0]);
    atomic_store(&second, 0x0a000002);
    atomic_store(&is_hanging, false);
    start(1, "redis");
    ck_assert(loopback_until(is_one_done));
    ck_assert_uint_eq(ntohl(lookups[1].found[1].ip4.sin_addr.s_addr), 0x0a000002);
    ck_assert_uint_eq(atomic_load(&n_asked), 1);
    finish();
}
END_TEST

START_TEST(without_a_name_server_what_is_known_serves) {
    given_a_resolver();
    given_a_known_host();
    atomic_store(&outcome, EAI_AGAIN);
    start(0, "redis");
    ck_assert(loopback_until(is_one_done));
    ck_assert_int_eq(last_status, 0);
    n_done = 0;
    start(0, "another");
    ck_assert(loopback_until(is_one_done));
    ck_assert_int_eq(last_status, UV_EAI_AGAIN);
    finish();
}
END_TEST

START_TEST(that_there_is_no_such_host_is_an_answer) {
    given_a_resolver();
    given_a_known_host();
    atomic_store(&outcome, EAI_NONAME);
    start(0, "redis");
    ck_assert(loopback_until(is_one_done));
    ck_assert_int_eq(last_status, UV_EAI_NONAME);
    finish();
}
END_TEST

START_TEST(who_has_cancelled_hears_nothing) {
    given_a_resolver();
    start(0, "redis");
    start(1, "redis");
    redis_lookup_cancel(&lookups[0]);
    redis_lookup_cancel(&lookups[0]);
    ck_assert(loopback_until(is_one_done));
    loopback_turns(5);
    ck_assert_uint_eq(n_done, 1);
    finish();
}
END_TEST

START_TEST(hosts_are_forgotten_when_there_are_too_many) {
    given_a_resolver();
    for (unsigned i = 0; i < 2 * REDIS_HOSTS_KNOWN_MAX; i++) {
        char host[16];
        snprintf(host, sizeof host, "redis-%u", i);
        n_done = 0;
        start(0, host);
        ck_assert(loopback_until(is_one_done));
    }
    finish();
}
END_TEST

static void given_a_backend(RealRedis *real) {
    char url[64];
    atomic_store(&second, INADDR_LOOPBACK);
    real_redis_start(real);
    snprintf(url, sizeof url, "redis://redis.example:%u", real->port);
    redis_given_one(url);
    ck_assert(redis_until(redis_is_up, HEAL_MS));
}

static void finish_backend(RealRedis *real) {
    atomic_store(&is_hanging, false);
    redis_finish();
    real_redis_finish(real);
}

START_TEST(links_heal_while_every_lookup_hangs) {
    RealRedis real = {0};
    given_a_backend(&real);
    atomic_store(&is_hanging, true);
    for (int i = 0; i < 2; i++) {
        real_redis_kill(&real, SIGKILL);
        ck_assert(redis_until(redis_is_down, HEAL_MS));
        real_redis_start(&real);
        ck_assert_msg(redis_until(redis_is_up, HEAL_MS), "%s", redis_reason);
    }
    ck_assert_uint_le(atomic_load(&n_asked), 2); /* one that answered, one that hangs */
    finish_backend(&real);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_numeric_address_is_found_at_once_by_nobody,
        one_lookup_serves_all_who_wait_with_every_address,
        a_lookup_that_hangs_is_late_after_a_second_and_what_is_known_serves,
        a_host_that_is_being_looked_up_is_not_looked_up_again,
        what_a_late_lookup_brings_counts,
        without_a_name_server_what_is_known_serves,
        that_there_is_no_such_host_is_an_answer,
        who_has_cancelled_hears_nothing,
        hosts_are_forgotten_when_there_are_too_many,
        links_heal_while_every_lookup_hangs,
    };
    return run_suite("broker/redis_resolver", tests, N_ELEMENTS(tests));
}
