#include "broker/redis_server.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "journal.h"
#include "loopback.h"
#include "real_redis.h"
#include "suite.h"

static RealRedis real;
static Turn turn;
static RedisUrl url;
static RedisCounters counters;
static RedisOptions options;
static RedisServer *server;
static unsigned n_subscribed;
static bool is_quiet; /* subscriptions are counted only */
static char reason[512];

enum { CANARY_MS = 200, CANARY_DEADLINE_MS = 400, MANY = 50000 };

static void on_up(void *context, RedisServer *which) {
    journal_add("up");
}

static void on_down(void *context, RedisServer *which, const char *why) {
    journal_add("down");
    snprintf(reason, sizeof reason, "%s", why);
}

static void on_subscribed(void *context, RedisServer *which, const char *name, size_t n_name) {
    n_subscribed++;
    if (!is_quiet)
        journal_add("subscribed %.*s", (int)n_name, name);
}

static void on_refused(void *context, RedisServer *which, const char *name, size_t n_name, const char *error) {
    journal_add("refused %.*s", (int)n_name, name);
}

static void on_lost(void *context, RedisServer *which, const char *name, size_t n_name) {
    journal_add("lost %.*s", (int)n_name, name);
}

static void on_message(void *context, RedisServer *which, const char *name, size_t n_name, const void *payload,
                       size_t n_payload) {
    journal_add("message %.*s=%.*s", (int)n_name, name, (int)n_payload, (const char *)payload);
}

static const RedisServerEvents events = {
    .up = on_up,
    .down = on_down,
    .subscribed = on_subscribed,
    .refused = on_refused,
    .lost = on_lost,
    .message = on_message,
};

static void on_answer(void *context, BrokerResult result, redisReply *reply) {
    static const char *const words[] = {"ok", "unavailable", "overloaded", "refused"};
    journal_add("%s %s", (const char *)context, words[result]);
}

/* The loop turns, and ticks come as in the program. */
static bool until(bool (*is_true)(void)) {
    uint64_t start_ms = clock_now_ms();
    uint64_t ticked_ms = 0;
    while (!is_true()) {
        uint64_t now_ms = clock_now_ms();
        if (now_ms - start_ms > 8000)
            return false;
        if (now_ms - ticked_ms >= 20) {
            redis_server_tick(server, now_ms);
            ticked_ms = now_ms;
        }
        loopback_turns(1);
    }
    return true;
}

static bool is_up(void) {
    return redis_server_is_up(server);
}

static bool is_down(void) {
    return !redis_server_is_up(server);
}

static void given_a_server(bool is_sharded) {
    journal_clear();
    memset(&counters, 0, sizeof counters);
    n_subscribed = 0;
    is_quiet = false;
    loopback_start();
    turn_init(&turn, &loopback_loop);
    url = (RedisUrl){.n_endpoints = 1, .endpoints = {{.host = "127.0.0.1", .port = real.port}}};
    options = (RedisOptions){
        .prefix = "barker:",
        .connect_ms = 2000,
        .reply_ms = 2000,
        .backoff_min_ms = 10,
        .backoff_max_ms = 100,
        .publish_limit_bytes = 1000,
        .canary_ms = CANARY_MS,
        .canary_deadline_ms = CANARY_DEADLINE_MS,
        .counters = &counters,
    };
    ck_assert_int_eq(redis_server_new(&server, &loopback_loop, &turn, &options, &url, is_sharded, NULL, &events, NULL), 0);
    redis_server_locate(server, &url.endpoints[0]);
}

static void given_a_server_that_is_up(void) {
    real_redis_start(&real);
    given_a_server(false);
    ck_assert(until(is_up));
    ck_journal("up");
}

static void finish(void) {
    redis_server_close(server);
    turn_close(&turn);
    loopback_finish();
    server = redis_server_free(server);
    ck_assert_uint_eq(counter_read(&counters.links_up), 0);
    real_redis_finish(&real);
}

static void subscribe(const char *name) {
    redis_server_subscribe(server, name, strlen(name));
}

static BrokerResult call(const char *cookie, const char *word, const char *name, const char *payload) {
    const RedisWord words[] = {{.bytes = word, .n_bytes = strlen(word)},
                               {.bytes = "barker:", .n_bytes = 7, .has_more = true},
                               {.bytes = name, .n_bytes = strlen(name)},
                               {.bytes = payload, .n_bytes = strlen(payload)}};
    return redis_server_call(server,
                             &(RedisCommand){.words = words, .n_words = 4, .answer = on_answer, .context = (void *)cookie});
}

static bool has_subscribed_one(void) {
    return n_subscribed == 1;
}

