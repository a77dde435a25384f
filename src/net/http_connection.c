#include "net/http_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/http_status.h"
#include "net/socket.h"

enum {
    READ_BYTES = 64 * 1024, /* at once */
    KEPT_BYTES = 64 * 1024, /* of a buffer between two requests; a larger one is given back */
    REQUESTS_AT_ONCE = 16,  /* of one connection, so that a long pipeline does not starve the others */
    PROBLEM_BYTES = 512,
    DATE_BYTES = 32,
    LINGER_MS = 2000, /* for the client to read the last answer and close */
    USER_TIMEOUT_MS = 30 * 1000,
};

static void http_connection_on_ready(uv_poll_t *poll, int status, int events);

static void http_connection_watch(HttpConnection *connection, int events) {
    if (events == 0)
        uv_poll_stop(&connection->poll);
    else
        uv_poll_start(&connection->poll, events, http_connection_on_ready);
}

/* The one place that changes the state: what is waited for, and until when. A request under way has its handler's deadline. */
static void http_connection_enter(HttpConnection *connection, HttpConnectionState state) {
    static const int events[] = {[HTTP_CONNECTION_READING] = UV_READABLE,
                                 [HTTP_CONNECTION_ANSWERING] = 0,
                                 [HTTP_CONNECTION_WRITING] = UV_WRITABLE,
                                 [HTTP_CONNECTION_LINGERING] = UV_READABLE};
    const HttpServerOptions *options = &connection->server->options;
    const uint32_t allowed_ms[] = {[HTTP_CONNECTION_READING] = connection->in.n_bytes > 0 || connection->exchange == 0
                                                                   ? options->timeout_ms
                                                                   : options->idle_ms,
                                   [HTTP_CONNECTION_ANSWERING] = 0,
                                   [HTTP_CONNECTION_WRITING] = options->timeout_ms,
                                   [HTTP_CONNECTION_LINGERING] = LINGER_MS};
    connection->state = state;
    connection->deadline_ms = allowed_ms[state] > 0 ? clock_now_ms() + allowed_ms[state] : 0;
    http_connection_watch(connection, events[state]);
}

int http_connection_new(HttpServer *server, int fd, unsigned slot) {
    HttpConnection *connection = calloc(1, sizeof(*connection));
    int r = connection ? uv_poll_init(server->loop, &connection->poll, fd) : -ENOMEM;
    if (r < 0) {
        free(connection);
        close(fd);
        return error_origin(r);
    }
    connection->poll.data = connection;
    connection->server = server;
    connection->fd = fd;
    connection->slot = slot;
    buf_init(&connection->in, HTTP_HEAD_MAX + server->options.body_limit_bytes + READ_BYTES);
    buf_init(&connection->out, SIZE_MAX / 2);
    socket_prepare(fd, &(SocketOptions){.user_timeout_ms = USER_TIMEOUT_MS});
    server->slots[slot] = connection;
    server->n_connections++;
    counter_add(&server->options.counters->connections, 1);
    http_connection_enter(connection, HTTP_CONNECTION_READING);
    return 0;
}

static void http_connection_on_closed(uv_handle_t *handle) {
    HttpConnection *connection = handle->data;
    buf_finish(&connection->in);
    buf_finish(&connection->out);
    free(connection);
}

void http_connection_close(HttpConnection *connection) {
    HttpServer *server = connection->server;
    if (connection->state == HTTP_CONNECTION_CLOSED)
        return;
    connection->state = HTTP_CONNECTION_CLOSED;
    server->slots[connection->slot] = NULL;
    server->n_connections--;
    counter_subtract(&server->options.counters->connections, 1);
    uv_close((uv_handle_t *)&connection->poll, http_connection_on_closed);
    close(connection->fd);
}

/* Forgets the request that was answered; what came behind it stays. */
static void http_connection_next(HttpConnection *connection) {
    Buf *in = &connection->in;
    size_t n_request = connection->n_head + (size_t)connection->head.n_body;
    in->n_bytes -= n_request;
    memmove(in->bytes, in->bytes + n_request, in->n_bytes);
    connection->n_head = 0;
    connection->is_weighed = false;
    buf_finish(&connection->out);
    if (in->n_bytes == 0 && in->n_allocated > KEPT_BYTES)
        buf_finish(in);
    http_connection_enter(connection, HTTP_CONNECTION_READING);
}

