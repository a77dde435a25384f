#include <libwebsockets.h>
#include <stdio.h>
#include <string.h>

#include "base/http_status.h"
#include "net/ws_connection.h"

enum { HTTP_HEAD_MAX = 2048 };

/* Writes a whole response and marks the connection served. 0, or -1 when it could not be written. */
static int ws_http_respond(WsConnection *connection, const HttpResponse *response, bool is_head) {
    char head[HTTP_HEAD_MAX];
    int n = snprintf(head, sizeof(head),
                     "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n"
                     "X-Content-Type-Options: nosniff\r\n%s\r\n",
                     response->status, http_status_text(response->status), response->content_type, response->n_body,
                     response->headers ? response->headers : "");
    if (n < 0 || (size_t)n >= sizeof(head))
        return -1;
    Buf whole;
    buf_init(&whole, (size_t)n + response->n_body);
    int r = buf_append(&whole, head, (size_t)n);
    if (r == BUF_OK && !is_head)
        r = buf_append(&whole, response->body, response->n_body);
    if (r == BUF_OK)
        r = lws_write(connection->wsi, whole.bytes, whole.n_bytes, LWS_WRITE_RAW) < 0 ? -1 : 0;
    buf_finish(&whole);
    connection->served = response->status < 400 ? CAUSE_HTTP_SERVED : CAUSE_HANDSHAKE_REFUSED;
    return r == BUF_OK ? 0 : -1;
}

int ws_http_refuse(WsConnection *connection, unsigned status, const char *headers, const char *text) {
    HttpResponse response = {.status = status,
                             .content_type = "text/plain; charset=utf-8",
                             .headers = headers,
                             .body = text,
                             .n_body = strlen(text)};
    ws_http_respond(connection, &response, false);
    return -1;
}

int ws_http_request(WsConnection *connection, const char *path) {
    WsServer *server = connection->server;
    counter_add(&server->options.counters->requests, 1);
    char *uri;
    int n_uri = 0;
    int method = lws_http_get_uri_and_method(connection->wsi, &uri, &n_uri);
    HttpRequest request = {
        .method = method == LWSHUMETH_GET    ? HTTP_GET
                  : method == LWSHUMETH_HEAD ? HTTP_HEAD
                  : method == LWSHUMETH_POST ? HTTP_POST
                                             : HTTP_OTHER,
        .path = path,
        .n_path = strlen(path),
    };
    HttpResponse response = {.status = 404, .content_type = "text/plain; charset=utf-8", .body = "", .n_body = 0};
    server->options.http(server->options.http_context, &request, &response);
    if (ws_http_respond(connection, &response, request.method == HTTP_HEAD) < 0)
        return -1;
    lws_callback_on_writable(connection->wsi); /* it ends when all has left */
    return 0;
}
