#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/suite.h"
#include "auth/api_keys.h"
#include "fake_node.h"

static FakeNode node;

static void post(const char *path, const char *body) {
    fake_node_request(&node, path, body, NULL);
}

static void get(const char *url) {
    fake_node_request(&node, url, NULL, NULL);
}

static void expect(unsigned status, const char *part) {
    ck_assert_msg(node.status == status && strstr(node.body, part), "%u %s", node.status, node.body);
}

START_TEST(a_path_that_is_no_call_is_404) {
    fake_node_start(&node);
    get("/api/v1");
    expect(404, "unknown_path");
    get("/api/v1/");
    expect(404, "unknown_path");
    get("/api/v1/infos");
    expect(404, "unknown_path");
    fake_node_stop(&node);
}
END_TEST

START_TEST(another_method_is_405_with_allow) {
    fake_node_start(&node);
    get("/api/v1/publish");
    expect(405, "method_not_allowed");
    ck_assert_str_eq(node.headers, "Allow: POST\r\n");
    post("/api/v1/info", "{}");
    ck_assert_str_eq(node.headers, "Allow: GET, HEAD\r\n");
    fake_node_stop(&node);
}
END_TEST

START_TEST(a_body_is_wanted_where_the_head_would_not_be_refused) {
    HttpRequest head = {.method = HTTP_POST, .path = "/api/v1/publish", .n_path = 15, .authorization = ""};
    fake_node_start(&node);
    ck_assert(api_wants_body(node.api, &head));
    node.scopes = API_READ;
    ck_assert(!api_wants_body(node.api, &head));
    node.scopes = API_ALL;
    head.method = HTTP_GET;
    ck_assert(!api_wants_body(node.api, &head));
    head = (HttpRequest){.method = HTTP_POST, .path = "/api/v1/info", .n_path = 12, .authorization = ""};
    ck_assert(!api_wants_body(node.api, &head));
    head.path = "/api/v1/nothing";
    head.n_path = 15;
    ck_assert(!api_wants_body(node.api, &head));
    fake_node_stop(&node);
}
END_TEST

START_TEST(at_the_end_what_is_under_way_is_answered) {
    fake_node_start(&node);
    post("/api/v1/publish", "{\"channel\":\"a\",\"data\":1}");
    get("/api/v1/channels");
    ck_assert_uint_eq(node.n_responses, 0);
    api_stop(node.api);
    ck_assert_uint_eq(node.n_responses, 2);
    expect(504, "timed_out");
    api_published(node.api, node.calls[0], 0, BROKER_OK, (Position){0});
    ck_assert_uint_eq(node.n_responses, 2);
    fake_node_stop(&node);
}
END_TEST

START_TEST(the_workers_are_asked_few_surveys_at_once) {
    fake_node_start(&node);
    for (unsigned i = 0; i < 8; i++)
        get(i % 2 ? "/api/v1/channels" : "/api/v1/connections");
    ck_assert_uint_eq(node.n_responses, 0);
    get("/api/v1/channels");
    expect(503, "overloaded");
    ck_assert_str_eq(node.headers, "Retry-After: 1\r\nCache-Control: no-store\r\n");
    api_surveyed(node.api, node.calls[0], NULL);
    api_surveyed(node.api, node.calls[0], NULL);
    ck_assert_uint_eq(node.n_responses, 2);
    get("/api/v1/channels");
    ck_assert_uint_eq(node.n_responses, 2);
    api_tick(node.api, 100000);
    ck_assert_uint_eq(node.n_responses, 10);
    get("/api/v1/channels");
    ck_assert_uint_eq(node.n_responses, 10);
    fake_node_stop(&node);
}
END_TEST

START_TEST(each_call_needs_its_scope) {
    static const struct {
        const char *path;
        unsigned scope;
    } cases[] = {
        {"/api/v1/publish", API_PUBLISH},   {"/api/v1/broadcast", API_PUBLISH}, {"/api/v1/batch", API_PUBLISH},
        {"/api/v1/history", API_READ},      {"/api/v1/presence", API_READ},     {"/api/v1/channels", API_READ},
        {"/api/v1/connections", API_READ},  {"/api/v1/subscribe", API_MANAGE},  {"/api/v1/unsubscribe", API_MANAGE},
        {"/api/v1/disconnect", API_MANAGE},
    };
    fake_node_start(&node);
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        node.scopes = 0;
        post(cases[i].path, "{");
        expect(401, "unauthorized");
        ck_assert_ptr_nonnull(strstr(node.headers, "WWW-Authenticate: Bearer"));
        node.scopes = API_ALL & ~cases[i].scope;
        post(cases[i].path, "{");
        expect(403, "forbidden");
        node.scopes = cases[i].scope;
        post(cases[i].path, "{");
        expect(400, "bad_json");
    }
    node.scopes = API_ALL & ~API_READ;
    get("/api/v1/info");
    expect(403, "forbidden");
    fake_node_stop(&node);
}
END_TEST

