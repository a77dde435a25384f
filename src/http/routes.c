#include "http/routes.h"

#include <string.h>

#include "http/health.h"
#include "http/web_pages.h"

/* The pages bring all they need with them and talk only to where they came from. */
static const char demo_headers[] =
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cache-Control: no-cache\r\n";

static void routes_say(HttpResponse *response, unsigned status, const char *text) {
    response->status = status;
    response->body = text;
    response->n_body = strlen(text);
}

static const WebPage *routes_find_page(const Routes *routes, const char *path) {
    bool is_demo = strcmp(path, "/") == 0 || strcmp(path, "/favicon.svg") == 0; /* the admin page is the desk's */
    for (size_t i = 0; routes->has_demo && is_demo && i < web_n_pages; i++)
        if (strcmp(web_pages[i].path, path) == 0)
            return &web_pages[i];
    return NULL;
}

static bool routes_is_for_websockets(const char *path) {
    return strcmp(path, "/ws") == 0 || strcmp(path, "/raw") == 0 || strncmp(path, "/raw/", 5) == 0;
}

static bool routes_handle_health(const Routes *routes, const HttpRequest *request, HttpResponse *response) {
    if (!routes->health || !health_is_path(request->path))
        return false;
    NodeHealth health = routes->health(routes->health_context);
    return health_handle(&health, request, response);
}

void routes_handle(void *context, const HttpRequest *request, HttpResponse *response) {
    if (routes_handle_health(context, request, response))
        return;
    const WebPage *page = routes_find_page(context, request->path);
    if (request->method == HTTP_OTHER) {
        response->headers = "Allow: GET, HEAD\r\n";
        routes_say(response, 405, "Only GET and HEAD are served here.\n");
    } else if (page) {
        *response = (HttpResponse){.status = 200,
                                   .content_type = page->content_type,
                                   .headers = demo_headers,
                                   .body = page->bytes,
                                   .n_body = page->n_bytes};
    } else if (routes_is_for_websockets(request->path)) {
        response->headers = "Upgrade: websocket\r\n";
        routes_say(response, 426, "This path is for WebSockets: connect to it by ws:// or wss://.\n");
    } else if (strcmp(request->path, "/") == 0) {
        routes_say(response, 404, "A Barker gateway: WebSockets at /ws and /raw/<channel>. The demo page needs --dev.\n");
    } else {
        routes_say(response, 404, "Nothing is served at this path. WebSockets are at /ws and /raw/<channel>.\n");
    }
}
