#include <stdio.h>
#include <string.h>

#include "../base/suite.h"
#include "fake_node.h"
#include "http/api_replay.h"

static FakeNode node;

static void post(const char *body, const char *key) {
    fake_node_request(&node, "/api/v1/publish", body, key);
}

START_TEST(the_same_request_with_a_key_gets_the_same_answer) {
    fake_node_start(&node);
    node.answers_at_once = true;
    post("{\"channel\":\"chat:1\",\"data\":1}", "k");
    ck_assert_str_eq(node.body, "{\"channel\":\"chat:1\",\"position\":{\"epoch\":\"7\",\"seq\":1}}");
    ck_assert_ptr_null(strstr(node.headers, "Replayed"));
    post("{\"channel\":\"chat:1\",\"data\":1}", "k");
    ck_assert_str_eq(node.body, "{\"channel\":\"chat:1\",\"position\":{\"epoch\":\"7\",\"seq\":1}}");
    ck_assert_ptr_nonnull(strstr(node.headers, "Idempotency-Replayed: true\r\n"));
    ck_assert_str_eq(node.asked, "publish chat:1 1 [k]\n");
    fake_node_stop(&node);
}
END_TEST

START_TEST(the_same_behind_it_in_a_pipeline_gets_the_same_answer) {
    static const char body[] = "{\"channel\":\"a\",\"data\":1}";
    fake_node_start(&node);
    post(body, "k");
    node.again = body;
    api_published(node.api, node.calls[0], 0, BROKER_OK, (Position){0});
    ck_assert_uint_eq(node.n_responses, 2);
    ck_assert_uint_eq(node.status, 200);
    ck_assert_ptr_nonnull(strstr(node.headers, "Replayed"));
    fake_node_stop(&node);
}
END_TEST

START_TEST(a_key_with_another_body_is_refused) {
    fake_node_start(&node);
    node.answers_at_once = true;
    post("{\"channel\":\"a\",\"data\":1}", "k");
    post("{\"channel\":\"a\",\"data\":2}", "k");
    ck_assert_uint_eq(node.status, 422);
    ck_assert_ptr_nonnull(strstr(node.body, "idempotency_key_reused"));
    fake_node_request(&node, "/api/v1/broadcast", "{\"channels\":[\"a\"],\"data\":2}", "k");
    ck_assert_uint_eq(node.status, 200);
    fake_node_stop(&node);
}
END_TEST

START_TEST(a_key_under_way_is_409) {
    fake_node_start(&node);
    post("{\"channel\":\"a\",\"data\":1}", "k");
    post("{\"channel\":\"a\",\"data\":1}", "k");
    ck_assert_uint_eq(node.status, 409);
    ck_assert_ptr_nonnull(strstr(node.body, "idempotency_key_in_use"));
    api_published(node.api, node.calls[0], 0, BROKER_OK, (Position){0});
    ck_assert_uint_eq(node.status, 200);
    post("{\"channel\":\"a\",\"data\":1}", "k");
    ck_assert_ptr_nonnull(strstr(node.headers, "Replayed"));
    fake_node_stop(&node);
}
END_TEST

START_TEST(a_request_that_failed_may_be_tried_again_with_its_key) {
    fake_node_start(&node);
    node.answers_at_once = true;
    node.taken = BROKER_UNAVAILABLE;
    post("{\"channel\":\"a\",\"data\":1}", "k");
    ck_assert_uint_eq(node.status, 503);
    node.taken = BROKER_OK;
    post("{\"channel\":\"a\",\"data\":1}", "k");
    ck_assert_uint_eq(node.status, 200);
    ck_assert_ptr_null(strstr(node.headers, "Replayed"));
    fake_node_stop(&node);
}
END_TEST

START_TEST(a_key_is_forgotten_after_five_minutes) {
    fake_node_start(&node);
    node.answers_at_once = true;
    post("{\"channel\":\"a\",\"data\":1}", "k");
    api_tick(node.api, 100 + REPLAY_AGE_MS);
    post("{\"channel\":\"a\",\"data\":2}", "k");
    ck_assert_uint_eq(node.status, 200);
    fake_node_stop(&node);
}
END_TEST

START_TEST(a_key_in_header_and_body_must_be_one) {
    fake_node_start(&node);
    node.answers_at_once = true;
    post("{\"channel\":\"chat:1\",\"data\":1,\"idempotency_key\":\"k\"}", "k");
    ck_assert_uint_eq(node.status, 200);
    post("{\"channel\":\"chat:1\",\"data\":1,\"idempotency_key\":\"k\"}", "l");
    ck_assert_uint_eq(node.status, 422);
    post("{\"channel\":\"chat:1\",\"data\":1}", "a b");
    ck_assert_uint_eq(node.status, 400);
    fake_node_stop(&node);
}
END_TEST

START_TEST(messages_of_a_batch_with_a_key_have_keys_by_their_place) {
    fake_node_start(&node);
    node.answers_at_once = true;
    fake_node_request(&node, "/api/v1/batch",
                      "{\"messages\":[{\"channel\":\"chat:1\",\"data\":1},{\"channel\":\"chat:1\",\"data\":2},{\"channel\":"
                      "\"a\",\"data\":3}]}",
                      "k");
    ck_assert_str_eq(node.asked, "publish chat:1 1 [k/0]\npublish chat:1 2 [k/1]\npublish a 3\n");
    fake_node_stop(&node);
}
END_TEST

START_TEST(the_memory_for_answers_is_bounded) {
    static const char body[4096];
    ApiReplay replay;
    ReplayEntry *entry;
    char key[16];
    api_replay_init(&replay);
    for (int i = 0; i < REPLAY_ENTRIES_MAX + 10; i++) {
        int n_key = snprintf(key, sizeof key, "%d", i);
        ck_assert_int_eq(api_replay_claim(&replay, key, (size_t)n_key, 1, &entry), REPLAY_NEW);
        api_replay_settle(&replay, entry, body, i % 2 ? sizeof body : 10, 0);
        ck_assert_uint_le(replay.n_bytes, REPLAY_BYTES_MAX);
        ck_assert_uint_le(replay.entries.n_nodes, REPLAY_ENTRIES_MAX);
    }
    ck_assert_int_eq(api_replay_claim(&replay, key, strlen(key), 1, &entry), REPLAY_ANSWERED);
    ck_assert_int_eq(api_replay_claim(&replay, key, strlen(key), 2, &entry), REPLAY_OTHER);
    ck_assert_int_eq(api_replay_claim(&replay, "0", 1, 1, &entry), REPLAY_NEW);
    ck_assert_int_eq(api_replay_claim(&replay, "0", 1, 1, &entry), REPLAY_UNDER_WAY);
    api_replay_finish(&replay);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        the_same_request_with_a_key_gets_the_same_answer,
        the_same_behind_it_in_a_pipeline_gets_the_same_answer,
        a_key_with_another_body_is_refused,
        a_key_under_way_is_409,
        a_request_that_failed_may_be_tried_again_with_its_key,
        a_key_is_forgotten_after_five_minutes,
        a_key_in_header_and_body_must_be_one,
        messages_of_a_batch_with_a_key_have_keys_by_their_place,
        the_memory_for_answers_is_bounded,
    };
    return run_suite("http/api_replay", tests, N_ELEMENTS(tests));
}
