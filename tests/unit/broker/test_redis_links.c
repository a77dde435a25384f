#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "journal.h"
#include "loopback.h"
#include "redis_fixture.h"
#include "suite.h"

/* A Redis that says what the test says: it waits for the two links and reads what they send. */
static int listener;
static unsigned port;
static int subscriber;
static int commander;
static char canary[64];
static uint64_t now_ms;

enum { REPLY_MS = 2000, CONNECT_MS = 1000, CANARY_MS = 1000, CANARY_DEADLINE_MS = 2000, BACKOFF_MS = 100, TICK_MS = 100 };

static void given_a_backend_for(const char *url) {
    redis_options.connect_ms = CONNECT_MS;
    redis_options.reply_ms = REPLY_MS;
    redis_options.backoff_min_ms = redis_options.backoff_max_ms = BACKOFF_MS;
    redis_options.publish_limit_bytes = 1000;
    redis_options.canary_ms = CANARY_MS;
    redis_options.canary_deadline_ms = CANARY_DEADLINE_MS;
    redis_given_one(url);
    loopback_turns(1);
    now_ms = clock_now_ms();
}

static void given_a_fake_redis(void) {
    port = 0;
    listener = loopback_listen(&port);
    subscriber = commander = -1;
}

static const char *fake_url(const char *user, const char *path) {
    static char text[128];
    snprintf(text, sizeof text, "redis://%s127.0.0.1:%u%s", user, port, path);
    return text;
}

static const char *local_url(void) {
    static char text[128];
    snprintf(text, sizeof text, "redis://localhost:%u", port);
    return text;
}

/* Takes both links and tells them apart by what they say first. */
static void accept_links(void) {
    subscriber = commander = -1;
    for (int i = 0; i < 2; i++) {
        char greeting[512];
        int fd = loopback_accept(listener);
        loopback_read_some(fd, greeting, sizeof greeting);
        const char *name = strstr(greeting, "barker/canary/");
        *(name ? &subscriber : &commander) = fd;
        if (name)
            snprintf(canary, sizeof canary, "%.30s", name);
    }
    ck_assert_int_ge(subscriber, 0);
    ck_assert_int_ge(commander, 0);
}

static void welcome_subscriber(void) {
    char text[128];
    snprintf(text, sizeof text, "*3\r\n$9\r\nsubscribe\r\n$30\r\n%s\r\n:1\r\n", canary);
    loopback_send(subscriber, text);
}

/* Without functions; what has been sent is forgotten. */
static void welcome_commander(void) {
    char text[1024];
    loopback_send(commander, "+PONG\r\n");
    loopback_turns(5);
    loopback_read_some(commander, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "FUNCTION\r\n"));
    loopback_send(commander, "-ERR unknown command 'FUNCTION'\r\n");
    loopback_turns(5);
}

/* Takes a canary off the commander, answers it, and lets the subscriber hear it. */
static void carry_canary(void) {
    char sent[1024];
    char heard[256];
    loopback_read_some(commander, sent, sizeof sent);
    const char *payload = strstr(sent, canary);
    ck_assert_ptr_nonnull(payload);
    loopback_send(commander, ":1\r\n");
    snprintf(heard, sizeof heard, "*3\r\n$7\r\nmessage\r\n$30\r\n%s\r\n%s", canary, payload + strlen(canary) + 2);
    loopback_send(subscriber, heard);
    loopback_turns(10);
}

static void welcome_links(void) {
    welcome_commander();
    welcome_subscriber();
    loopback_turns(10);
    carry_canary();
}

static void given_a_backend_that_is_up(void) {
    given_a_fake_redis();
    given_a_backend_for(fake_url("", ""));
    accept_links();
    welcome_links();
    ck_journal("up");
}

static void finish(void) {
    redis_finish();
    close(subscriber);
    close(commander);
    close(listener);
}

static void tick(uint64_t n_ms) {
    while (n_ms) {
        uint64_t step_ms = n_ms < TICK_MS ? n_ms : TICK_MS;
        now_ms += step_ms;
        n_ms -= step_ms;
        redis->ops->tick(redis, now_ms);
        loopback_turns(3);
    }
}

static void publish(const char *payload, const char *cookie) {
    redis_send("news", payload, NULL, cookie);
}

START_TEST(it_is_up_when_both_links_have_been_welcomed_and_a_canary_was_heard) {
    given_a_fake_redis();
    given_a_backend_for(fake_url("", ""));
    accept_links();
    welcome_commander();
    ck_journal("");
    welcome_subscriber();
    loopback_turns(10);
    ck_journal("");
    carry_canary();
    ck_journal("up");
    finish();
}
END_TEST