static bool has_subscribed_two(void) {
    return n_subscribed == 2;
}

static bool has_message(void) {
    return journal_has("message ");
}

static bool is_answered(void) {
    return journal_has("ok") || journal_has("refused") || journal_has("unavailable");
}

START_TEST(what_is_published_is_heard) {
    given_a_server_that_is_up();
    subscribe("barker:news");
    ck_assert(until(has_subscribed_one));
    ck_assert_int_eq(call("one", "PUBLISH", "news", "hi"), BROKER_OK);
    ck_assert(until(has_message));
    ck_assert(journal_has("subscribed barker:news"));
    ck_assert(journal_has("message barker:news=hi"));
    ck_assert(until(is_answered));
    finish();
}
END_TEST

START_TEST(an_error_is_handed_on_with_the_words_of_redis) {
    given_a_server_that_is_up();
    ck_assert_int_eq(call("one", "NONSENSE", "news", "hi"), BROKER_OK);
    ck_assert(until(is_answered));
    ck_journal("one refused");
    finish();
}
END_TEST

START_TEST(a_stopped_redis_is_found_out_by_the_canary) {
    given_a_server_that_is_up();
    real_redis_kill(&real, SIGSTOP);
    uint64_t start_ms = clock_now_ms();
    ck_assert(until(is_down));
    ck_assert_uint_le(clock_now_ms() - start_ms, CANARY_MS + CANARY_DEADLINE_MS + 300);
    ck_assert_ptr_nonnull(strstr(reason, "canary"));
    ck_assert_uint_eq(counter_read(&counters.links_lost[REDIS_CAUSE_CANARY]), 2);
    ck_journal("down");
    real_redis_kill(&real, SIGCONT);
    ck_assert(until(is_up));
    ck_journal("up");
    finish();
}
END_TEST

START_TEST(a_killed_client_is_down_and_up_again) {
    given_a_server_that_is_up();
    real_redis_do(&real, "CLIENT KILL TYPE pubsub");
    ck_assert(until(is_down));
    ck_assert_ptr_nonnull(strstr(reason, "closed by Redis"));
    ck_assert_uint_eq(counter_read(&counters.links_lost[REDIS_CAUSE_CLOSED]), 1);
    ck_assert(until(is_up));
    ck_journal("down; up");
    finish();
}
END_TEST

static bool is_commander_back(void) {
    return counter_read(&counters.links_made) == 3;
}

START_TEST(a_killed_commander_answers_what_was_under_way_and_the_server_stays_up) {
    given_a_server_that_is_up();
    ck_assert_int_eq(call("slow", "BLPOP", "nothing", "0"), BROKER_OK);
    loopback_turns(20);
    real_redis_do(&real, "CLIENT KILL TYPE normal");
    ck_assert(until(is_answered));
    ck_journal("slow unavailable");
    ck_assert(is_up());
    ck_assert(until(is_commander_back));
    ck_journal("");
    finish();
}
END_TEST

START_TEST(a_restarted_redis_is_followed) {
    given_a_server_that_is_up();
    real_redis_kill(&real, SIGKILL);
    ck_assert(until(is_down));
    real_redis_start(&real);
    ck_assert(until(is_up));
    ck_assert(journal_has("up"));
    finish();
}
END_TEST

static bool has_subscribed_many(void) {
    return n_subscribed == MANY;
}

START_TEST(fifty_thousand_channels_are_subscribed_in_two_seconds) {
    given_a_server_that_is_up();
    uint64_t start_ms = clock_now_ms();
    is_quiet = true;
    for (int i = 0; i < MANY; i++) {
        char name[64];
        redis_server_subscribe(server, name, (size_t)snprintf(name, sizeof name, "barker:chat:room-%d", i));
    }
    ck_assert(until(has_subscribed_many));
    printf("%d channels subscribed in %u ms\n", MANY, (unsigned)(clock_now_ms() - start_ms));
    ck_assert_uint_lt(clock_now_ms() - start_ms, 6000); /* with sanitizers, on a machine that others use, too */
    finish();
}
END_TEST

START_TEST(past_the_limit_of_what_is_unanswered_a_call_is_overloaded) {
    given_a_server_that_is_up();
    char payload[1001];
    memset(payload, 'x', 1000);
    payload[1000] = '\0';
    ck_assert_int_eq(call("large", "PUBLISH", "news", payload), BROKER_OK);
    ck_assert_int_eq(call("small", "PUBLISH", "news", "x"), BROKER_OVERLOADED);
    ck_assert_uint_eq(counter_read(&counters.overloaded), 1);
    ck_assert(until(is_answered));
    ck_journal("large ok");
    ck_assert_int_eq(call("small", "PUBLISH", "news", "x"), BROKER_OK);
    finish();
}
END_TEST