START_TEST(a_body_that_is_not_json_by_its_type_is_415) {
    static const char *const types[] = {"", "text/plain", "application/jsonp", "application/x-www-form-urlencoded"};
    fake_node_start(&node);
    for (size_t i = 0; i < N_ELEMENTS(types); i++) {
        const HttpRequest request = {
            .method = HTTP_POST, .path = "/api/v1/publish", .n_path = 15, .content_type = types[i], .body = "{}", .n_body = 2};
        api_request(node.api, 1, &request, 0);
        expect(415, "unsupported_media_type");
    }
    fake_node_stop(&node);
}
END_TEST

static void answer_history(uint64_t call, BrokerResult result) {
    HistoryReply *reply = history_reply_new(2);
    reply->result = result;
    reply->is_recovered = true;
    reply->position = (Position){7, 9};
    ck_assert_int_eq(message_new(&reply->messages[0], "chat:1", 6, "{\"a\":1.0}", 9), 0);
    ck_assert_int_eq(message_new(&reply->messages[1], "chat:1", 6, "\xff", 1), 0);
    reply->messages[0]->position = (Position){7, 8};
    reply->messages[1]->position = (Position){7, 9};
    api_history(node.api, call, reply);
    history_reply_unref(reply);
}

START_TEST(history_is_read_by_query_and_by_body) {
    fake_node_start(&node);
    get("/api/v1/history?channel=chat:1&limit=2&since_epoch=18446744073709551615&since_seq=3&order=reverse");
    post("/api/v1/history", "{\"channel\":\"chat:1\",\"limit\":2,\"since\":{\"epoch\":\"5\",\"seq\":3},\"order\":\"forward\"}");
    get("/api/v1/history?channel=chat:1");
    ck_assert_str_eq(node.asked, "read chat:1 since 18446744073709551615 3 limit 2 order 2\n"
                                 "read chat:1 since 5 3 limit 2 order 1\nread chat:1 since 0 0 limit 100 order 1\n");
    answer_history(node.calls[0], BROKER_OK);
    ck_assert_str_eq(node.body,
                     "{\"channel\":\"chat:1\",\"recovered\":true,\"more\":false,\"position\":{\"epoch\":\"7\",\"seq\":9},"
                     "\"messages\":[{\"position\":{\"epoch\":\"7\",\"seq\":8},\"data\":{\"a\":1.0}},"
                     "{\"position\":{\"epoch\":\"7\",\"seq\":9},\"base64\":\"/w==\"}]}");
    answer_history(node.calls[1], BROKER_UNAVAILABLE);
    expect(503, "broker_unavailable");
    api_tick(node.api, 1100);
    expect(504, "timed_out");
    ck_assert_uint_eq(node.n_responses, 3);
    fake_node_stop(&node);
}
END_TEST

START_TEST(bad_queries_are_told) {
    static const struct {
        const char *url;
        unsigned status;
        const char *part;
    } cases[] = {
        {"/api/v1/history", 422, "\"parameter\":\"channel\",\"detail\":\"is missing\""},
        {"/api/v1/history?channel=a&channel=a", 400, "twice"},
        {"/api/v1/history?=a", 400, "bad_query"},
        {"/api/v1/history?channel=\xff", 400, "bad_query"},
        {"/api/v1/history?channel=a&limit=1001", 422, "\"parameter\":\"limit\""},
        {"/api/v1/history?channel=a&limit=-1", 422, "\"parameter\":\"limit\""},
        {"/api/v1/history?channel=a&limit=", 422, "\"parameter\":\"limit\""},
        {"/api/v1/history?channel=a&since_epoch=1", 422, "since_epoch"},
        {"/api/v1/history?channel=a&since_epoch=0&since_seq=1", 422, "since_epoch"},
        {"/api/v1/history?channel=a&order=up", 422, "\"parameter\":\"order\""},
        {"/api/v1/history?channel=a&x=1", 422, "\"parameter\":\"x\""},
        {"/api/v1/connections?user=a&slow=1", 422, "only one of"},
        {"/api/v1/connections?connection=xyz", 422, "\"parameter\":\"connection\""},
        {"/api/v1/connections?slow=2", 422, "\"parameter\":\"slow\""},
        {"/api/v1/info?x=1", 422, "\"parameter\":\"x\""},
        {"/api/v1/history?channel=live", 404, "no_history"},
        {"/api/v1/presence?channel=live", 404, "no_presence"},
    };
    fake_node_start(&node);
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        get(cases[i].url);
        expect(cases[i].status, cases[i].part);
    }
    post("/api/v1/history?channel=a", "{\"channel\":\"a\"}");
    expect(400, "bad_query");
    post("/api/v1/history", "{\"channel\":\"a\",\"since\":{\"epoch\":\"1\",\"seq\":1,\"x\":1}}");
    expect(422, "#/since\"");
    fake_node_stop(&node);
}
END_TEST

