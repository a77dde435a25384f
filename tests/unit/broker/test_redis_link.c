#include "broker/redis_link.h"
#include "suite.h"

enum { MIN_MS = 100, MAX_MS = 5000, CANARY_MS = 1000 };

static const RedisOptions options = {.backoff_min_ms = MIN_MS, .backoff_max_ms = MAX_MS, .canary_ms = CANARY_MS};
static RedisLink redis_link;

static void ignore(void *context, const char *reason) {}

static const RedisLinkEvents events = {.lost = ignore};

static void given_a_link(void) {
    redis_link_init(&redis_link, "a link", &(RedisLinkSetting){.options = &options}, &events, NULL);
    redis_link.now_ms = 1000000;
}

static void fail_after(uint64_t held_ms) {
    redis_link.state = REDIS_LINK_GREETING;
    redis_link_ready(&redis_link);
    redis_link.now_ms += held_ms;
    redis_link_fail(&redis_link, REDIS_CAUSE_CLOSED, "for the test");
}

START_TEST(one_that_is_dropped_at_once_backs_off_further_each_time) {
    given_a_link();
    for (unsigned n = 1; n <= 10; n++) {
        fail_after(CANARY_MS - 1);
        ck_assert_uint_eq(redis_link.n_attempts, n);
        ck_assert_uint_le(redis_link.due_ms - redis_link.now_ms, (uint64_t)MIN_MS << (n - 1));
        ck_assert_uint_le(redis_link.due_ms - redis_link.now_ms, MAX_MS);
    }
}
END_TEST

START_TEST(one_that_held_for_a_canary_starts_anew) {
    given_a_link();
    for (unsigned n = 1; n <= 10; n++)
        fail_after(0);
    fail_after(CANARY_MS);
    ck_assert_uint_eq(redis_link.n_attempts, 1);
    ck_assert_uint_le(redis_link.due_ms - redis_link.now_ms, MIN_MS);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {one_that_is_dropped_at_once_backs_off_further_each_time,
                                  one_that_held_for_a_canary_starts_anew};
    return run_suite("redis_link", tests, N_ELEMENTS(tests));
}
