#include "broker/redis.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "fake_node.h"
#include "journal.h"
#include "loopback.h"
#include "suite.h"

/* A Redis that says what the test says: it waits for the two links and reads what they send. */
static int listener;
static unsigned port;
static int subscriber;
static int publisher;
static char canary[64];

static RedisUrl url;
static char host[] = "127.0.0.1";
static Backend *redis;
static uint64_t now_ms;

enum { CONNECT_MS = 1000, REPLY_MS = 2000, CANARY_MS = 1000, CANARY_DEADLINE_MS = 2000, BACKOFF_MS = 100 };

static void given_a_backend_for(RedisUrl to) {
    journal_clear();
    url = to;
    const RedisOptions options = {
        .url = url,
        .prefix = "barker:",
        .connect_ms = CONNECT_MS,
        .reply_ms = REPLY_MS,
        .backoff_min_ms = BACKOFF_MS,
        .backoff_max_ms = BACKOFF_MS,
        .publish_limit_bytes = 1000,
        .canary_ms = CANARY_MS,
        .canary_deadline_ms = CANARY_DEADLINE_MS,
    };
    ck_assert_int_eq(redis_backend_new(&redis, &loopback_loop, &options, &fake_backend_events, NULL), 0);
    now_ms = clock_now_ms();
    loopback_turns(1);
}

static void given_a_fake_redis(void) {
    loopback_start();
    port = 0;
    listener = loopback_listen(&port);
    subscriber = publisher = -1;
}

static RedisUrl fake_url(void) {
    return (RedisUrl){.host = host, .port = port};
}

/* Takes both links and tells them apart by what they say first. */
static void accept_links(void) {
    for (int i = 0; i < 2; i++) {
        char greeting[512];
        int fd = loopback_accept(listener);
        loopback_read_some(fd, greeting, sizeof greeting);
        const char *name = strstr(greeting, "barker/canary/");
        *(name ? &subscriber : &publisher) = fd;
        if (name)
            snprintf(canary, sizeof canary, "%.30s", name);
    }
    ck_assert_int_ge(subscriber, 0);
    ck_assert_int_ge(publisher, 0);
}

static void welcome_subscriber(void) {
    char text[128];
    snprintf(text, sizeof text, "*3\r\n$9\r\nsubscribe\r\n$30\r\n%s\r\n:1\r\n", canary);
    loopback_send(subscriber, text);
    loopback_turns(10);
}

static void welcome_links(void) {
    loopback_send(publisher, "+PONG\r\n");
    welcome_subscriber();
}

static void given_a_backend_that_is_up(void) {
    given_a_fake_redis();
    given_a_backend_for(fake_url());
    accept_links();
    welcome_links();
    ck_journal("up");
}

static void finish(void) {
    redis->ops->close(redis);
    loopback_finish();
    redis = redis_backend_free(redis);
    close(subscriber);
    close(publisher);
    close(listener);
}

static void tick(uint64_t n_ms) {
    now_ms += n_ms;
    redis->ops->tick(redis, now_ms);
    loopback_turns(5);
}

static void subscribe(const char *channel) {
    redis->ops->subscribe(redis, channel, strlen(channel));
}

static void publish(const char *payload, char *cookie) {
    Message *message;
    ck_assert_int_eq(message_new(&message, "news", 4, payload, strlen(payload)), 0);
    redis->ops->publish(redis, message, cookie);
    message_unref(message);
}

START_TEST(it_is_up_when_both_links_have_been_welcomed) {
    given_a_fake_redis();
    given_a_backend_for(fake_url());
    accept_links();
    loopback_send(publisher, "+PONG\r\n");
    loopback_turns(10);
    ck_journal("");
    welcome_subscriber();
    ck_journal("up");
    finish();
}
END_TEST