START_TEST(presence_tells_each_member_with_its_info) {
    fake_node_start(&node);
    get("/api/v1/presence?channel=chat:1");
    PresenceReply *reply = presence_reply_new(3, 200);
    char *texts = presence_reply_texts(reply);
    static const char *const members[] = {"{\"user\":\"ada\",\"info\":{\"x\":1.50}}", "{\"user\":\"bo\"}", "not JSON"};
    for (size_t i = 0; i < 3; i++) {
        strcpy(texts, members[i]);
        reply->members[i] = (PresenceMember){2, 3, (uint32_t)strlen(members[i]), i == 1 ? "b\xc3\xb6" : "ada", texts};
        texts += strlen(members[i]);
    }
    api_presence(node.api, node.calls[0], reply);
    ck_assert_str_eq(node.body,
                     "{\"channel\":\"chat:1\",\"members\":[{\"user\":\"ada\",\"info\":{\"x\":1.50},\"connections\":2},"
                     "{\"user\":\"b\xc3\xb6\",\"connections\":2}]}");
    presence_reply_unref(reply);
    fake_node_stop(&node);
}
END_TEST

START_TEST(control_is_told_to_the_nodes) {
    fake_node_start(&node);
    node.answers_at_once = true;
    post("/api/v1/disconnect", "{\"user\":\"ada\",\"code\":4001,\"reason\":\"bye\"}");
    expect(200, "{\"accepted\":true}");
    post("/api/v1/disconnect", "{\"connection\":\"1f00000000000001\"}");
    post("/api/v1/subscribe", "{\"user\":\"ada\",\"channel\":\"news\"}");
    post("/api/v1/unsubscribe", "{\"user\":\"ada\",\"channel\":\"news\",\"code\":4000}");
    expect(200, "{\"accepted\":true}");
    ck_assert_str_eq(node.asked, "control 0 ada 0  4001 bye\ncontrol 0  1f00000000000001  0 \n"
                                 "control 2 ada 0 news 0 \ncontrol 1 ada 0 news 4000 \n");
    fake_node_stop(&node);
}
END_TEST

START_TEST(bad_control_is_told_to_no_node) {
    static const char *const cases[][3] = {
        {"/api/v1/disconnect", "{}", "exactly one of"},
        {"/api/v1/disconnect", "{\"user\":\"a\",\"connection\":\"1\"}", "exactly one of"},
        {"/api/v1/disconnect", "{\"user\":\"\"}", "#/user"},
        {"/api/v1/disconnect", "{\"user\":\"a\\u0000\"}", "#/user"},
        {"/api/v1/disconnect", "{\"user\":\"a\\nb\"}", "#/user"},
        {"/api/v1/disconnect", "{\"user\":\"a\\u0085b\"}", "#/user"},
        {"/api/v1/disconnect", "{\"user\":\"a\",\"code\":1000}", "#/code"},
        {"/api/v1/disconnect", "{\"user\":\"a\",\"code\":4000.5}", "#/code"},
        {"/api/v1/disconnect", "{\"user\":\"a\",\"channel\":\"b\"}", "#/channel"},
        {"/api/v1/disconnect", "{\"connection\":\"0\"}", "#/connection"},
        {"/api/v1/disconnect", "{\"connection\":\"1F\"}", "#/connection"},
        {"/api/v1/subscribe", "{\"user\":\"a\"}", "#/channel"},
        {"/api/v1/subscribe", "{\"user\":\"a\",\"channel\":\"b\",\"code\":4000}", "#/code"},
        {"/api/v1/unsubscribe", "{\"user\":\"a\",\"channel\":\"b\",\"reason\":7}", "#/reason"},
    };
    fake_node_start(&node);
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        post(cases[i][0], cases[i][1]);
        expect(422, cases[i][2]);
    }
    ck_assert_str_eq(node.asked, "");
    fake_node_stop(&node);
}
END_TEST

static void answer_survey(uint64_t call, const SurveyRow *rows, uint32_t n_rows, uint64_t n_total) {
    SurveyReply *reply = calloc(1, sizeof *reply + n_rows * sizeof *rows);
    reply->n_total = n_total;
    reply->n_rows = n_rows;
    memcpy(reply->rows, rows, n_rows * sizeof *rows);
    api_surveyed(node.api, call, reply);
    free(reply);
}