static bool is_refused(void) {
    return counter_read(&counters.links_lost[REDIS_CAUSE_CANARY]) >= 4;
}

START_TEST(a_refused_canary_keeps_the_server_down_and_says_why) {
    real_redis_start(&real);
    real_redis_do(&real, "ACL SETUSER joe on nopass ~* &* +@all -publish");
    given_a_server(false);
    static char user[] = "joe", password[] = "x";
    url.user = user;
    url.password = password;
    ck_assert(until(is_refused));
    ck_assert_ptr_nonnull(strstr(reason, "'publish'"));
    ck_assert(!journal_has("up"));
    finish();
}
END_TEST

START_TEST(a_replica_is_left_where_a_master_is_needed) {
    real_redis_start(&real);
    real_redis_do(&real, "REPLICAOF 127.0.0.1 1");
    given_a_server(false);
    redis_server_require_master(server);
    uint64_t start_ms = clock_now_ms();
    while (clock_now_ms() - start_ms < 300) {
        redis_server_tick(server, clock_now_ms());
        loopback_turns(10);
    }
    ck_assert(!is_up());
    ck_assert_uint_gt(counter_read(&counters.links_lost[REDIS_CAUSE_NOT_MASTER]), 0);
    real_redis_do(&real, "REPLICAOF NO ONE");
    ck_assert(until(is_up));
    journal_clear();
    real_redis_do(&real, "REPLICAOF 127.0.0.1 1");
    ck_assert(until(is_down));
    ck_assert_ptr_nonnull(strstr(reason, "not a master"));
    finish();
}
END_TEST

static bool is_lost(void) {
    return journal_has("lost barker:a") && journal_has("lost barker:b");
}

START_TEST(sharded_subscriptions_are_reported_lost_one_by_one) {
    real_redis_start(&real);
    given_a_server(true);
    ck_assert(until(is_up));
    subscribe("barker:a");
    subscribe("barker:b");
    ck_assert(until(has_subscribed_two));
    ck_assert_int_eq(call("one", "SPUBLISH", "a", "hi"), BROKER_OK);
    ck_assert(until(has_message));
    ck_assert(journal_has("subscribed barker:b"));
    journal_clear();
    real_redis_do(&real, "CLIENT KILL TYPE pubsub");
    ck_assert(until(is_lost));
    ck_assert(!is_up());
    ck_assert(until(is_up));
    finish();
}
END_TEST

START_TEST(a_server_that_is_relocated_leaves_its_old_place) {
    static RealRedis other;
    given_a_server_that_is_up();
    real_redis_start(&other);
    const RedisEndpoint place = {.host = "127.0.0.1", .port = other.port};
    redis_server_locate(server, &place);
    ck_journal("down");
    ck_assert(until(is_up));
    ck_assert_int_eq(redis_server_endpoint(server)->port, other.port);
    ck_assert_int_eq(real_redis_integer(&other, "PUBLISH barker:nothing x"), 0);
    ck_assert_uint_eq(counter_read(&counters.links_lost[REDIS_CAUSE_MOVED]), 2);
    redis_server_locate(server, NULL);
    ck_assert(!is_up());
    ck_assert_ptr_null(redis_server_endpoint(server));
    real_redis_finish(&other);
    finish();
}
END_TEST

START_TEST(nobody_there_is_a_cause_of_its_own) {
    real_redis_start(&real);
    given_a_server(false);
    real_redis_kill(&real, SIGKILL);
    redis_server_tick(server, clock_now_ms());
    loopback_turns(50);
    ck_assert_uint_eq(counter_read(&counters.links_lost[REDIS_CAUSE_CONNECT]), 2);
    finish();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        what_is_published_is_heard,
        an_error_is_handed_on_with_the_words_of_redis,
        a_stopped_redis_is_found_out_by_the_canary,
        a_killed_client_is_down_and_up_again,
        a_killed_commander_answers_what_was_under_way_and_the_server_stays_up,
        a_restarted_redis_is_followed,
        fifty_thousand_channels_are_subscribed_in_two_seconds,
        past_the_limit_of_what_is_unanswered_a_call_is_overloaded,
        a_refused_canary_keeps_the_server_down_and_says_why,
        a_replica_is_left_where_a_master_is_needed,
        sharded_subscriptions_are_reported_lost_one_by_one,
        a_server_that_is_relocated_leaves_its_old_place,
        nobody_there_is_a_cause_of_its_own,
    };
    return run_suite("redis_server", tests, N_ELEMENTS(tests));
}
