#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "broker/redis_shard.h"
#include "journal.h"
#include "loopback.h"
#include "real_redis.h"
#include "redis_fixture.h"
#include "suite.h"

static RealRedis real;
static RealRedis other;
static const HistoryLimits limits = {.n_messages = 100, .age_ms = 60000};

enum { PATIENCE_MS = 8000, MANY = 50000, SOME = 500 };

static const char *url_of(const RealRedis *server, const char *user) {
    static char texts[2][128];
    static unsigned n;
    char *text = texts[n++ % 2];
    snprintf(text, sizeof texts[0], "redis://%s127.0.0.1:%u", user, server->port);
    return text;
}

static void given_a_backend_that_is_up(void) {
    real_redis_start(&real);
    redis_given_one(url_of(&real, ""));
    ck_assert(redis_until(redis_is_up, PATIENCE_MS));
    ck_journal("up");
}

static void finish(void) {
    redis_finish();
    real_redis_finish(&real);
}

static const char *awaited;

static bool is_in_journal(void) {
    return journal_has(awaited);
}

static bool await(const char *text) {
    awaited = text;
    return redis_until(is_in_journal, PATIENCE_MS);
}

static void read_history(Position since, uint32_t limit, HistoryOrder order, size_t limit_bytes) {
    const HistoryQuery query = {.since = since, .limit = limit, .order = order, .limit_bytes = limit_bytes};
    journal_clear();
    redis->ops->read(redis, "chat:1", 6, &query, (void *)"h");
    ck_assert(await("read h"));
}

/* The payloads of the last history, one character each. */
static const char *payloads(void) {
    static char text[64];
    size_t n = 0;
    for (uint32_t i = 0; i < redis_last_history->n_messages; i++) {
        const Message *message = redis_last_history->messages[i];
        ck_assert_str_eq(message_channel(message), "chat:1");
        ck_assert_uint_eq(message->position.epoch, redis_last_history->position.epoch);
        text[n++] = message_payload(message)[0];
    }
    text[n] = '\0';
    return text;
}

START_TEST(a_live_publish_is_answered_and_heard_without_the_prefix) {
    given_a_backend_that_is_up();
    redis_want("news");
    ck_assert(await("subscribed news"));
    redis_send("news", "hi", NULL, "1");
    ck_assert(await("published 1 ok 0"));
    ck_assert(await("message news 2 bytes"));
    finish();
}
END_TEST

START_TEST(a_durable_publish_takes_the_next_place) {
    given_a_backend_that_is_up();
    redis_want("chat:1");
    ck_assert(await("subscribed chat:1"));
    redis_send("chat:1", "a", &limits, "1");
    redis_send("chat:1", "b", &limits, "2");
    ck_assert(await("published 1 ok at 1"));
    ck_assert(await("published 2 ok at 2"));
    ck_assert(await("message chat:1"));
    ck_assert_int_eq(real_redis_integer(&real, "XLEN barker:chat:1"), 2);
    ck_assert_int_le(real_redis_integer(&real, "PTTL barker:chat:1"), 60000);
    finish();
}
END_TEST

START_TEST(a_durable_publish_with_a_known_key_takes_the_firsts_place) {
    Message *message;
    given_a_backend_that_is_up();
    ck_assert_int_eq(message_new_keyed(&message, "chat:1", 6, "a", 1, "k", 1), 0);
    redis->ops->publish(redis, message, &limits, "1");
    redis_send("chat:1", "b", &limits, "2");
    redis->ops->publish(redis, message, &limits, "3");
    ck_assert(await("published 2 ok at 2"));
    ck_assert(await("published 3 ok at 1"));
    message_unref(message);
    ck_assert_int_eq(real_redis_integer(&real, "XLEN barker:chat:1"), 2);
    ck_assert_int_le(real_redis_integer(&real, "TTL {barker:chat:1}|id|k"), 300);
    ck_assert_int_ge(real_redis_integer(&real, "TTL {barker:chat:1}|id|k"), 290);
    finish();
}
END_TEST

