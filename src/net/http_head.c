#include "net/http_head.h"

#include <string.h>
#include <strings.h>

enum { BAD_REQUEST = 400, EXPECTATION_FAILED = 417, VERSION_NOT_SUPPORTED = 505, LENGTH_DIGITS = 15 };

/* While a head is read. */
typedef struct Reader {
    HttpHead *head;
    char *text;
    bool is_old;         /* HTTP/1.0 */
    bool is_closed;      /* Connection: close */
    bool wants_to_go_on; /* Connection: keep-alive */
} Reader;

size_t http_head_find(const char *text, size_t n_text) {
    const char *end = n_text >= 4 ? memmem(text, n_text, "\r\n\r\n", 4) : NULL;
    return end ? (size_t)(end - text) + 4 : 0;
}

static bool is_token_character(char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static size_t token_length(const char *text) {
    size_t n = 0;
    while (is_token_character(text[n]))
        n++;
    return n;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes n bytes where they stand. The new length, or -1: a bad escape, a NUL, or what no target may contain. */
static ptrdiff_t decode(char *text, size_t n, bool is_query) {
    size_t n_out = 0;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c <= ' ' || c > '~') /* char is signed: what is not ASCII is below */
            return -1;
        if (c == '+' && is_query)
            c = ' ';
        if (c == '%') {
            int high = i + 2 < n ? hex_value(text[i + 1]) : -1;
            int low = i + 2 < n ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return -1;
            c = (char)(high << 4 | low);
            i += 2;
        }
        text[n_out++] = c;
    }
    return (ptrdiff_t)n_out;
}

/* Each parameter decoded apart, so that an escaped & is none; they close up as they shrink. */
static int read_query(Reader *reader, char *query, size_t n_query) {
    HttpHead *head = reader->head;
    size_t n_out = 0;
    head->parameters = (HttpText)(query - reader->text);
    for (size_t i = 0; i < n_query;) {
        const char *next = memchr(query + i, '&', n_query - i);
        size_t n = next ? (size_t)(next - query) - i : n_query - i;
        ptrdiff_t n_decoded = decode(query + i, n, true);
        if (n_decoded < 0)
            return BAD_REQUEST;
        memmove(query + n_out, query + i, (size_t)n_decoded);
        n_out += (size_t)n_decoded;
        if (n_decoded > 0)
            query[n_out++] = '\0'; /* where the & or the space behind the query was, or before it */
        i += n + 1;
    }
    if (n_out == 0)
        query[0] = '\0';
    head->n_parameters = (uint32_t)n_out;
    return HTTP_HEAD_OK;
}

/* The origin form alone (RFC 9112 3.2.1): this is no proxy. */
static int read_target(Reader *reader, char *target, size_t n_target) {
    if (n_target == 0 || target[0] != '/' || memchr(target, '#', n_target))
        return BAD_REQUEST;
    const char *mark = memchr(target, '?', n_target);
    size_t n_path = mark ? (size_t)(mark - target) : n_target;
    ptrdiff_t n_decoded = decode(target, n_path, false);
    if (n_decoded < 0)
        return BAD_REQUEST;
    int r = mark ? read_query(reader, target + n_path + 1, n_target - n_path - 1) : HTTP_HEAD_OK;
    reader->head->path = (HttpText)(target - reader->text);
    reader->head->n_path = (uint32_t)n_decoded;
    target[n_decoded] = '\0';
    return r;
}

static HttpMethod find_method(const char *name, size_t n_name) {
    static const char *const names[] = {[HTTP_GET] = "GET", [HTTP_HEAD] = "HEAD", [HTTP_POST] = "POST"};
    for (HttpMethod method = HTTP_GET; method < HTTP_OTHER; method++)
        if (strlen(names[method]) == n_name && memcmp(names[method], name, n_name) == 0)
            return method;
    return HTTP_OTHER;
}

/* line ends with a NUL. */
static int read_request_line(Reader *reader, char *line) {
    size_t n_method = token_length(line);
    char *target = line + n_method + 1;
    if (n_method == 0 || line[n_method] != ' ')
        return BAD_REQUEST;
    size_t n_target = strcspn(target, " ");
    if (target[n_target] != ' ')
        return BAD_REQUEST;
    const char *version = target + n_target + 1;
    if (strncmp(version, "HTTP/", 5) != 0 || strlen(version) != 8 || version[6] != '.')
        return BAD_REQUEST;
    if (version[5] != '1' || (version[7] != '0' && version[7] != '1'))
        return VERSION_NOT_SUPPORTED;
    reader->is_old = version[7] == '0';
    reader->head->method = find_method(line, n_method);
    return read_target(reader, target, n_target);
}

