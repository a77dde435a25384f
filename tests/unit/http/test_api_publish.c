#include <stdio.h>
#include <string.h>

#include "../base/suite.h"
#include "auth/api_keys.h"
#include "fake_node.h"

static FakeNode node;

static void start(void) {
    fake_node_start(&node);
    node.answers_at_once = true;
}

static void post(const char *path, const char *body) {
    fake_node_request(&node, path, body, NULL);
}

static void expect(unsigned status, const char *part) {
    ck_assert_msg(node.status == status && strstr(node.body, part), "%u %s", node.status, node.body);
}

START_TEST(publish_passes_data_on_as_it_was_written) {
    start();
    post("/api/v1/publish", "{\"channel\":\"news\",\"data\": {\"a\":1.10, \"b\":[ ]} }");
    ck_assert_str_eq(node.asked, "publish news {\"a\":1.10, \"b\":[ ]}\n");
    ck_assert_uint_eq(node.status, 200);
    ck_assert_str_eq(node.body, "{\"channel\":\"news\",\"position\":null}");
    ck_assert_str_eq(node.content_type, "application/json");
    fake_node_stop(&node);
}
END_TEST

START_TEST(publish_to_a_channel_with_history_tells_the_place) {
    start();
    post("/api/v1/publish", "{\"channel\":\"chat:1\",\"text\":\"hi\",\"idempotency_key\":\"k\"}");
    ck_assert_str_eq(node.asked, "publish chat:1 hi [k]\n");
    ck_assert_str_eq(node.body, "{\"channel\":\"chat:1\",\"position\":{\"epoch\":\"7\",\"seq\":1}}");
    fake_node_stop(&node);
}
END_TEST

START_TEST(base64_gives_the_bytes) {
    start();
    post("/api/v1/publish", "{\"channel\":\"news\",\"base64\":\"aGk=\"}");
    ck_assert_str_eq(node.asked, "publish news hi\n");
    post("/api/v1/publish", "{\"channel\":\"news\",\"base64\":\"aGk\"}");
    expect(422, "\"pointer\":\"#/base64\"");
    fake_node_stop(&node);
}
END_TEST

START_TEST(what_is_wrong_with_a_publish_is_told_and_nothing_is_published) {
    static const struct {
        const char *body;
        unsigned status;
        const char *part;
    } cases[] = {
        {"", 400, "bad_json"},
        {"{", 400, "bad_json"},
        {"[]", 400, "not a JSON object"},
        {"{\"channel\":\"a\",\"channel\":\"a\",\"data\":1}", 400, "twice"},
        {"{\"channel\":\"a\",\"data\":\"\xff\"}", 400, "UTF-8"},
        {"{\"data\":1}", 422, "\"errors\":[{\"pointer\":\"#/channel\",\"detail\":\"is missing\"}]"},
        {"{\"channel\":\"\",\"data\":1}", 422, "#/channel"},
        {"{\"channel\":\"a\\u0000b\",\"data\":1}", 422, "#/channel"},
        {"{\"channel\":1,\"data\":1}", 422, "#/channel"},
        {"{\"channel\":\"a\"}", 422, "exactly one of"},
        {"{\"channel\":\"a\",\"data\":1,\"text\":\"a\"}", 422, "exactly one of"},
        {"{\"channel\":\"a\",\"text\":1}", 422, "#/text"},
        {"{\"channel\":\"a\",\"data\":1,\"dta\":2}", 422, "\"pointer\":\"#/dta\",\"detail\":\"is not known here\""},
        {"{\"channel\":\"a\",\"d\\u0061ta\":1}", 422, "escapes"},
        {"{\"channel\":\"a\",\"data\":1,\"idempotency_key\":\"a b\"}", 422, "#/idempotency_key"},
    };
    start();
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        post("/api/v1/publish", cases[i].body);
        expect(cases[i].status, cases[i].part);
        ck_assert_str_eq(node.content_type, "application/problem+json");
        ck_assert_uint_eq(node.n_responses, i + 1);
    }
    ck_assert_str_eq(node.asked, "");
    fake_node_stop(&node);
}
END_TEST

START_TEST(a_message_over_the_limit_is_refused) {
    char body[1200];
    start();
    snprintf(body, sizeof body, "{\"channel\":\"a\",\"text\":\"%01025d\"}", 0);
    post("/api/v1/publish", body);
    expect(422, "more than the 1024 bytes");
    fake_node_stop(&node);
}
END_TEST

START_TEST(a_broker_that_is_not_heard_is_503_with_retry_after) {
    start();
    node.taken = BROKER_UNAVAILABLE;
    post("/api/v1/publish", "{\"channel\":\"a\",\"data\":1}");
    expect(503, "\"code\":\"broker_unavailable\"");
    ck_assert_ptr_nonnull(strstr(node.headers, "Retry-After: 1\r\n"));
    node.taken = BROKER_OK;
    node.result = BROKER_OVERLOADED;
    post("/api/v1/publish", "{\"channel\":\"a\",\"data\":1}");
    expect(503, "\"code\":\"overloaded\"");
    node.result = BROKER_REFUSED;
    post("/api/v1/publish", "{\"channel\":\"a\",\"data\":1}");
    expect(502, "\"code\":\"broker_refused\"");
    fake_node_stop(&node);
}
END_TEST

