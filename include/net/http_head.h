/* HTTP head: the request line and the header fields of one request (RFC 9112), read strictly: what two readers could take for two
   things is refused. Plain values, any thread; allocates nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/http.h"

enum { HTTP_HEAD_MAX = 16 * 1024, HTTP_HEAD_MORE = -1, HTTP_HEAD_OK = 0 };

/* Where a text stands in the head; 0: the request has none. There each ends with a NUL. */
typedef uint32_t HttpText;

typedef struct HttpHead {
    HttpMethod method;
    bool is_kept; /* the connection outlives the request (RFC 9112 9.3) */
    bool expects_continue;
    bool has_length;
    bool is_coded; /* has a Transfer-Encoding, which is not read here */
    uint64_t n_body;
    uint32_t n_path;
    uint32_t n_parameters;
    HttpText path;
    HttpText parameters;
    HttpText authorization;
    HttpText content_type;
    HttpText idempotency_key;
    HttpText host;
    HttpText origin;
} HttpHead;

/* The length of the head in the first n_text bytes, its empty line included; 0: it has not come whole. */
size_t http_head_find(const char *text, size_t n_text);
/* Reads the whole head and decodes it where it stands. HTTP_HEAD_OK, or the status that refuses it: 400, 417, 505. */
int http_head_parse(HttpHead *head, char *text, size_t n_text);
/* The request as handlers see it, of the text that was parsed; its body stands behind it. */
HttpRequest http_head_request(const HttpHead *head, const char *text, size_t n_text);