START_TEST(a_history_is_read_in_each_order) {
    given_a_backend_that_is_up();
    for (const char *payload = "a\0b\0c\0d\0e\0"; *payload; payload += 2)
        redis_send("chat:1", payload, &limits, NULL);
    read_history((Position){0}, 3, HISTORY_FORWARD, 0);
    ck_assert_str_eq(payloads(), "cde");
    ck_assert(redis_last_history->is_recovered && redis_last_history->has_more);
    Position since = {.epoch = redis_last_history->position.epoch, .seq = 2};
    ck_assert_uint_eq(redis_last_history->position.seq, 5);
    read_history(since, 2, HISTORY_FORWARD, 0);
    ck_assert_str_eq(payloads(), "cd");
    read_history(since, 10, HISTORY_REVERSE, 0);
    ck_assert_str_eq(payloads(), "edc");
    read_history(since, 10, HISTORY_RESUME, 0);
    ck_assert_str_eq(payloads(), "cde");
    ck_assert(redis_last_history->is_recovered);
    ck_assert_uint_eq(redis_last_history->messages[0]->position.seq, 3);
    read_history(since, 2, HISTORY_RESUME, 0);
    ck_assert(!redis_last_history->is_recovered);
    ck_assert_uint_eq(redis_last_history->n_messages, 0);
    since.epoch++;
    read_history(since, 10, HISTORY_RESUME, 0);
    ck_assert(!redis_last_history->is_recovered);
    ck_assert_uint_eq(redis_last_history->position.seq, 5);
    finish();
}
END_TEST

START_TEST(a_history_keeps_within_its_bytes_and_a_resume_is_all_or_nothing) {
    given_a_backend_that_is_up();
    for (const char *payload = "a\0b\0c\0"; *payload; payload += 2)
        redis_send("chat:1", payload, &limits, NULL);
    read_history((Position){0}, 10, HISTORY_FORWARD, 2);
    ck_assert_str_eq(payloads(), "ab");
    ck_assert(redis_last_history->has_more);
    Position since = {.epoch = redis_last_history->position.epoch, .seq = 1};
    read_history(since, 10, HISTORY_RESUME, 2);
    ck_assert_str_eq(payloads(), "bc");
    read_history(since, 10, HISTORY_RESUME, 1);
    ck_assert(!redis_last_history->is_recovered);
    ck_assert_uint_eq(redis_last_history->n_messages, 0);
    finish();
}
END_TEST

START_TEST(a_channel_without_a_history_has_no_place) {
    given_a_backend_that_is_up();
    read_history((Position){0}, 10, HISTORY_FORWARD, 0);
    ck_assert_int_eq(redis_last_history->result, BROKER_OK);
    ck_assert(redis_last_history->is_recovered);
    ck_assert_uint_eq(redis_last_history->position.epoch, 0);
    finish();
}
END_TEST

START_TEST(a_history_that_is_no_stream_is_refused) {
    given_a_backend_that_is_up();
    real_redis_do(&real, "SET barker:chat:1 text");
    read_history((Position){0}, 10, HISTORY_FORWARD, 0);
    ck_assert_int_eq(redis_last_history->result, BROKER_REFUSED);
    redis_send("chat:1", "a", &limits, "1");
    ck_assert(await("published 1 refused"));
    finish();
}
END_TEST

static bool is_all_published(void) {
    return redis_n_published == SOME;
}

START_TEST(functions_that_vanish_are_loaded_again_and_the_order_is_kept) {
    given_a_backend_that_is_up();
    for (int i = 0; i < SOME; i++) {
        char payload[16];
        if (i == SOME / 2)
            real_redis_do(&real, "FUNCTION FLUSH");
        snprintf(payload, sizeof payload, "%d", i);
        redis_send("chat:1", payload, &(HistoryLimits){.n_messages = SOME, .age_ms = 1000}, NULL);
        if (i % 50 == 0)
            loopback_turns(1);
    }
    ck_assert(redis_until(is_all_published, PATIENCE_MS));
    redisReply *reply = real_redis_ask(&real, "XRANGE barker:chat:1 - +");
    ck_assert_uint_eq(reply->elements, SOME);
    for (int i = 0; i < SOME; i++) {
        char payload[16];
        snprintf(payload, sizeof payload, "%d", i);
        ck_assert_str_eq(reply->element[i]->element[1]->element[1]->str, payload);
    }
    freeReplyObject(reply);
    ck_assert_uint_eq(counter_read(&redis_backend_counters(redis)->scripts_loaded), 2);
    finish();
}
END_TEST

