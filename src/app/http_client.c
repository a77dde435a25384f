#include "app/http_client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"

enum { REQUEST_MAX = 2048, HEAD_MAX = 16 * 1024, CHUNK = 16 * 1024 };

typedef struct Exchange {
    int fd;
    uint64_t deadline_ms;
    Buf *answer;   /* head and body */
    size_t n_head; /* 0: it has not come whole */
    size_t n_body; /* as the head says */
    bool has_length;
    unsigned status;
} Exchange;

static int wait_for(const Exchange *exchange, short events) {
    for (;;) {
        struct pollfd waited = {.fd = exchange->fd, .events = events};
        uint64_t now_ms = clock_now_ms();
        uint64_t left_ms = now_ms < exchange->deadline_ms ? exchange->deadline_ms - now_ms : 0;
        int r = poll(&waited, 1, left_ms > INT_MAX ? INT_MAX : (int)left_ms);
        if (r > 0)
            return 0;
        if (r == 0)
            return error_origin(-ETIMEDOUT);
        if (errno != EINTR)
            return error_origin(-errno);
    }
}

static int connect_to(Exchange *exchange, const ListenAddress *address) {
    exchange->fd = socket(address->socket.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (exchange->fd < 0)
        return error_origin(-errno);
    if (connect(exchange->fd, &address->socket.any, address->n_bytes) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return error_origin(-errno);
    int r = wait_for(exchange, POLLOUT);
    int error = 0;
    socklen_t n_error = sizeof(error);
    if (r < 0)
        return error_trace(r);
    if (getsockopt(exchange->fd, SOL_SOCKET, SO_ERROR, &error, &n_error) < 0)
        return error_origin(-errno);
    return error ? error_origin(-error) : 0;
}

static int send_all(const Exchange *exchange, const char *bytes, size_t n_bytes) {
    while (n_bytes > 0) {
        int r = wait_for(exchange, POLLOUT);
        if (r < 0)
            return error_trace(r);
        ssize_t n = send(exchange->fd, bytes, n_bytes, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return error_origin(-errno);
        if (n > 0) {
            bytes += n;
            n_bytes -= (size_t)n;
        }
    }
    return 0;
}

static int send_request(const Exchange *exchange, const char *path, const char *token) {
    char request[REQUEST_MAX];
    int n = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s%s%s\r\n", path,
                     token[0] ? "Authorization: Bearer " : "", token, token[0] ? "\r\n" : "");
    if (n < 0 || (size_t)n >= sizeof(request))
        return error_origin(-EMSGSIZE);
    return send_all(exchange, request, (size_t)n);
}

/* One line of the head, NUL-terminated. */
static int take_field(Exchange *exchange, const char *line) {
    static const char length[] = "content-length:";
    static const char coding[] = "transfer-encoding:";
    if (strncasecmp(line, coding, sizeof(coding) - 1) == 0)
        return error_origin(-EPROTO);
    if (strncasecmp(line, length, sizeof(length) - 1) != 0)
        return 0;
    char *rest;
    unsigned long long n = strtoull(line + sizeof(length) - 1, &rest, 10);
    if (*rest != '\0')
        return error_origin(-EPROTO);
    if (n > HTTP_CLIENT_ANSWER_MAX)
        return error_origin(-EMSGSIZE);
    exchange->n_body = (size_t)n;
    exchange->has_length = true;
    return 0;
}

/* RFC 9112 section 4: HTTP-version SP three digits. */
static int take_status(Exchange *exchange, const char *line) {
    static const char digits[] = "0123456789";
    static const char version[] = "HTTP/1.1 ";
    if (strncmp(line, "HTTP/1.0 ", sizeof(version) - 1) != 0 && strncmp(line, version, sizeof(version) - 1) != 0)
        return error_origin(-EPROTO);
    const char *status = line + sizeof(version) - 1;
    if (strspn(status, digits) != 3)
        return error_origin(-EPROTO);
    exchange->status = (unsigned)strtoul(status, NULL, 10);
    return 0;
}

static int take_head(Exchange *exchange, size_t n_head) {
    char *head = strndup((const char *)exchange->answer->bytes, n_head);
    if (!head)
        return error_origin(-ENOMEM);
    exchange->n_head = n_head + strlen("\r\n\r\n");
    int r = take_status(exchange, head);
    char *rest = head;
    for (char *line; r == 0 && (line = strsep(&rest, "\n")) != NULL;) {
        line[strcspn(line, "\r")] = '\0';
        r = take_field(exchange, line);
    }
    free(head);
    return r;
}

/* Some more of it. 0: go on, 1: it is whole. */
static int receive(Exchange *exchange) {
    char chunk[CHUNK];
    Buf *answer = exchange->answer;
    int r = wait_for(exchange, POLLIN);
    if (r < 0)
        return error_trace(r);
    ssize_t n = recv(exchange->fd, chunk, sizeof(chunk), 0);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : error_origin(-errno);
    if (n == 0)
        return error_origin(-EPROTO); /* before it was whole */
    r = buf_append(answer, chunk, (size_t)n);
    if (r != BUF_OK)
        return error_origin(r == BUF_FULL ? -EMSGSIZE : r);
    if (exchange->n_head == 0) {
        const char *end = memmem(answer->bytes, answer->n_bytes, "\r\n\r\n", 4);
        if (end)
            r = take_head(exchange, (size_t)(end - (const char *)answer->bytes));
        else if (answer->n_bytes > HEAD_MAX)
            r = error_origin(-EMSGSIZE);
        if (r == 0 && end && !exchange->has_length)
            r = error_origin(-EPROTO);
    }
    if (r < 0)
        return error_trace(r);
    return exchange->n_head && answer->n_bytes - exchange->n_head >= exchange->n_body;
}

static int exchange_run(Exchange *exchange, const ListenAddress *address, const char *path, const char *token) {
    int r = connect_to(exchange, address);
    if (r == 0)
        r = send_request(exchange, path, token);
    while (r == 0)
        r = receive(exchange);
    if (exchange->fd >= 0)
        close(exchange->fd);
    return r < 0 ? error_trace(r) : 0;
}

int http_client_get(Buf *body, unsigned *status, const ListenAddress *address, const char *path, const char *token,
                    uint32_t patience_ms) {
    Buf answer;
    buf_init(&answer, HEAD_MAX + HTTP_CLIENT_ANSWER_MAX);
    Exchange exchange = {.fd = -1, .deadline_ms = clock_now_ms() + patience_ms, .answer = &answer};
    int r = exchange_run(&exchange, address, path, token);
    if (r == 0) {
        r = buf_append(body, answer.bytes + exchange.n_head, exchange.n_body);
        r = r == BUF_FULL ? error_origin(-EMSGSIZE) : r;
    }
    if (r == 0)
        *status = exchange.status;
    buf_finish(&answer);
    return r < 0 ? error_trace(r) : 0;
}