START_TEST(it_authenticates_and_selects_before_all_else) {
    given_a_fake_redis();
    given_a_backend_for(fake_url("joe:secret@", "/3"));
    static const char auth[] = "*3\r\n$4\r\nAUTH\r\n$3\r\njoe\r\n$6\r\nsecret\r\n";
    static const char rest[] = "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*1\r\n$4\r\nPING\r\n";
    for (int i = 0; i < 2; i++) {
        char greeting[512];
        int fd = loopback_accept(listener);
        loopback_read_some(fd, greeting, sizeof greeting);
        ck_assert_int_eq(strncmp(greeting, auth, sizeof auth - 1), 0);
        bool is_commander = strcmp(greeting + sizeof auth - 1, rest) == 0;
        const char *name = strstr(greeting, "barker/canary/");
        ck_assert(is_commander || name);
        *(is_commander ? &commander : &subscriber) = fd;
        if (name)
            snprintf(canary, sizeof canary, "%.30s", name);
        loopback_send(fd, is_commander ? "+OK\r\n+OK\r\n" : "+OK\r\n");
    }
    welcome_links();
    ck_journal("up");
    finish();
}
END_TEST

START_TEST(what_one_turn_wants_is_one_command_with_the_prefix) {
    given_a_backend_that_is_up();
    redis_want("a");
    redis_want("b");
    redis->ops->unsubscribe(redis, "c", 1);
    redis_want("c");
    loopback_expect(subscriber, "*3\r\n$9\r\nSUBSCRIBE\r\n$8\r\nbarker:a\r\n$8\r\nbarker:b\r\n"
                                "*2\r\n$11\r\nUNSUBSCRIBE\r\n$8\r\nbarker:c\r\n*2\r\n$9\r\nSUBSCRIBE\r\n$8\r\nbarker:c\r\n");
    loopback_send(subscriber,
                  "*3\r\n$9\r\nsubscribe\r\n$8\r\nbarker:a\r\n:2\r\n*3\r\n$9\r\nsubscribe\r\n$8\r\nbarker:b\r\n:3\r\n"
                  "*3\r\n$11\r\nunsubscribe\r\n$8\r\nbarker:c\r\n:3\r\n"
                  "*3\r\n$9\r\nsubscribe\r\n$8\r\nbarker:c\r\n:4\r\n");
    loopback_turns(10);
    ck_journal("subscribed a; subscribed b; subscribed c");
    finish();
}
END_TEST

START_TEST(a_message_goes_up_without_the_prefix_and_the_canary_does_not) {
    given_a_backend_that_is_up();
    tick(CANARY_MS);
    carry_canary();
    loopback_send(subscriber, "*3\r\n$7\r\nmessage\r\n$11\r\nbarker:news\r\n$2\r\nhi\r\n");
    loopback_send(subscriber, "*3\r\n$7\r\nmessage\r\n$9\r\nother:new\r\n$2\r\nhi\r\n");
    loopback_turns(10);
    ck_journal("message news 2 bytes");
    finish();
}
END_TEST

START_TEST(publishes_are_pipelined_and_answered_in_order) {
    given_a_backend_that_is_up();
    publish("one", "1");
    publish("two", "2");
    loopback_expect(commander, "*3\r\n$7\r\nPUBLISH\r\n$11\r\nbarker:news\r\n$3\r\none\r\n"
                               "*3\r\n$7\r\nPUBLISH\r\n$11\r\nbarker:news\r\n$3\r\ntwo\r\n");
    ck_journal("");
    loopback_send(commander, ":5\r\n-NOPERM no\r\n");
    loopback_turns(10);
    ck_journal("published 1 ok 0; complained PUBLISH: NOPERM no; published 2 refused 0");
    finish();
}
END_TEST

START_TEST(past_its_limit_of_unanswered_bytes_a_publish_is_overloaded) {
    given_a_backend_that_is_up();
    static char payload[1001];
    memset(payload, 'x', 1000);
    publish(payload, "1");
    publish("small", "2");
    ck_journal("published 2 overloaded 0");
    loopback_send(commander, ":0\r\n");
    loopback_turns(10);
    publish("small", "3");
    ck_journal("published 1 ok 0");
    finish();
    ck_journal("published 3 unavailable 0");
}
END_TEST