static void expect_everything_works(void) {
    redis_send("chat:1", "a", &limits, "1");
    redis_send("chat:1", "b", &limits, "2");
    ck_assert(await("published 1 ok at 1"));
    ck_assert(await("published 2 ok at 2"));
    read_history((Position){0}, 10, HISTORY_REVERSE, 0);
    ck_assert_str_eq(payloads(), "ba");
}

START_TEST(where_functions_are_not_allowed_scripts_do_the_same) {
    real_redis_start(&real);
    real_redis_do(&real, "ACL SETUSER joe on >x ~* &* +@all -function -fcall -fcall_ro");
    redis_given_one(url_of(&real, "joe:x@"));
    ck_assert(redis_until(redis_is_up, PATIENCE_MS));
    expect_everything_works();
    real_redis_do(&real, "SCRIPT FLUSH");
    redis_send("chat:1", "c", &limits, "3");
    redis_send("chat:1", "d", &limits, "4");
    ck_assert(await("published 3 ok at 3"));
    ck_assert(await("published 4 ok at 4"));
    ck_assert_uint_eq(counter_read(&redis_backend_counters(redis)->scripts_loaded), 0);
    finish();
}
END_TEST

START_TEST(a_user_who_may_only_call_uses_what_was_loaded_by_hand) {
    given_a_backend_that_is_up(); /* which loads it */
    redis_finish();
    real_redis_do(&real, "ACL SETUSER joe on >x ~* &* +@all -function -eval -evalsha");
    redis_given_one(url_of(&real, "joe:x@"));
    ck_assert(redis_until(redis_is_up, PATIENCE_MS));
    expect_everything_works();
    finish();
}
END_TEST

START_TEST(who_may_neither_call_nor_run_scripts_is_refused_and_live_works) {
    real_redis_start(&real);
    real_redis_do(&real, "ACL SETUSER joe on >x ~* &* +@all -@scripting");
    redis_given_one(url_of(&real, "joe:x@"));
    ck_assert(redis_until(redis_is_up, PATIENCE_MS));
    redis_send("chat:1", "a", &limits, "1");
    redis_send("news", "a", NULL, "2");
    ck_assert(await("published 1 refused"));
    ck_assert(await("published 2 ok"));
    finish();
}
END_TEST

START_TEST(a_newer_library_is_left_in_place) {
    real_redis_start(&real);
    real_redis_do(&real, "FUNCTION LOAD %s",
                  "#!lua name=barker\nlocal VERSION = 999\n"
                  "redis.register_function('barker_publish', function() return {'7', 9, 0} end)");
    redis_given_one(url_of(&real, ""));
    ck_assert(redis_until(redis_is_up, PATIENCE_MS));
    redis_send("chat:1", "a", &limits, "1");
    ck_assert(await("published 1 ok at 9"));
    finish();
}
END_TEST

static void present(const char *node, const char *user, unsigned n_connections, const char *cookie) {
    char member[64];
    snprintf(member, sizeof member, "{\"user\":\"%s\"}", user);
    const PresenceEntry entry = {
        .channel = "chat:1",
        .n_channel = 6,
        .node = node,
        .user = user,
        .n_user = strlen(user),
        .member = member,
        .n_member = strlen(member),
        .n_connections = n_connections,
    };
    redis->ops->present(redis, &entry, (void *)cookie);
}

START_TEST(members_come_and_go_and_are_listed) {
    given_a_backend_that_is_up();
    present("n1", "ann", 1, "1");
    present("n1", "ann", 2, "2");
    present("n2", "ann", 1, "3");
    present("n1", "bob", 1, "4");
    present("n1", "bob", 0, "5");
    ck_assert(await("presented 5 ok"));
    ck_journal("presented 1 ok; presented 2 ok; presented 3 ok; presented 4 ok; presented 5 ok");
    redis->ops->members(redis, "chat:1", 6, (void *)"m");
    ck_assert(await("members m ok"));
    ck_journal("members m ok; {\"user\":\"ann\"} x3");
    finish();
}
END_TEST