START_TEST(it_authenticates_and_selects_before_all_else) {
    given_a_fake_redis();
    RedisUrl to = fake_url();
    char user[] = "joe";
    char password[] = "secret";
    to.user = user;
    to.password = password;
    to.database = 3;
    given_a_backend_for(to);
    static const char auth[] = "*3\r\n$4\r\nAUTH\r\n$3\r\njoe\r\n$6\r\nsecret\r\n";
    static const char rest[] = "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*1\r\n$4\r\nPING\r\n";
    for (int i = 0; i < 2; i++) {
        char greeting[512];
        int fd = loopback_accept(listener);
        loopback_read_some(fd, greeting, sizeof greeting);
        ck_assert_int_eq(strncmp(greeting, auth, sizeof auth - 1), 0);
        bool is_publisher = strcmp(greeting + sizeof auth - 1, rest) == 0;
        ck_assert(is_publisher || strstr(greeting, "SUBSCRIBE\r\n$30\r\nbarker/canary/"));
        *(is_publisher ? &publisher : &subscriber) = fd;
        loopback_send(fd, is_publisher ? "+OK\r\n+OK\r\n+PONG\r\n" : "+OK\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    }
    loopback_turns(10);
    ck_journal("up");
    finish();
}
END_TEST

START_TEST(what_one_turn_wants_is_one_command_with_the_prefix) {
    given_a_backend_that_is_up();
    subscribe("a");
    subscribe("b");
    redis->ops->unsubscribe(redis, "c", 1);
    subscribe("c");
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
    char text[128];
    snprintf(text, sizeof text, "*3\r\n$7\r\nmessage\r\n$30\r\n%s\r\n$1\r\n1\r\n", canary);
    loopback_send(subscriber, text);
    loopback_send(subscriber, "*3\r\n$7\r\nmessage\r\n$11\r\nbarker:news\r\n$2\r\nhi\r\n");
    loopback_send(subscriber, "*3\r\n$7\r\nmessage\r\n$9\r\nother:new\r\n$2\r\nhi\r\n");
    loopback_turns(10);
    ck_journal("message news=hi");
    finish();
}
END_TEST

START_TEST(publishes_are_pipelined_and_answered_in_order) {
    given_a_backend_that_is_up();
    publish("one", "1");
    publish("two", "2");
    loopback_expect(publisher, "*3\r\n$7\r\nPUBLISH\r\n$11\r\nbarker:news\r\n$3\r\none\r\n"
                               "*3\r\n$7\r\nPUBLISH\r\n$11\r\nbarker:news\r\n$3\r\ntwo\r\n");
    ck_journal("");
    loopback_send(publisher, ":5\r\n-NOPERM no\r\n");
    loopback_turns(10);
    ck_journal("published 1 ok; published 2 refused");
    finish();
}
END_TEST

START_TEST(past_its_limit_of_unanswered_bytes_a_publish_is_overloaded) {
    given_a_backend_that_is_up();
    static char payload[1001];
    memset(payload, 'x', 1000);
    publish(payload, "1");
    publish("small", "2");
    ck_journal("published 2 overloaded");
    loopback_send(publisher, ":0\r\n");
    loopback_turns(10);
    publish("small", "3");
    ck_journal("published 1 ok");
    finish();
    ck_journal("published 3 unavailable");
}
END_TEST

START_TEST(a_lost_publisher_answers_what_was_under_way_and_a_node_that_hears_is_not_down) {
    given_a_backend_that_is_up();
    publish("one", "1");
    loopback_turns(5);
    close(publisher);
    loopback_turns(10);
    ck_journal("published 1 unavailable");
    publish("two", "2");
    ck_journal("published 2 unavailable");
    tick(BACKOFF_MS);
    publisher = loopback_accept(listener);
    loopback_expect(publisher, "*1\r\n$4\r\nPING\r\n");
    loopback_send(publisher, "+PONG\r\n");
    loopback_turns(10);
    publish("three", "3");
    loopback_send(publisher, ":0\r\n");
    loopback_turns(10);
    ck_journal("published 3 ok");
    finish();
}
END_TEST

START_TEST(a_lost_subscriber_is_down_and_comes_back) {
    given_a_backend_that_is_up();
    close(subscriber);
    loopback_turns(10);
    ck_journal("down");
    ck_assert_ptr_nonnull(strstr(fake_last_reason, "subscriber at 127.0.0.1 port"));
    ck_assert_ptr_nonnull(strstr(fake_last_reason, "closed by Redis"));
    tick(BACKOFF_MS);
    subscriber = loopback_accept(listener);
    char text[512];
    loopback_read_some(subscriber, text, sizeof text);
    welcome_subscriber();
    ck_journal("up");
    finish();
}
END_TEST

START_TEST(the_canary_is_sent_every_second_and_one_that_is_heard_keeps_the_node_up) {
    given_a_backend_that_is_up();
    for (int i = 0; i < 6; i++) {
        char sent[256];
        char heard[256];
        tick(CANARY_MS);
        loopback_read_some(publisher, sent, sizeof sent);
        ck_assert_ptr_nonnull(strstr(sent, canary));
        loopback_send(publisher, ":1\r\n");
        const char *payload = strstr(sent, canary) + strlen(canary) + 2;
        snprintf(heard, sizeof heard, "*3\r\n$7\r\nmessage\r\n$30\r\n%s\r\n%s", canary, payload);
        loopback_send(subscriber, heard);
        loopback_turns(10);
    }
    ck_journal("");
    finish();
}
END_TEST

START_TEST(a_canary_that_is_not_heard_in_time_replaces_both_links) {
    given_a_backend_that_is_up();
    for (uint64_t n_ms = 0; n_ms < CANARY_MS + CANARY_DEADLINE_MS - 100; n_ms += 100) {
        tick(100);
        loopback_send(publisher, n_ms % CANARY_MS == 0 ? ":1\r\n" : "");
        ck_journal("");
    }
    tick(100);
    ck_assert(journal_has("down"));
    ck_assert_ptr_nonnull(strstr(fake_last_reason, "canary"));
    loopback_expect_end(subscriber);
    loopback_expect_end(publisher);
    finish();
}
END_TEST

START_TEST(a_publish_that_is_not_answered_in_time_ends_the_publisher) {
    given_a_backend_that_is_up();
    publish("one", "1");
    tick(REPLY_MS - 1);
    ck_journal("");
    tick(1);
    ck_journal("published 1 unavailable");
    loopback_expect_end(publisher);
    finish();
}
END_TEST

START_TEST(a_subscription_that_is_not_answered_in_time_ends_the_subscriber) {
    given_a_backend_that_is_up();
    subscribe("a");
    loopback_turns(5);
    tick(REPLY_MS);
    ck_journal("down");
    ck_assert_ptr_nonnull(strstr(fake_last_reason, "no answer in time"));
    finish();
}
END_TEST

START_TEST(a_batch_that_is_refused_is_tried_channel_by_channel) {
    given_a_backend_that_is_up();
    subscribe("a");
    subscribe("secret");
    loopback_expect(subscriber, "*3\r\n$9\r\nSUBSCRIBE\r\n$8\r\nbarker:a\r\n$13\r\nbarker:secret\r\n");
    loopback_send(subscriber, "-NOPERM no\r\n");
    loopback_expect(subscriber, "*2\r\n$9\r\nSUBSCRIBE\r\n$8\r\nbarker:a\r\n*2\r\n$9\r\nSUBSCRIBE\r\n$13\r\nbarker:secret\r\n");
    loopback_send(subscriber, "*3\r\n$9\r\nsubscribe\r\n$8\r\nbarker:a\r\n:2\r\n-NOPERM no\r\n");
    loopback_turns(10);
    ck_journal("subscribed a; refused secret");
    finish();
}
END_TEST

START_TEST(a_refused_greeting_is_reported_once_with_the_words_of_redis) {
    given_a_fake_redis();
    given_a_backend_for(fake_url());
    for (int i = 0; i < 3; i++) {
        accept_links();
        loopback_send(subscriber, "-NOAUTH Authentication required.\r\n");
        loopback_send(publisher, "-NOAUTH Authentication required.\r\n");
        loopback_turns(10);
        close(subscriber);
        close(publisher);
        tick(BACKOFF_MS);
    }
    ck_journal("down; down"); /* each link once */
    ck_assert_ptr_nonnull(strstr(fake_last_reason, "NOAUTH Authentication required."));
    finish();
}
END_TEST

START_TEST(nobody_at_the_address_is_reported) {
    given_a_fake_redis();
    close(listener);
    given_a_backend_for(fake_url());
    loopback_turns(20);
    ck_journal("down; down");
    ck_assert_ptr_nonnull(strstr(fake_last_reason, "connection refused"));
    finish();
}
END_TEST

START_TEST(a_redis_that_accepts_and_says_nothing_is_given_up_in_time) {
    given_a_fake_redis();
    given_a_backend_for(fake_url());
    accept_links();
    tick(CONNECT_MS - 1);
    ck_journal("");
    tick(CONNECT_MS);
    ck_journal("down; down");
    ck_assert_ptr_nonnull(strstr(fake_last_reason, "no answer to the greeting in time"));
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
    static char name[] = "localhost";
    RedisUrl to = fake_url();
    to.host = name;
    given_a_backend_for(to);
    finish();
    ck_journal("");
}
END_TEST

START_TEST(every_address_of_a_name_is_tried) {
    given_a_fake_redis(); /* on IPv4 only, where the name may stand for ::1 first */
    static char name[] = "localhost";
    RedisUrl to = fake_url();
    to.host = name;
    given_a_backend_for(to);
    accept_links();
    welcome_links();
    ck_journal("up");
    finish();
}
END_TEST

START_TEST(a_unix_socket_that_is_not_there_is_reported) {
    loopback_start();
    listener = subscriber = publisher = -1;
    char path[] = "/nowhere/redis.sock";
    given_a_backend_for((RedisUrl){.path = path});
    loopback_turns(10);
    ck_journal("down; down");
    ck_assert_ptr_nonnull(strstr(fake_last_reason, "at /nowhere/redis.sock: no such file"));
    finish();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        it_is_up_when_both_links_have_been_welcomed,
        it_authenticates_and_selects_before_all_else,
        what_one_turn_wants_is_one_command_with_the_prefix,
        a_message_goes_up_without_the_prefix_and_the_canary_does_not,
        publishes_are_pipelined_and_answered_in_order,
        past_its_limit_of_unanswered_bytes_a_publish_is_overloaded,
        a_lost_publisher_answers_what_was_under_way_and_a_node_that_hears_is_not_down,
        a_lost_subscriber_is_down_and_comes_back,
        the_canary_is_sent_every_second_and_one_that_is_heard_keeps_the_node_up,
        a_canary_that_is_not_heard_in_time_replaces_both_links,
        a_publish_that_is_not_answered_in_time_ends_the_publisher,
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
    };
    return run_suite("redis", tests, N_ELEMENTS(tests));
}
