#include "http/desk_routes.h"

#include <string.h>
#include <strings.h>

#include "auth/api_keys.h"
#include "auth/origin.h"
#include "http/health.h"
#include "http/problem.h"
#include "http/web_pages.h"

#define DESK_PAGE "/admin" /* among the web pages; served at / */

enum { DESK_PROBLEM_MAX = 2048, DESK_METRICS_MAX = 16 << 20 };

/* The admin page brings all it needs with it and talks only to where it came from. */
static const char desk_page_headers[] =
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cache-Control: no-cache\r\n";

static const char desk_no_store[] = "Cache-Control: no-store\r\n";

static void desk_respond(const DeskRoutes *routes, uint64_t exchange, const HttpResponse *response) {
    routes->node->respond(routes->context, exchange, response);
}

static void desk_refuse(const DeskRoutes *routes, uint64_t exchange, const Problem *problem, const char *headers) {
    Buf body;
    buf_init(&body, DESK_PROBLEM_MAX);
    bool is_whole = problem_write(&body, problem) == BUF_OK;
    HttpResponse response = {.status = problem->status,
                             .content_type = PROBLEM_CONTENT_TYPE,
                             .headers = headers ? headers : desk_no_store,
                             .body = is_whole ? (const void *)body.bytes : "",
                             .n_body = is_whole ? body.n_bytes : 0};
    desk_respond(routes, exchange, &response);
    buf_finish(&body);
}

static bool desk_is_number(const char *text, size_t n) {
    return n > 0 && strspn(text, "0123456789") >= n;
}

/* A name that no attacker's DNS answers for. Whoever sends no Host is no browser. */
static bool desk_is_local_name(const char *host) {
    static const char *const names[] = {"localhost", "[::1]"};
    const char *colon = strrchr(host, ':');
    size_t n_host = colon && desk_is_number(colon + 1, strlen(colon + 1)) ? (size_t)(colon - host) : strlen(host);
    if (host[0] == '\0')
        return true;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i]) == n_host && strncasecmp(host, names[i], n_host) == 0)
            return true;
    return n_host > 4 && strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") >= n_host;
}

/* What a page of some other origin has a visitor's browser ask: by its own name, or by one that it has made to mean this address
   (DNS rebinding). NULL: nothing is wrong. */
static const Problem *desk_check_browser(const DeskRoutes *routes, const HttpRequest *request) {
    static const Problem cross_origin = {
        .status = 403, .code = "cross_origin", .detail = "The request comes from a page of another origin."};
    static const Problem foreign_host = {
        .status = 403,
        .code = "foreign_host",
        .detail = "Without admin.token only requests to localhost or a loopback address are served: see the Host header."};
    static const Problem not_json = {
        .status = 415, .code = "unsupported_media_type", .detail = "A request with POST has Content-Type: application/json."};
    if (request->origin[0] && !origin_is_allowed("", request->origin, request->host))
        return &cross_origin;
    if (routes->is_open && !desk_is_local_name(request->host))
        return &foreign_host;
    size_t n_type = strcspn(request->content_type, "; \t");
    if (request->method == HTTP_POST && (n_type != 16 || strncasecmp(request->content_type, "application/json", n_type) != 0))
        return &not_json;
    return NULL;
}

static const WebPage *desk_find_page(const char *path) {
    const char *name = strcmp(path, "/") == 0 ? DESK_PAGE : path;
    bool is_served = name != path || strcmp(path, "/favicon.svg") == 0;
    for (size_t i = 0; is_served && i < web_n_pages; i++)
        if (strcmp(web_pages[i].path, name) == 0)
            return &web_pages[i];
    return NULL;
}

static void desk_answer_metrics(const DeskRoutes *routes, uint64_t exchange) {
    static const Problem no_memory = {.status = 503, .code = "out_of_memory", .detail = "There is no memory for the metrics."};
    Buf text;
    buf_init(&text, DESK_METRICS_MAX);
    if (routes->node->metrics(routes->context, &text) < 0) {
        desk_refuse(routes, exchange, &no_memory, NULL);
    } else {
        HttpResponse response = {.status = 200,
                                 .content_type = "text/plain; version=0.0.4; charset=utf-8",
                                 .headers = desk_no_store,
                                 .body = text.bytes,
                                 .n_body = text.n_bytes};
        desk_respond(routes, exchange, &response);
    }
    buf_finish(&text);
}

static void desk_metrics(const DeskRoutes *routes, uint64_t exchange, const HttpRequest *request) {
    static const Problem unknown = {
        .status = 401, .code = "unauthorized", .detail = "Authorization: Bearer with a key of the scope metrics is needed."};
    static const Problem lacking = {.status = 403, .code = "forbidden", .detail = "The key has not the scope metrics."};
    unsigned scopes = routes->node->scopes(routes->context, request->authorization);
    if (scopes == 0)
        desk_refuse(routes, exchange, &unknown, "WWW-Authenticate: Bearer realm=\"barker\"\r\nCache-Control: no-store\r\n");
    else if (!(scopes & API_METRICS))
        desk_refuse(routes, exchange, &lacking, NULL);
    else
        desk_answer_metrics(routes, exchange);
}

/* What is read, never changed: by GET and HEAD. */
static void desk_read(const DeskRoutes *routes, uint64_t exchange, const HttpRequest *request) {
    static const Problem nothing = {.status = 404,
                                    .code = "not_found",
                                    .detail = "Nothing is served at this path: try /healthz, /readyz, /metrics or /api/v1."};
    const WebPage *page = desk_find_page(request->path);
    if (strcmp(request->path, "/metrics") == 0) {
        desk_metrics(routes, exchange, request);
    } else if (page) {
        HttpResponse response = {.status = 200,
                                 .content_type = page->content_type,
                                 .headers = desk_page_headers,
                                 .body = page->bytes,
                                 .n_body = page->n_bytes};
        desk_respond(routes, exchange, &response);
    } else {
        desk_refuse(routes, exchange, &nothing, NULL);
    }
}

static bool desk_is_api(const char *path) {
    static const char root[] = "/api/v1";
    size_t n = sizeof(root) - 1;
    return strncmp(path, root, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

bool desk_routes_want_body(const DeskRoutes *routes, const HttpRequest *head) {
    return !desk_check_browser(routes, head) && desk_is_api(head->path) && api_wants_body(routes->api, head);
}

void desk_routes_handle(const DeskRoutes *routes, uint64_t exchange, const HttpRequest *request, uint64_t now_ms) {
    static const Problem not_allowed = {
        .status = 405, .code = "method_not_allowed", .detail = "Only GET and HEAD are served at this path."};
    NodeHealth health = routes->node->health(routes->context);
    HttpResponse response;
    if (health_handle(&health, request, &response)) {
        desk_respond(routes, exchange, &response);
        return;
    }
    const Problem *problem = desk_check_browser(routes, request);
    if (problem)
        desk_refuse(routes, exchange, problem, NULL);
    else if (desk_is_api(request->path))
        api_request(routes->api, exchange, request, now_ms);
    else if (request->method != HTTP_GET && request->method != HTTP_HEAD)
        desk_refuse(routes, exchange, &not_allowed, "Allow: GET, HEAD\r\nCache-Control: no-store\r\n");
    else
        desk_read(routes, exchange, request);
}