START_TEST(a_node_is_buried_with_all_its_members) {
    given_a_backend_that_is_up();
    present("n1", "ann", 1, "1");
    present("n2", "ann", 1, "2");
    present("n1", "bob", 1, "3");
    ck_assert(await("presented 3 ok"));
    redis->ops->bury(redis, "n1", (void *)"b");
    ck_assert(await("buried b ok"));
    journal_clear();
    redis->ops->members(redis, "chat:1", 6, (void *)"m");
    ck_assert(await("members m ok"));
    ck_journal("members m ok; {\"user\":\"ann\"} x1");
    ck_assert_int_eq(real_redis_integer(&real, "EXISTS barker/node/n1"), 0);
    redis->ops->bury(redis, "nobody", (void *)"c");
    ck_assert(await("buried c ok"));
    finish();
}
END_TEST

static void lease(const char *node, uint32_t lease_ms, bool is_new, bool is_given_up, const char *cookie) {
    const LeaseRequest request = {.node = node, .lease_ms = lease_ms, .is_new = is_new, .is_given_up = is_given_up};
    journal_clear();
    redis->ops->lease(redis, &request, (void *)cookie);
    ck_assert(await("leased"));
}

static bool never(void) {
    return false;
}

START_TEST(a_lease_is_taken_kept_lost_and_given_up) {
    given_a_backend_that_is_up();
    lease("n1", 10000, false, false, "1");
    ck_journal("leased 1 ok 0");
    lease("n1", 10000, true, false, "2");
    ck_journal("leased 2 ok 1");
    lease("n2", 50, true, false, "3");
    redis_until(never, 100);
    lease("n1", 10000, false, false, "4");
    ck_journal("leased 4 ok 1; dead n2");
    lease("n2", 50, false, false, "5");
    ck_journal("leased 5 ok 0; dead n2");
    lease("n1", 10000, false, true, "6");
    lease("n1", 10000, false, false, "7");
    ck_journal("leased 7 ok 0; dead n2");
    finish();
}
END_TEST

START_TEST(a_publish_over_the_limit_is_overloaded_but_a_lease_is_not) {
    redis_options.publish_limit_bytes = 1000;
    given_a_backend_that_is_up();
    redis_options.publish_limit_bytes = 1 << 20;
    static char payload[1001];
    memset(payload, 'x', 1000);
    redis_send("news", payload, NULL, "1");
    redis_send("news", "x", NULL, "2");
    ck_journal("published 2 overloaded 0");
    lease("n1", 10000, true, false, "3");
    ck_assert(journal_has("leased 3 ok 1"));
    finish();
}
END_TEST

START_TEST(what_is_under_way_when_redis_dies_is_unavailable) {
    given_a_backend_that_is_up();
    real_redis_kill(&real, SIGSTOP);
    redis_send("news", "a", NULL, "1");
    redis_send("chat:1", "a", &limits, "2");
    redis->ops->members(redis, "chat:1", 6, (void *)"3");
    present("n1", "ann", 1, "4");
    redis->ops->bury(redis, "n1", (void *)"5");
    ck_assert(redis_until(redis_is_down, 2000));
    ck_assert_ptr_nonnull(strstr(redis_reason, "canary"));
    ck_journal("published 1 unavailable 0; published 2 unavailable 0; members 3 unavailable; presented 4 unavailable; "
               "buried 5 unavailable; down");
    redis_send("news", "a", NULL, "6");
    ck_journal("published 6 unavailable 0");
    real_redis_kill(&real, SIGCONT);
    ck_assert(redis_until(redis_is_up, PATIENCE_MS));
    finish();
}
END_TEST

START_TEST(what_is_under_way_at_the_close_is_unavailable) {
    given_a_backend_that_is_up();
    redis_send("chat:1", "a", &limits, "1");
    present("n1", "ann", 1, "2");
    redis_finish();
    ck_journal("published 1 unavailable 0; presented 2 unavailable");
    real_redis_finish(&real);
}
END_TEST