START_TEST(a_lost_commander_answers_what_was_under_way_and_a_node_that_hears_is_not_down) {
    given_a_backend_that_is_up();
    publish("one", "1");
    loopback_turns(5);
    close(commander);
    loopback_turns(10);
    ck_journal("published 1 unavailable 0");
    publish("two", "2");
    ck_journal("published 2 unavailable 0");
    tick(BACKOFF_MS);
    commander = loopback_accept(listener);
    welcome_commander();
    publish("three", "3");
    loopback_send(commander, ":1\r\n:0\r\n"); /* the canary's first */
    loopback_turns(10);
    ck_journal("published 3 ok 0");
    finish();
}
END_TEST

START_TEST(a_lost_subscriber_is_down_and_comes_back) {
    given_a_backend_that_is_up();
    close(subscriber);
    loopback_turns(10);
    ck_journal("down");
    ck_assert_ptr_nonnull(strstr(redis_reason, "subscriber at 127.0.0.1 port"));
    ck_assert_ptr_nonnull(strstr(redis_reason, "closed by Redis"));
    tick(BACKOFF_MS);
    subscriber = loopback_accept(listener);
    char text[512];
    loopback_read_some(subscriber, text, sizeof text);
    welcome_subscriber();
    loopback_turns(10);
    ck_journal("");
    carry_canary();
    ck_journal("up");
    finish();
}
END_TEST

START_TEST(the_canary_is_sent_every_second_and_one_that_is_heard_keeps_the_node_up) {
    given_a_backend_that_is_up();
    for (int i = 0; i < 6; i++) {
        tick(CANARY_MS);
        carry_canary();
    }
    ck_journal("");
    ck_assert_uint_eq(counter_read(&redis_backend_counters(redis)->canaries_heard), 7);
    finish();
}
END_TEST

START_TEST(a_canary_that_is_not_heard_in_time_replaces_both_links) {
    given_a_backend_that_is_up();
    for (uint64_t n_ms = 0; n_ms < CANARY_MS + CANARY_DEADLINE_MS - 100; n_ms += 100) {
        tick(100);
        loopback_send(commander, n_ms % CANARY_MS == CANARY_MS - 100 ? ":1\r\n" : "");
        ck_journal("");
    }
    tick(200);
    ck_assert(journal_has("down"));
    ck_assert_ptr_nonnull(strstr(redis_reason, "canary"));
    loopback_expect_end(subscriber);
    loopback_expect_end(commander);
    finish();
}
END_TEST

START_TEST(a_publish_that_is_not_answered_in_time_ends_the_commander) {
    given_a_backend_that_is_up();
    publish("one", "1");
    tick(REPLY_MS - TICK_MS);
    ck_journal("");
    tick(2 * TICK_MS);
    ck_journal("published 1 unavailable 0");
    loopback_expect_end(commander);
    finish();
}
END_TEST

START_TEST(a_subscription_that_is_not_answered_in_time_ends_the_subscriber) {
    given_a_backend_that_is_up();
    redis_want("a");
    loopback_turns(5);
    tick(REPLY_MS + TICK_MS);
    ck_journal("down");
    ck_assert_ptr_nonnull(strstr(redis_reason, "no answer in time"));
    finish();
}
END_TEST

START_TEST(a_batch_that_is_refused_is_tried_channel_by_channel) {
    given_a_backend_that_is_up();
    redis_want("a");
    redis_want("secret");
    loopback_expect(subscriber, "*3\r\n$9\r\nSUBSCRIBE\r\n$8\r\nbarker:a\r\n$13\r\nbarker:secret\r\n");
    loopback_send(subscriber, "-NOPERM no\r\n");
    loopback_expect(subscriber, "*2\r\n$9\r\nSUBSCRIBE\r\n$8\r\nbarker:a\r\n*2\r\n$9\r\nSUBSCRIBE\r\n$13\r\nbarker:secret\r\n");
    loopback_send(subscriber, "*3\r\n$9\r\nsubscribe\r\n$8\r\nbarker:a\r\n:2\r\n-NOPERM no\r\n");
    loopback_turns(10);
    ck_journal("subscribed a; complained SUBSCRIBE: NOPERM no; refused secret");
    finish();
}
END_TEST

START_TEST(a_refused_greeting_is_reported_once_with_the_words_of_redis) {
    given_a_fake_redis();
    given_a_backend_for(fake_url("", ""));
    for (int i = 0; i < 3; i++) {
        accept_links();
        loopback_send(subscriber, "-NOAUTH Authentication required.\r\n");
        loopback_send(commander, "-NOAUTH Authentication required.\r\n");
        loopback_turns(10);
        close(subscriber);
        close(commander);
        tick(BACKOFF_MS);
    }
    ck_assert_ptr_nonnull(strstr(redis_reason, "NOAUTH Authentication required."));
    finish();
}
END_TEST