static int read_length(HttpHead *head, const char *value) {
    size_t n = strspn(value, "0123456789");
    if (head->has_length || n == 0 || n > LENGTH_DIGITS || value[n] != '\0')
        return BAD_REQUEST;
    for (size_t i = 0; i < n; i++)
        head->n_body = head->n_body * 10 + (unsigned)(value[i] - '0');
    head->has_length = true;
    return HTTP_HEAD_OK;
}

static void read_connection(Reader *reader, const char *value) {
    for (;;) {
        value += strspn(value, ", \t");
        size_t n = strcspn(value, ", \t");
        if (n == 0)
            return;
        reader->is_closed |= n == 5 && strncasecmp(value, "close", n) == 0;
        reader->wants_to_go_on |= n == 10 && strncasecmp(value, "keep-alive", n) == 0;
        value += n;
    }
}

/* One of those that may stand in a request once. */
static int read_text(Reader *reader, HttpText *text, const char *value) {
    if (*text)
        return BAD_REQUEST;
    *text = (HttpText)(value - reader->text);
    return HTTP_HEAD_OK;
}

static int read_field(Reader *reader, const char *name, const char *value) {
    HttpHead *head = reader->head;
    if (strcasecmp(name, "content-length") == 0)
        return read_length(head, value);
    if (strcasecmp(name, "host") == 0)
        return read_text(reader, &head->host, value);
    if (strcasecmp(name, "origin") == 0)
        return read_text(reader, &head->origin, value);
    if (strcasecmp(name, "authorization") == 0)
        return read_text(reader, &head->authorization, value);
    if (strcasecmp(name, "content-type") == 0)
        return read_text(reader, &head->content_type, value);
    if (strcasecmp(name, "idempotency-key") == 0)
        return read_text(reader, &head->idempotency_key, value);
    if (strcasecmp(name, "transfer-encoding") == 0)
        head->is_coded = true;
    if (strcasecmp(name, "connection") == 0)
        read_connection(reader, value);
    if (strcasecmp(name, "expect") == 0) {
        if (strcasecmp(value, "100-continue") != 0)
            return EXPECTATION_FAILED;
        head->expects_continue = true;
    }
    return HTTP_HEAD_OK;
}

/* line ends with a NUL, behind n bytes. */
static int read_line(Reader *reader, char *line, size_t n) {
    size_t n_name = token_length(line);
    if (n_name == 0 || line[n_name] != ':') /* also a line that is folded (RFC 9112 5.2) */
        return BAD_REQUEST;
    char *value = line + n_name + 1, *end = line + n;
    line[n_name] = '\0';
    value += strspn(value, " \t");
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = '\0';
    for (const char *at = value; at < end; at++)
        if (((unsigned char)*at < ' ' && *at != '\t') || *at == 0x7f)
            return BAD_REQUEST;
    return read_field(reader, line, value);
}

/* A request with both lengths is how one is smuggled behind another (RFC 9112 6.1). */
static int check_together(const Reader *reader) {
    HttpHead *head = reader->head;
    if ((!head->host && !reader->is_old) || (head->is_coded && (head->has_length || reader->is_old)))
        return BAD_REQUEST;
    head->is_kept = !reader->is_closed && (!reader->is_old || reader->wants_to_go_on);
    head->expects_continue &= !reader->is_old;
    return HTTP_HEAD_OK;
}

int http_head_parse(HttpHead *head, char *text, size_t n_text) {
    Reader reader = {.head = head, .text = text};
    *head = (HttpHead){.n_body = 0};
    size_t at = 0;
    for (bool is_first = true; at + 2 < n_text; is_first = false) {
        char *line = text + at;
        char *end = memmem(line, n_text - at, "\r\n", 2);
        if (!end || memchr(line, '\0', (size_t)(end - line)))
            return BAD_REQUEST;
        size_t n = (size_t)(end - line);
        *end = '\0';
        int r = is_first ? read_request_line(&reader, line) : read_line(&reader, line, n);
        if (r != HTTP_HEAD_OK)
            return r;
        at += n + 2;
    }
    return check_together(&reader);
}

HttpRequest http_head_request(const HttpHead *head, const char *text, size_t n_text) {
    const char *const none = "";
    return (HttpRequest){
        .method = head->method,
        .path = text + head->path,
        .n_path = head->n_path,
        .parameters = head->parameters ? text + head->parameters : none,
        .n_parameters = head->n_parameters,
        .authorization = head->authorization ? text + head->authorization : none,
        .content_type = head->content_type ? text + head->content_type : none,
        .idempotency_key = head->idempotency_key ? text + head->idempotency_key : none,
        .host = head->host ? text + head->host : none,
        .origin = head->origin ? text + head->origin : none,
        .body = text + n_text,
        .n_body = head->n_body,
    };
}