static bool has_subscribed_all(void) {
    return redis_n_subscribed == MANY;
}

START_TEST(after_an_outage_fifty_thousand_channels_are_heard_again_in_time) {
    given_a_backend_that_is_up();
    real_redis_do(&real, "CLIENT KILL TYPE pubsub");
    ck_assert(redis_until(redis_is_down, PATIENCE_MS));
    ck_assert(redis_until(redis_is_up, PATIENCE_MS));
    uint64_t start_ms = clock_now_ms();
    redis_is_quiet = true;
    for (int i = 0; i < MANY; i++) {
        char name[32];
        snprintf(name, sizeof name, "chat:room-%d", i);
        redis_want(name);
    }
    ck_assert(redis_until(has_subscribed_all, PATIENCE_MS));
    printf("%d channels subscribed in %u ms\n", MANY, (unsigned)(clock_now_ms() - start_ms));
    finish();
}
END_TEST

static bool has_subscribed_a_thousand(void) {
    return redis_n_subscribed == 1000;
}

START_TEST(several_servers_share_the_channels_by_their_names) {
    real_redis_start(&real);
    real_redis_start(&other);
    const char *const urls[] = {url_of(&real, ""), url_of(&other, "")};
    redis_given(urls, 2);
    ck_assert(redis_until(redis_is_up, PATIENCE_MS));
    ck_journal("up");
    redis_is_quiet = true;
    unsigned n_second = 0;
    for (int i = 0; i < 1000; i++) {
        char name[32];
        int n = snprintf(name, sizeof name, "barker:room-%d", i);
        n_second += redis_shard_of(name, (size_t)n, 2);
        redis_want(name + 7);
    }
    ck_assert(redis_until(has_subscribed_a_thousand, PATIENCE_MS));
    ck_assert_uint_gt(n_second, 400);
    ck_assert_uint_lt(n_second, 600);
    redisReply *reply = real_redis_ask(&other, "PUBSUB CHANNELS barker:*");
    ck_assert_uint_eq(reply->elements, n_second);
    freeReplyObject(reply);
    real_redis_kill(&other, SIGKILL);
    ck_assert(redis_until(redis_is_down, PATIENCE_MS));
    char port[16];
    snprintf(port, sizeof port, "%u", other.port);
    ck_assert_ptr_nonnull(strstr(redis_reason, port));
    unsigned n_reachable = 0;
    for (int i = 0; i < 1000; i++) {
        char name[32];
        int n = snprintf(name, sizeof name, "room-%d", i);
        n_reachable += redis->ops->is_reachable(redis, name, (size_t)n);
    }
    ck_assert_uint_eq(n_reachable, 1000 - n_second);
    real_redis_start(&other);
    ck_assert(redis_until(redis_is_up, PATIENCE_MS));
    real_redis_finish(&other);
    finish();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_live_publish_is_answered_and_heard_without_the_prefix,
        a_durable_publish_takes_the_next_place,
        a_durable_publish_with_a_known_key_takes_the_firsts_place,
        a_history_is_read_in_each_order,
        a_history_keeps_within_its_bytes_and_a_resume_is_all_or_nothing,
        a_channel_without_a_history_has_no_place,
        a_history_that_is_no_stream_is_refused,
        functions_that_vanish_are_loaded_again_and_the_order_is_kept,
        where_functions_are_not_allowed_scripts_do_the_same,
        a_user_who_may_only_call_uses_what_was_loaded_by_hand,
        who_may_neither_call_nor_run_scripts_is_refused_and_live_works,
        a_newer_library_is_left_in_place,
        members_come_and_go_and_are_listed,
        a_node_is_buried_with_all_its_members,
        a_lease_is_taken_kept_lost_and_given_up,
        a_publish_over_the_limit_is_overloaded_but_a_lease_is_not,
        what_is_under_way_when_redis_dies_is_unavailable,
        what_is_under_way_at_the_close_is_unavailable,
        after_an_outage_fifty_thousand_channels_are_heard_again_in_time,
        several_servers_share_the_channels_by_their_names,
    };
    return run_suite("redis_backend", tests, N_ELEMENTS(tests));
}