/* The whole answer has left. */
static void http_connection_answered(HttpConnection *connection) {
    if (!connection->is_last) {
        http_connection_next(connection);
    } else if (shutdown(connection->fd, SHUT_WR) < 0) {
        http_connection_close(connection);
    } else {
        http_connection_enter(connection, HTTP_CONNECTION_LINGERING);
    }
}

static void http_connection_send(HttpConnection *connection) {
    Buf *out = &connection->out;
    while (connection->n_sent < out->n_bytes) {
        ssize_t n = send(connection->fd, out->bytes + connection->n_sent, out->n_bytes - connection->n_sent, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return; /* the loop tells when it can go on */
        if (n < 0) {
            http_connection_close(connection);
            return;
        }
        connection->n_sent += (size_t)n;
    }
    http_connection_answered(connection);
}

/* RFC 9110 5.6.7. */
static void http_connection_date(char *text, size_t n_text) {
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm parts;
    if (strftime(text, n_text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &parts)) == 0) /* the locale is C */
        text[0] = '\0';
}

static int http_connection_compose(HttpConnection *connection, const HttpResponse *response, bool has_body) {
    Buf *out = &connection->out;
    char date[DATE_BYTES];
    http_connection_date(date, sizeof(date));
    buf_clear(out);
    connection->n_sent = 0;
    int r =
        buf_append_format(out,
                          "HTTP/1.1 %u %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: %s\r\n"
                          "X-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: same-origin\r\n%s\r\n",
                          response->status, http_status_text(response->status), date, response->content_type, response->n_body,
                          connection->is_last ? "close" : "keep-alive", response->headers ? response->headers : "");
    return r == BUF_OK && has_body ? buf_append(out, response->body, response->n_body) : r;
}

static void http_connection_write(HttpConnection *connection, const HttpResponse *response, bool has_body) {
    if (http_connection_compose(connection, response, has_body) != BUF_OK) {
        http_connection_close(connection);
        return;
    }
    http_connection_enter(connection, HTTP_CONNECTION_WRITING);
    http_connection_send(connection);
}

/* Problem details (RFC 9457), of what is wrong with the request as such. */
static void http_connection_explain(Buf *text, unsigned status) {
    static const struct {
        unsigned status;
        const char *code, *detail;
    } details[] = {
        {400, "bad_request", "The request is not one of HTTP/1.1, or can be read in two ways."},
        {411, "length_required", "A body needs Content-Length; a transfer coding is not read here."},
        {413, "content_too_large", "The body is larger than api.body_limit allows."},
        {417, "expectation_failed", "Only 100-continue may be expected."},
        {431, "headers_too_large", "The head of a request has at most 16 KiB."},
        {505, "version_not_supported", "HTTP/1.1 and HTTP/1.0 are spoken here."},
    };
    size_t i = 0;
    while (i + 1 < sizeof(details) / sizeof(details[0]) && details[i].status != status)
        i++;
    (void)buf_append_format(text, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"code\":\"%s\",\"detail\":\"%s\"}",
                            http_status_text(status), status, details[i].code, details[i].detail);
}

/* Where the next request would begin is not known, or not worth finding out. */
static void http_connection_refuse(HttpConnection *connection, unsigned status) {
    Buf text;
    buf_init(&text, PROBLEM_BYTES);
    http_connection_explain(&text, status);
    HttpResponse response = {
        .status = status, .content_type = "application/problem+json", .body = text.bytes, .n_body = text.n_bytes};
    connection->is_last = true;
    http_connection_write(connection, &response, connection->n_head == 0 || connection->head.method != HTTP_HEAD);
    buf_finish(&text);
}

