#include "http/desk_routes.h"

#include <string.h>

#include "../base/suite.h"
#include "auth/api_keys.h"
#include "http/problem.h"
#include "http/routes.h"
#include "http/web_pages.h"

/* The rest of the layer, as these need it. */
const WebPage web_pages[] = {{"/", "text/html", (const unsigned char *)"demo", 4},
                             {"/admin", "text/html", (const unsigned char *)"admin", 5},
                             {"/favicon.svg", "image/svg+xml", (const unsigned char *)"icon", 4}};
const size_t web_n_pages = N_ELEMENTS(web_pages);

static unsigned n_api_requests;
static unsigned given_scopes;

void api_request(Api *api, uint64_t exchange, const HttpRequest *request, uint64_t now_ms) {
    n_api_requests++;
}

bool api_wants_body(const Api *api, const HttpRequest *head) {
    return given_scopes != 0;
}

int problem_write(Buf *out, const Problem *problem) {
    return buf_append_text(out, problem->code);
}

/* The node */
static NodeHealth health;
static unsigned status;
static unsigned n_responses;
static char body[256];
static char headers[1024];

static void respond(void *context, uint64_t exchange, const HttpResponse *response) {
    ck_assert_uint_eq(exchange, 7);
    n_responses++;
    status = response->status;
    ck_assert_uint_lt(response->n_body, sizeof(body));
    memcpy(body, response->body, response->n_body);
    body[response->n_body] = '\0';
    strncpy(headers, response->headers ? response->headers : "", sizeof(headers) - 1);
}

static NodeHealth tell_health(void *context) {
    return health;
}

static unsigned tell_scopes(void *context, const char *authorization) {
    return given_scopes;
}

static int tell_metrics(void *context, Buf *out) {
    return buf_append_text(out, "metrics");
}

static const NodeOps node = {.respond = respond, .health = tell_health, .scopes = tell_scopes, .metrics = tell_metrics};
static DeskRoutes routes = {.node = &node};

static HttpRequest request_of(HttpMethod method, const char *path) {
    return (HttpRequest){.method = method,
                         .path = path,
                         .n_path = strlen(path),
                         .parameters = "",
                         .authorization = "",
                         .content_type = "",
                         .idempotency_key = "",
                         .host = "localhost:9080",
                         .origin = "",
                         .body = ""};
}

static void ask_with(const HttpRequest *request) {
    n_responses = n_api_requests = 0;
    body[0] = headers[0] = '\0';
    desk_routes_handle(&routes, 7, request, 1000);
    ck_assert_uint_eq(n_responses + n_api_requests, 1);
}

static void ask(HttpMethod method, const char *path) {
    HttpRequest request = request_of(method, path);
    ask_with(&request);
}

static void begin(bool is_open) {
    routes.is_open = is_open;
    health = (NodeHealth){.unhealthy = NULL};
    given_scopes = API_ALL;
}

START_TEST(health_is_for_everybody_and_says_what_is_wrong) {
    begin(false);
    given_scopes = 0;
    HttpRequest foreign = request_of(HTTP_GET, "/healthz");
    foreign.host = "evil.example";
    foreign.origin = "http://other.example";
    ask_with(&foreign);
    ck_assert_uint_eq(status, 200);
    ck_assert_str_eq(body, "ok\n");
    health = (NodeHealth){.unready = "draining"};
    ask(HTTP_HEAD, "/healthz");
    ck_assert_uint_eq(status, 200);
    ask(HTTP_GET, "/readyz");
    ck_assert_uint_eq(status, 503);
    ck_assert_ptr_nonnull(strstr(body, "draining"));
    health = (NodeHealth){.unhealthy = "worker", .unready = "worker"};
    ask(HTTP_GET, "/healthz");
    ck_assert_uint_eq(status, 503);
    ck_assert_ptr_nonnull(strstr(body, "worker"));
    ck_assert_ptr_nonnull(strstr(headers, "no-store"));
}
END_TEST

START_TEST(metrics_want_their_scope) {
    begin(false);
    ask(HTTP_GET, "/metrics");
    ck_assert_uint_eq(status, 200);
    ck_assert_str_eq(body, "metrics");
    given_scopes = API_READ | API_PUBLISH | API_MANAGE;
    ask(HTTP_GET, "/metrics");
    ck_assert_uint_eq(status, 403);
    given_scopes = 0;
    ask(HTTP_GET, "/metrics");
    ck_assert_uint_eq(status, 401);
    ck_assert_ptr_nonnull(strstr(headers, "WWW-Authenticate: Bearer"));
}
END_TEST

START_TEST(the_admin_page_is_at_the_root_alone) {
    begin(false);
    given_scopes = 0;
    ask(HTTP_GET, "/");
    ck_assert_str_eq(body, "admin");
    ck_assert_ptr_nonnull(strstr(headers, "default-src 'none'"));
    ask(HTTP_GET, "/favicon.svg");
    ck_assert_str_eq(body, "icon");
    ask(HTTP_GET, "/admin");
    ck_assert_uint_eq(status, 404);
}
END_TEST