START_TEST(channels_of_the_workers_are_added_up) {
    static const SurveyRow first[] = {{.name = "b", .n_name = 1, .n_subscriptions = 2},
                                      {.name = "a", .n_name = 1, .n_subscriptions = 1}};
    static const SurveyRow second[] = {{.name = "a", .n_name = 1, .n_subscriptions = 4},
                                       {.name = "c", .n_name = 1, .n_subscriptions = 1}};
    fake_node_start(&node);
    get("/api/v1/channels?pattern=x*&limit=2");
    ck_assert_str_eq(node.asked, "survey 2 1000 0 x*\n");
    answer_survey(node.calls[0], first, 2, 2);
    ck_assert_uint_eq(node.n_responses, 0);
    answer_survey(node.calls[0], second, 2, 2);
    ck_assert_str_eq(node.body, "{\"node\":\"n1\",\"more\":true,\"channels\":[{\"channel\":\"a\",\"subscriptions\":5},"
                                "{\"channel\":\"b\",\"subscriptions\":2}]}");
    fake_node_stop(&node);
}
END_TEST

START_TEST(connections_are_listed_slowest_first_when_asked) {
    const SurveyRow slow = {
        .name = "ada", .n_name = 3, .connection = 0xab, .outbox_bytes = 5, .dialect = "raw", .state = "OPEN"};
    const SurveyRow slower = {.connection = 1, .outbox_bytes = 9, .state = "CONNECTING"};
    fake_node_start(&node);
    get("/api/v1/connections?slow=1");
    ck_assert_str_eq(node.asked, "survey 1 100 0 \n");
    answer_survey(node.calls[0], &slow, 1, 1);
    answer_survey(node.calls[0], &slower, 1, 1);
    ck_assert_str_eq(
        node.body, "{\"node\":\"n1\",\"more\":false,\"total\":2,\"connections\":[{\"connection\":\"1\",\"user\":null,\"state\":"
                   "\"CONNECTING\",\"dialect\":null,\"subscriptions\":0,\"age_ms\":0,\"outbox_bytes\":9},{\"connection\":"
                   "\"ab\",\"user\":\"ada\",\"state\":\"OPEN\",\"dialect\":\"raw\",\"subscriptions\":0,\"age_ms\":0,"
                   "\"outbox_bytes\":5}]}");
    fake_node_stop(&node);
}
END_TEST

START_TEST(a_worker_without_memory_fails_the_survey_once) {
    fake_node_start(&node);
    post("/api/v1/connections", "{\"user\":\"ada\",\"limit\":5}");
    ck_assert_str_eq(node.asked, "survey 0 5 0 ada\n");
    api_surveyed(node.api, node.calls[0], NULL);
    expect(503, "overloaded");
    api_surveyed(node.api, node.calls[0], NULL);
    node.surveyed = -12;
    get("/api/v1/channels");
    expect(503, "overloaded");
    ck_assert_uint_eq(node.n_responses, 2);
    fake_node_stop(&node);
}
END_TEST

START_TEST(info_tells_how_the_node_fares) {
    fake_node_start(&node);
    get("/api/v1/info");
    expect(200,
           "{\"node\":\"n1\",\"version\":\"1.2\",\"healthy\":true,\"ready\":false,\"reason\":\"draining\",\"broker\":{\"kind\":"
           "\"redis\",\"up\":true,");
    expect(200, "\"links\":[{\"server\":\"10.0.0.1:6379\",\"up\":true,\"canary_lag_ms\":3,\"times_down\":2},"
                "{\"server\":\"/run/redis.sock\",\"up\":false,\"canary_lag_ms\":0,\"times_down\":0}]");
    expect(200, "\"connections\":{\"connecting\":0,\"open\":12,\"closing\":0,\"closed\":0}");
    fake_node_stop(&node);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_path_that_is_no_call_is_404,
        another_method_is_405_with_allow,
        each_call_needs_its_scope,
        a_body_is_wanted_where_the_head_would_not_be_refused,
        the_workers_are_asked_few_surveys_at_once,
        at_the_end_what_is_under_way_is_answered,
        a_body_that_is_not_json_by_its_type_is_415,
        history_is_read_by_query_and_by_body,
        bad_queries_are_told,
        presence_tells_each_member_with_its_info,
        control_is_told_to_the_nodes,
        bad_control_is_told_to_no_node,
        channels_of_the_workers_are_added_up,
        connections_are_listed_slowest_first_when_asked,
        a_worker_without_memory_fails_the_survey_once,
        info_tells_how_the_node_fares,
    };
    return run_suite("http/api", tests, N_ELEMENTS(tests));
}
