/* HTTP: a request that is no WebSocket, and what is answered. Owner: the thread of the connection. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum HttpMethod { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OTHER } HttpMethod;

/* Texts are NUL-terminated, "" where the request has none; all of it is gone after the call, or once the request is answered. */
typedef struct HttpRequest {
    HttpMethod method;
    const char *path; /* decoded */
    size_t n_path;
    /* The rest is told by HttpServer alone (net/http_server.h); NULL where a WebSocket listener serves the request. */
    const char *parameters; /* of the query, decoded, each with a NUL behind it, n_parameters bytes in all */
    size_t n_parameters;
    const char *authorization;
    const char *content_type;
    const char *idempotency_key;
    const char *host;
    const char *origin;
    const void *body;
    size_t n_body;
} HttpRequest;

/* Filled by the handler; what it points to outlives the call (pages and constant texts do). HttpServer copies all of it. */
typedef struct HttpResponse {
    unsigned status;
    const char *content_type;
    const char *headers; /* more of them, each with its CRLF; NULL: none */
    const void *body;
    size_t n_body;
} HttpResponse;

typedef void HttpHandler(void *context, const HttpRequest *request, HttpResponse *response);
