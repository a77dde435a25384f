/* HTTP: what the layers above answer to a request that is no WebSocket. Owner: the connection's worker. */
#pragma once

#include <stddef.h>

typedef enum HttpMethod { HTTP_GET, HTTP_HEAD, HTTP_OTHER } HttpMethod;

typedef struct HttpRequest {
    HttpMethod method;
    const char *path; /* decoded, NUL-terminated */
    size_t n_path;
} HttpRequest;

/* Filled by the handler; what it points to outlives the call (pages and constant texts do). */
typedef struct HttpResponse {
    unsigned status;
    const char *content_type;
    const char *headers; /* more of them, each with its CRLF; NULL: none */
    const void *body;
    size_t n_body;
} HttpResponse;

typedef void HttpHandler(void *context, const HttpRequest *request, HttpResponse *response);