START_TEST(the_api_gets_what_is_below_its_path) {
    static const char *const others[] = {"/api/v10", "/api/v", "/api", "/API/v1", "//api/v1"};
    begin(false);
    ask(HTTP_GET, "/api/v1/info");
    ck_assert_uint_eq(n_api_requests, 1);
    ask(HTTP_OTHER, "/api/v1");
    ck_assert_uint_eq(n_api_requests, 1);
    for (size_t i = 0; i < N_ELEMENTS(others); i++) {
        ask(HTTP_GET, others[i]);
        ck_assert_uint_eq(status, 404);
    }
    ask(HTTP_OTHER, "/metrics");
    ck_assert_uint_eq(status, 405);
    ck_assert_ptr_nonnull(strstr(headers, "Allow: GET, HEAD"));
}
END_TEST

START_TEST(a_post_is_json) {
    HttpRequest request = request_of(HTTP_POST, "/api/v1/publish");
    static const char *const good[] = {"application/json", "Application/JSON; charset=utf-8", "application/json;x"};
    static const char *const bad[] = {"", "text/plain", "application/jsonp", "application/x-www-form-urlencoded", "json"};
    begin(false);
    for (size_t i = 0; i < N_ELEMENTS(good); i++) {
        request.content_type = good[i];
        ask_with(&request);
        ck_assert_uint_eq(n_api_requests, 1);
    }
    for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
        request.content_type = bad[i];
        ask_with(&request);
        ck_assert_uint_eq(status, 415);
    }
}
END_TEST

START_TEST(only_the_body_of_what_the_api_would_take_is_read) {
    HttpRequest request = request_of(HTTP_POST, "/api/v1/publish");
    begin(true);
    ck_assert(!desk_routes_want_body(&routes, &request));
    request.content_type = "application/json";
    ck_assert(desk_routes_want_body(&routes, &request));
    given_scopes = 0;
    ck_assert(!desk_routes_want_body(&routes, &request));
    begin(true);
    request.host = "evil.example";
    ck_assert(!desk_routes_want_body(&routes, &request));
    request.host = "localhost";
    request.origin = "http://evil.example";
    ck_assert(!desk_routes_want_body(&routes, &request));
    request.origin = "";
    request.path = "/metrics";
    ck_assert(!desk_routes_want_body(&routes, &request));
}
END_TEST

static unsigned status_of(const char *host, const char *origin) {
    HttpRequest request = request_of(HTTP_GET, "/metrics");
    request.host = host;
    request.origin = origin;
    ask_with(&request);
    return status;
}

START_TEST(without_a_token_the_host_is_a_loopback_name) {
    static const char *const good[] = {"", "localhost", "LocalHost:80", "127.0.0.1", "127.1.2.3:9080", "[::1]", "[::1]:1"};
    static const char *const bad[] = {"evil.example",
                                      "localhost.evil.example",
                                      "127.0.0.1.evil.example",
                                      "127.x",
                                      "10.0.0.1",
                                      "[::2]:1",
                                      "::1",
                                      "localhost:x",
                                      "127",
                                      "localhost."};
    begin(true);
    for (size_t i = 0; i < N_ELEMENTS(good); i++)
        ck_assert_msg(status_of(good[i], "") == 200, "%s", good[i]);
    for (size_t i = 0; i < N_ELEMENTS(bad); i++)
        ck_assert_msg(status_of(bad[i], "") == 403, "%s", bad[i]);
    begin(false);
    for (size_t i = 0; i < N_ELEMENTS(bad); i++)
        ck_assert_msg(status_of(bad[i], "") == 200, "%s", bad[i]);
}
END_TEST

START_TEST(a_page_asks_where_it_came_from) {
    begin(false);
    ck_assert_uint_eq(status_of("gate.example:9080", "http://gate.example:9080"), 200);
    ck_assert_uint_eq(status_of("gate.example", "https://gate.example"), 200);
    ck_assert_uint_eq(status_of("gate.example:9080", "http://gate.example"), 403);
    ck_assert_uint_eq(status_of("gate.example", "http://evil.example"), 403);
    ck_assert_uint_eq(status_of("gate.example", "null"), 403);
    ck_assert_uint_eq(status_of("", "http://evil.example"), 403);
}
END_TEST

START_TEST(the_listeners_of_clients_tell_health_and_never_show_the_admin_page) {
    Routes clients = {.has_demo = true, .health = tell_health};
    HttpRequest request = request_of(HTTP_GET, "/readyz");
    HttpResponse response = {.status = 404, .body = "", .n_body = 0};
    begin(false);
    routes_handle(&clients, &request, &response);
    ck_assert_uint_eq(response.status, 200);
    health = (NodeHealth){.unready = "broker"};
    routes_handle(&clients, &request, &response);
    ck_assert_uint_eq(response.status, 503);
    request = request_of(HTTP_GET, "/admin");
    response = (HttpResponse){.status = 404};
    routes_handle(&clients, &request, &response);
    ck_assert_uint_eq(response.status, 404);
    request = request_of(HTTP_GET, "/");
    routes_handle(&clients, &request, &response);
    ck_assert_uint_eq(response.status, 200);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        health_is_for_everybody_and_says_what_is_wrong,
        metrics_want_their_scope,
        the_admin_page_is_at_the_root_alone,
        the_api_gets_what_is_below_its_path,
        a_post_is_json,
        only_the_body_of_what_the_api_would_take_is_read,
        without_a_token_the_host_is_a_loopback_name,
        a_page_asks_where_it_came_from,
        the_listeners_of_clients_tell_health_and_never_show_the_admin_page,
    };
    return run_suite("desk_routes", tests, N_ELEMENTS(tests));
}