START_TEST(an_answer_that_does_not_come_is_504_once) {
    start();
    node.answers_at_once = false;
    post("/api/v1/publish", "{\"channel\":\"a\",\"data\":1}");
    ck_assert_uint_eq(node.n_responses, 0);
    api_tick(node.api, 1099);
    ck_assert_uint_eq(node.n_responses, 0);
    api_tick(node.api, 1100);
    expect(504, "timed_out");
    api_published(node.api, node.calls[0], 0, BROKER_OK, (Position){0});
    api_tick(node.api, 9000);
    ck_assert_uint_eq(node.n_responses, 1);
    fake_node_stop(&node);
}
END_TEST

START_TEST(broadcast_tells_each_channel) {
    start();
    post("/api/v1/broadcast", "{\"channels\":[\"a\",\"chat:1\"],\"data\":1}");
    ck_assert_str_eq(node.asked, "publish a 1\npublish chat:1 1\n");
    ck_assert_str_eq(node.body, "{\"failed\":0,\"results\":[{\"channel\":\"a\",\"position\":null},"
                                "{\"channel\":\"chat:1\",\"position\":{\"epoch\":\"7\",\"seq\":1}}]}");
    fake_node_stop(&node);
}
END_TEST

START_TEST(broadcast_with_a_bad_name_publishes_nothing) {
    start();
    post("/api/v1/broadcast", "{\"channels\":[\"a\",\"\",\"b\",7],\"data\":1}");
    expect(422, "#/channels/1\"");
    expect(422, "#/channels/3\"");
    post("/api/v1/broadcast", "{\"channels\":[\"a\",\"b\",\"a\"],\"data\":1}");
    expect(422, "twice");
    post("/api/v1/broadcast", "{\"channels\":[],\"data\":1}");
    expect(422, "#/channels\"");
    post("/api/v1/broadcast", "{\"data\":1}");
    expect(422, "is missing");
    ck_assert_str_eq(node.asked, "");
    fake_node_stop(&node);
}
END_TEST

START_TEST(batch_is_in_order_and_never_half_done) {
    start();
    post("/api/v1/batch", "{\"messages\":[ {\"channel\":\"a\",\"data\": [1 ,2]} , "
                          "{\"channel\":\"chat:1\",\"text\":\"x\",\"idempotency_key\":\"k\"}]}");
    ck_assert_str_eq(node.asked, "publish a [1 ,2]\npublish chat:1 x [k]\n");
    expect(200, "{\"failed\":0,\"results\":[{\"channel\":\"a\"");
    node.asked[0] = '\0';
    post("/api/v1/batch",
         "{\"messages\":[{\"channel\":\"a\",\"data\":1},{\"channel\":\"b\"},3,{\"channel\":\"c\",\"data\":1,\"x\":1}]}");
    expect(422, "#/messages/1\"");
    expect(422, "#/messages/2\"");
    expect(422, "#/messages/3/x\"");
    post("/api/v1/batch", "{\"messages\":[{\"channel\":\"a\",\"data\":1,\"idempotency_key\":\"k\"}]}");
    expect(422, "needs a channel with history");
    ck_assert_str_eq(node.asked, "");
    fake_node_stop(&node);
}
END_TEST

START_TEST(a_failure_of_one_message_is_told_with_it) {
    start();
    node.answers_at_once = false;
    post("/api/v1/batch",
         "{\"messages\":[{\"channel\":\"a\",\"data\":1},{\"channel\":\"b\",\"data\":2},{\"channel\":\"c\",\"data\":3}]}");
    api_published(node.api, node.calls[1], node.items[1], BROKER_UNAVAILABLE, (Position){0});
    api_published(node.api, node.calls[0], node.items[0], BROKER_OK, (Position){0});
    api_published(node.api, node.calls[0], 99, BROKER_OK, (Position){0});
    api_tick(node.api, 2000);
    expect(200, "{\"failed\":2,\"results\":[{\"channel\":\"a\",\"position\":null},{\"channel\":\"b\",\"error\":{\"code\":"
                "\"broker_unavailable\"");
    expect(200, "\"code\":\"timed_out\"");
    fake_node_stop(&node);
}
END_TEST

START_TEST(a_batch_of_which_nothing_was_taken_fails) {
    start();
    node.result = BROKER_UNAVAILABLE;
    post("/api/v1/batch", "{\"messages\":[{\"channel\":\"a\",\"data\":1},{\"channel\":\"b\",\"data\":2}]}");
    expect(503, "broker_unavailable");
    fake_node_stop(&node);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        publish_passes_data_on_as_it_was_written,
        publish_to_a_channel_with_history_tells_the_place,
        base64_gives_the_bytes,
        what_is_wrong_with_a_publish_is_told_and_nothing_is_published,
        a_message_over_the_limit_is_refused,
        a_broker_that_is_not_heard_is_503_with_retry_after,
        an_answer_that_does_not_come_is_504_once,
        broadcast_tells_each_channel,
        broadcast_with_a_bad_name_publishes_nothing,
        batch_is_in_order_and_never_half_done,
        a_failure_of_one_message_is_told_with_it,
        a_batch_of_which_nothing_was_taken_fails,
    };
    return run_suite("http/api_publish", tests, N_ELEMENTS(tests));
}