START_TEST(nobody_at_the_address_is_reported) {
    given_a_fake_redis();
    close(listener);
    given_a_backend_for(fake_url("", ""));
    loopback_turns(20);
    ck_journal("");
    ck_assert_ptr_nonnull(strstr(redis_reason, "connection refused"));
    finish();
}
END_TEST

START_TEST(a_redis_that_accepts_and_says_nothing_is_given_up_in_time) {
    given_a_fake_redis();
    given_a_backend_for(fake_url("", ""));
    accept_links();
    tick(CONNECT_MS - TICK_MS);
    ck_assert_str_eq(redis_reason, "");
    tick(2 * TICK_MS);
    ck_assert_ptr_nonnull(strstr(redis_reason, "no answer to the greeting in time"));
    loopback_expect_end(subscriber);
    finish();
}
END_TEST

START_TEST(what_does_not_speak_the_protocol_is_given_up) {
    given_a_backend_that_is_up();
    loopback_send(subscriber, "HTTP/1.1 400 Bad Request\r\n");
    loopback_turns(10);
    ck_journal("down");
    finish();
}
END_TEST

START_TEST(an_answer_that_nobody_asked_for_ends_the_subscriber) {
    given_a_backend_that_is_up();
    loopback_send(subscriber, "*3\r\n$9\r\nsubscribe\r\n$8\r\nbarker:a\r\n:2\r\n");
    loopback_turns(10);
    ck_journal("down");
    finish();
}
END_TEST

START_TEST(closing_while_connecting_leaves_nothing_on_the_loop) {
    given_a_fake_redis();
    given_a_backend_for(local_url());
    finish();
    ck_journal("");
}
END_TEST

START_TEST(every_address_of_a_name_is_tried) {
    given_a_fake_redis(); /* on IPv4 only, where the name may stand for ::1 first */
    given_a_backend_for(local_url());
    accept_links();
    welcome_links();
    ck_journal("up");
    finish();
}
END_TEST

START_TEST(a_unix_socket_that_is_not_there_is_reported) {
    listener = subscriber = commander = -1;
    given_a_backend_for("unix:/nowhere/redis.sock");
    loopback_turns(10);
    ck_assert_ptr_nonnull(strstr(redis_reason, "at /nowhere/redis.sock: no such file"));
    finish();
}
END_TEST

START_TEST(a_node_that_slept_does_not_hold_it_against_redis) {
    given_a_backend_that_is_up();
    now_ms += 60000;
    redis->ops->tick(redis, now_ms);
    loopback_turns(5);
    ck_journal("");
    carry_canary();
    tick(500);
    ck_journal("");
    finish();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        it_is_up_when_both_links_have_been_welcomed_and_a_canary_was_heard,
        it_authenticates_and_selects_before_all_else,
        what_one_turn_wants_is_one_command_with_the_prefix,
        a_message_goes_up_without_the_prefix_and_the_canary_does_not,
        publishes_are_pipelined_and_answered_in_order,
        past_its_limit_of_unanswered_bytes_a_publish_is_overloaded,
        a_lost_commander_answers_what_was_under_way_and_a_node_that_hears_is_not_down,
        a_lost_subscriber_is_down_and_comes_back,
        the_canary_is_sent_every_second_and_one_that_is_heard_keeps_the_node_up,
        a_canary_that_is_not_heard_in_time_replaces_both_links,
        a_publish_that_is_not_answered_in_time_ends_the_commander,
        a_subscription_that_is_not_answered_in_time_ends_the_subscriber,
        a_batch_that_is_refused_is_tried_channel_by_channel,
        a_refused_greeting_is_reported_once_with_the_words_of_redis,
        nobody_at_the_address_is_reported,
        a_redis_that_accepts_and_says_nothing_is_given_up_in_time,
        what_does_not_speak_the_protocol_is_given_up,
        an_answer_that_nobody_asked_for_ends_the_subscriber,
        closing_while_connecting_leaves_nothing_on_the_loop,
        every_address_of_a_name_is_tried,
        a_unix_socket_that_is_not_there_is_reported,
        a_node_that_slept_does_not_hold_it_against_redis,
    };
    return run_suite("redis_links", tests, N_ELEMENTS(tests));
}
