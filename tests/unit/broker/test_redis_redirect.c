#include "broker/redis_redirect.h"

#include <string.h>

#include "broker/redis_shard.h"
#include "suite.h"

static RedisEndpoint endpoint;

static RedisVerdict judge(const char *text) {
    char copy[256];
    const RedisEndpoint asked = {.host = "10.0.0.1", .port = 7000};
    strncpy(copy, text, sizeof copy - 1);
    copy[sizeof copy - 1] = '\0';
    const redisReply error = {.type = REDIS_REPLY_ERROR, .str = copy, .len = (int)strlen(copy)};
    memset(&endpoint, 0, sizeof endpoint);
    return redis_redirect_judge(&error, &asked, &endpoint);
}

START_TEST(moved_and_ask_tell_the_place) {
    ck_assert_int_eq(judge("MOVED 3999 127.0.0.1:6381"), REDIS_VERDICT_MOVED);
    ck_assert_str_eq(endpoint.host, "127.0.0.1");
    ck_assert_uint_eq(endpoint.port, 6381);
    ck_assert_int_eq(judge("ASK 3999 redis-2.example:6382"), REDIS_VERDICT_ASK);
    ck_assert_str_eq(endpoint.host, "redis-2.example");
    ck_assert_int_eq(judge("MOVED 3999 fe80::1:6383"), REDIS_VERDICT_MOVED);
    ck_assert_str_eq(endpoint.host, "fe80::1");
    ck_assert_uint_eq(endpoint.port, 6383);
}
END_TEST

START_TEST(a_place_without_a_host_is_the_host_that_was_asked) {
    ck_assert_int_eq(judge("MOVED 3999 :6381"), REDIS_VERDICT_MOVED);
    ck_assert_str_eq(endpoint.host, "10.0.0.1");
    ck_assert_uint_eq(endpoint.port, 6381);
    ck_assert_int_eq(judge("MOVED 3999 ?:6381"), REDIS_VERDICT_MOVED);
    ck_assert_str_eq(endpoint.host, "10.0.0.1");
}
END_TEST

START_TEST(a_place_that_is_none_is_not_followed) {
    static const char *const texts[] = {"MOVED",       "MOVED 1", "MOVED 1 host", "MOVED 1 host:0", "MOVED 1 host:65536",
                                        "ASK 1 host:x"};
    for (size_t i = 0; i < N_ELEMENTS(texts); i++)
        ck_assert_int_eq(judge(texts[i]), REDIS_VERDICT_PASSING);
}
END_TEST

START_TEST(what_passes_is_told_from_what_is_for_good) {
    static const char *const passing[] = {"LOADING Redis is loading", "CLUSTERDOWN Hash slot not served", "TRYAGAIN x",
                                          "OOM command not allowed", "BUSY Redis is busy"};
    static const char *const refused[] = {"ERR no", "NOPERM no", "WRONGTYPE no", "LOADINGX no", "NOSCRIPT no"};
    for (size_t i = 0; i < N_ELEMENTS(passing); i++)
        ck_assert_int_eq(judge(passing[i]), REDIS_VERDICT_PASSING);
    for (size_t i = 0; i < N_ELEMENTS(refused); i++)
        ck_assert_int_eq(judge(refused[i]), REDIS_VERDICT_REFUSED);
    ck_assert_int_eq(judge("READONLY You can't write against a read only replica."), REDIS_VERDICT_REPLICA);
}
END_TEST

START_TEST(the_hash_is_fnv_1a) { /* draft-eastlake-fnv, appendix C */
    ck_assert(redis_shard_hash("", 0) == 0xcbf29ce484222325u);
    ck_assert(redis_shard_hash("a", 1) == 0xaf63dc4c8601ec8cu);
    ck_assert(redis_shard_hash("foobar", 6) == 0x85944171f73967e8u);
}
END_TEST

START_TEST(one_more_server_takes_its_share_and_moves_nothing_else) {
    unsigned n_moved = 0;
    for (uint64_t i = 0; i < 30000; i++) {
        uint64_t hash = redis_shard_hash(&i, sizeof i);
        unsigned before = redis_shard_jump(hash, 2), after = redis_shard_jump(hash, 3);
        ck_assert(after == before || after == 2);
        ck_assert_uint_eq(redis_shard_jump(hash, 1), 0);
        n_moved += after == 2;
    }
    ck_assert_uint_gt(n_moved, 9500);
    ck_assert_uint_lt(n_moved, 10500);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        moved_and_ask_tell_the_place,
        a_place_without_a_host_is_the_host_that_was_asked,
        a_place_that_is_none_is_not_followed,
        what_passes_is_told_from_what_is_for_good,
        the_hash_is_fnv_1a,
        one_more_server_takes_its_share_and_moves_nothing_else,
    };
    return run_suite("redis_redirect", tests, N_ELEMENTS(tests));
}