static void http_connection_continue(HttpConnection *connection) {
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    connection->head.expects_continue = false;
    if (send(connection->fd, go_on, sizeof(go_on) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(go_on) - 1)
        http_connection_close(connection); /* the socket's buffer is empty: it took them all, or the client has gone */
}

/* Lines before a request: RFC 9112 2.2. */
static void http_connection_skip_empty_lines(Buf *in) {
    size_t n = 0;
    while (n + 2 <= in->n_bytes && memcmp(in->bytes + n, "\r\n", 2) == 0)
        n += 2;
    if (n == 0)
        return;
    in->n_bytes -= n;
    memmove(in->bytes, in->bytes + n, in->n_bytes);
}

/* 0, or the status that refuses the request. */
static int http_connection_read_head(HttpConnection *connection) {
    Buf *in = &connection->in;
    http_connection_skip_empty_lines(in);
    size_t n_look = in->n_bytes < HTTP_HEAD_MAX ? in->n_bytes : HTTP_HEAD_MAX;
    connection->n_head = http_head_find((const char *)in->bytes, n_look);
    if (connection->n_head == 0)
        return in->n_bytes >= HTTP_HEAD_MAX ? 431 : 0;
    int r = http_head_parse(&connection->head, (char *)in->bytes, connection->n_head);
    if (r != HTTP_HEAD_OK)
        return r;
    if (connection->head.is_coded)
        return 411;
    return connection->head.n_body > connection->server->options.body_limit_bytes ? 413 : 0;
}

/* Where its body is not waited for, the request has none, and is the last: what comes behind it is no request. */
static void http_connection_hand_on(HttpConnection *connection, bool has_body) {
    HttpServer *server = connection->server;
    HttpRequest request = http_head_request(&connection->head, (const char *)connection->in.bytes, connection->n_head);
    if (!has_body)
        request.n_body = 0;
    connection->is_last = !connection->head.is_kept || !has_body;
    connection->exchange = ++server->n_exchanges * server->options.n_connections_limit + connection->slot;
    counter_add(&server->options.counters->requests, 1);
    http_connection_enter(connection, HTTP_CONNECTION_ANSWERING);
    server->options.request(server->options.context, connection->exchange, &request);
}

/* Asked once a request, and only while its body is under way: one that has come already costs nothing more. */
static bool http_connection_is_worth_reading(HttpConnection *connection) {
    const HttpServerOptions *options = &connection->server->options;
    if (connection->is_weighed || !options->wants_body)
        return true;
    connection->is_weighed = true;
    HttpRequest request = http_head_request(&connection->head, (const char *)connection->in.bytes, connection->n_head);
    request.n_body = 0;
    return options->wants_body(options->context, &request);
}

/* Whether a request was handed on, or refused. */
static bool http_connection_advance_once(HttpConnection *connection) {
    int status = connection->n_head == 0 ? http_connection_read_head(connection) : 0;
    if (status != 0) {
        http_connection_refuse(connection, (unsigned)status);
        return true;
    }
    if (connection->n_head == 0)
        return false;
    if (connection->in.n_bytes - connection->n_head >= connection->head.n_body) {
        http_connection_hand_on(connection, true);
        return true;
    }
    if (!http_connection_is_worth_reading(connection)) {
        http_connection_hand_on(connection, false);
        return true;
    }
    if (connection->head.expects_continue)
        http_connection_continue(connection);
    return false;
}

/* Answers may come at once, and so call this again from within. */
static void http_connection_advance(HttpConnection *connection) {
    if (connection->is_advancing)
        return;
    connection->is_advancing = true;
    unsigned n_left = REQUESTS_AT_ONCE;
    while (n_left > 0 && connection->state == HTTP_CONNECTION_READING && http_connection_advance_once(connection))
        n_left--;
    connection->is_advancing = false;
    if (n_left == 0 && connection->state == HTTP_CONNECTION_READING)
        http_connection_watch(connection, UV_WRITABLE); /* the loop comes back at once; more is read when this is done */
}

static void http_connection_on_writable(HttpConnection *connection) {
    if (connection->state == HTTP_CONNECTION_READING)
        http_connection_watch(connection, UV_READABLE);
    else
        http_connection_send(connection);
    http_connection_advance(connection);
}

static void http_connection_on_readable(HttpConnection *connection) {
    uint8_t bytes[READ_BYTES];
    bool was_idle = connection->in.n_bytes == 0;
    ssize_t n = recv(connection->fd, bytes, sizeof(bytes), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        http_connection_close(connection);
        return;
    }
    if (connection->state == HTTP_CONNECTION_LINGERING)
        return;
    if (buf_append(&connection->in, bytes, (size_t)n) != BUF_OK) {
        http_connection_close(connection);
        return;
    }
    if (was_idle && connection->exchange != 0)
        http_connection_enter(connection, HTTP_CONNECTION_READING); /* a request has begun: now its own deadline runs */
    http_connection_advance(connection);
}

static void http_connection_on_ready(uv_poll_t *poll, int status, int events) {
    HttpConnection *connection = poll->data;
    if (status < 0) {
        http_connection_close(connection);
        return;
    }
    if (events & UV_WRITABLE)
        http_connection_on_writable(connection);
    if ((events & UV_READABLE) &&
        (connection->state == HTTP_CONNECTION_READING || connection->state == HTTP_CONNECTION_LINGERING))
        http_connection_on_readable(connection);
}

void http_connection_respond(HttpConnection *connection, const HttpResponse *response) {
    http_connection_write(connection, response, connection->head.method != HTTP_HEAD);
    http_connection_advance(connection);
}
