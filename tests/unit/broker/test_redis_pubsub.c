#include "broker/redis_pubsub.h"

#include <string.h>

#include "journal.h"
#include "suite.h"

static RedisPubsub pubsub;
static redisReader *reader;

static void on_message(void *context, const char *channel, size_t n_channel, const void *payload, size_t n_payload) {
    journal_add("%.*s=%.*s", (int)n_channel, channel, (int)n_payload, (const char *)payload);
}

static void given_a_reader(void) {
    journal_clear();
    redis_pubsub_init(&pubsub, on_message, NULL);
    reader = redis_pubsub_reader(&pubsub);
    ck_assert_ptr_nonnull(reader);
}

static void feed(const char *text) {
    ck_assert_int_eq(redisReaderFeed(reader, text, strlen(text)), REDIS_OK);
}

static bool next_reply(void) {
    void *reply = NULL;
    ck_assert_int_eq(redisReaderGetReply(reader, &reply), REDIS_OK);
    return reply != NULL;
}

static void expect_reply(RedisPubsubKind kind) {
    ck_assert(next_reply());
    ck_assert_int_eq(pubsub.kind, kind);
}

START_TEST(a_message_goes_up_with_its_channel_and_payload) {
    given_a_reader();
    feed("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$0\r\n\r\n");
    expect_reply(REDIS_PUBSUB_MESSAGE);
    ck_journal("news=hello");
    expect_reply(REDIS_PUBSUB_MESSAGE);
    ck_journal("a=");
    ck_assert(!next_reply());
    redisReaderFree(reader);
}
END_TEST

START_TEST(a_message_that_comes_byte_by_byte_goes_up_once) {
    given_a_reader();
    for (const char *at = "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n"; *at; at++) {
        ck_assert(!next_reply());
        ck_assert_int_eq(redisReaderFeed(reader, at, 1), REDIS_OK);
    }
    expect_reply(REDIS_PUBSUB_MESSAGE);
    ck_journal("news=hello");
    redisReaderFree(reader);
}
END_TEST

START_TEST(acknowledgements_give_their_channel) {
    given_a_reader();
    feed("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n*3\r\n$11\r\nunsubscribe\r\n$6\r\nsports\r\n:0\r\n");
    expect_reply(REDIS_PUBSUB_SUBSCRIBE);
    ck_assert_uint_eq(pubsub.n_channel, 4);
    ck_assert_mem_eq(pubsub.channel, "news", 4);
    expect_reply(REDIS_PUBSUB_UNSUBSCRIBE);
    ck_assert_mem_eq(pubsub.channel, "sports", 6);
    ck_journal("");
    redisReaderFree(reader);
}
END_TEST

START_TEST(the_sharded_kinds_are_the_same) {
    given_a_reader();
    feed("*3\r\n$10\r\nssubscribe\r\n$4\r\nnews\r\n:1\r\n*3\r\n$8\r\nsmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n"
         "*3\r\n$12\r\nsunsubscribe\r\n$4\r\nnews\r\n:0\r\n");
    expect_reply(REDIS_PUBSUB_SUBSCRIBE);
    expect_reply(REDIS_PUBSUB_MESSAGE);
    ck_journal("news=hi");
    expect_reply(REDIS_PUBSUB_UNSUBSCRIBE);
    ck_assert_mem_eq(pubsub.channel, "news", 4);
    redisReaderFree(reader);
}
END_TEST

START_TEST(a_status_and_an_error_are_told_apart) {
    given_a_reader();
    feed("+OK\r\n-NOAUTH Authentication required.\r\n");
    expect_reply(REDIS_PUBSUB_STATUS);
    expect_reply(REDIS_PUBSUB_ERROR);
    ck_assert_str_eq(pubsub.error, "NOAUTH Authentication required.");
    redisReaderFree(reader);
}
END_TEST

START_TEST(what_is_not_pub_sub_is_something_else) {
    static const char *const others[] = {"*2\r\n$4\r\npong\r\n$0\r\n\r\n",
                                         ":1\r\n",
                                         "$-1\r\n",
                                         "*-1\r\n",
                                         "*0\r\n",
                                         "*3\r\n*1\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n",
                                         "*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\na\r\n$1\r\nb\r\n"};
    given_a_reader();
    for (size_t i = 0; i < N_ELEMENTS(others); i++) {
        feed(others[i]);
        expect_reply(REDIS_PUBSUB_OTHER);
    }
    ck_journal("");
    redisReaderFree(reader);
}
END_TEST

START_TEST(a_channel_that_is_too_long_is_none_of_ours) {
    given_a_reader();
    char channel[REDIS_PUBSUB_CHANNEL_MAX + 2] = "";
    memset(channel, 'x', REDIS_PUBSUB_CHANNEL_MAX + 1);
    feed("*3\r\n$7\r\nmessage\r\n$1025\r\n");
    feed(channel);
    feed("\r\n$1\r\na\r\n");
    expect_reply(REDIS_PUBSUB_OTHER);
    ck_journal("");
    redisReaderFree(reader);
}
END_TEST

START_TEST(what_is_no_protocol_is_an_error) {
    given_a_reader();
    feed("HTTP/1.1 400 Bad Request\r\n");
    void *reply = NULL;
    ck_assert_int_eq(redisReaderGetReply(reader, &reply), REDIS_ERR);
    redisReaderFree(reader);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_message_goes_up_with_its_channel_and_payload,
        a_message_that_comes_byte_by_byte_goes_up_once,
        acknowledgements_give_their_channel,
        the_sharded_kinds_are_the_same,
        a_status_and_an_error_are_told_apart,
        what_is_not_pub_sub_is_something_else,
        a_channel_that_is_too_long_is_none_of_ours,
        what_is_no_protocol_is_an_error,
    };
    return run_suite("redis_pubsub", tests, N_ELEMENTS(tests));
}
