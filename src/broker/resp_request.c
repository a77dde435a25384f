#include "broker/resp_request.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static int request_invalid(RespRequest *request, const char *error) {
    request->error = error;
    return RESP_REQUEST_INVALID;
}

/* The line at n_used, without its end, past which n_used is moved. too_long is the complaint when it has no end. */
static int request_take_line(RespRequest *request, const char *bytes, size_t n_bytes, RespText *line, const char *too_long) {
    const char *start = bytes + request->n_used;
    size_t n_rest = n_bytes - request->n_used;
    const char *end = memchr(start, '\n', n_rest < RESP_LINE_MAX_BYTES ? n_rest : RESP_LINE_MAX_BYTES);
    if (!end)
        return n_rest < RESP_LINE_MAX_BYTES ? RESP_REQUEST_PARTIAL : request_invalid(request, too_long);
    request->n_used = (size_t)(end + 1 - bytes);
    if (end > start && end[-1] == '\r')
        end--;
    *line = (RespText){.bytes = start, .n_bytes = (size_t)(end - start)};
    return RESP_REQUEST_OK;
}

/* Digits behind the first byte of the line. */
static bool request_number(const RespText *line, size_t max, size_t *out) {
    size_t number = 0;
    if (line->n_bytes < 2)
        return false;
    for (size_t i = 1; i < line->n_bytes; i++) {
        if (line->bytes[i] < '0' || line->bytes[i] > '9')
            return false;
        number = number * 10 + (size_t)(line->bytes[i] - '0');
        if (number > max)
            return false;
    }
    *out = number;
    return true;
}

static int request_take_bulk(RespRequest *request, const char *bytes, size_t n_bytes) {
    RespText line;
    size_t n_arg;
    if (request->n_used == n_bytes)
        return RESP_REQUEST_PARTIAL;
    if (bytes[request->n_used] != '$')
        return request_invalid(request, "expected '$'");
    int r = request_take_line(request, bytes, n_bytes, &line, "too big bulk count string");
    if (r != RESP_REQUEST_OK)
        return r;
    if (!request_number(&line, RESP_ARG_MAX_BYTES, &n_arg))
        return request_invalid(request, "invalid bulk length");
    if (n_bytes - request->n_used < n_arg + 2)
        return RESP_REQUEST_PARTIAL;
    request->args[request->n_args++] = (RespText){.bytes = bytes + request->n_used, .n_bytes = n_arg};
    request->n_used += n_arg + 2;
    return RESP_REQUEST_OK;
}

static int request_take_array(RespRequest *request, const char *bytes, size_t n_bytes) {
    RespText line;
    size_t n_args = 0;
    int r = request_take_line(request, bytes, n_bytes, &line, "too big mbulk count string");
    if (r != RESP_REQUEST_OK)
        return r;
    bool is_nil = line.n_bytes == 3 && memcmp(line.bytes, "*-1", 3) == 0;
    if (!is_nil && !request_number(&line, RESP_ARGS_MAX, &n_args))
        return request_invalid(request, "invalid multibulk length");
    while (request->n_args < n_args) {
        r = request_take_bulk(request, bytes, n_bytes);
        if (r != RESP_REQUEST_OK)
            return r;
    }
    return RESP_REQUEST_OK;
}

/* A page of any site can make a browser post commands to this address, as the body behind such lines: as Redis does, its connection is
   ended at the first of them. */
static bool request_is_http(const RespRequest *request) {
    static const char *const words[] = {"POST", "Host:"};
    for (size_t i = 0; request->n_args > 0 && i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i]) == request->args[0].n_bytes &&
            strncasecmp(words[i], request->args[0].bytes, request->args[0].n_bytes) == 0)
            return true;
    return false;
}

static int request_take_words(RespRequest *request, const char *bytes, size_t n_bytes) {
    RespText line;
    int r = request_take_line(request, bytes, n_bytes, &line, "too big inline request");
    if (r != RESP_REQUEST_OK)
        return r;
    const char *at = line.bytes;
    const char *end = line.bytes + line.n_bytes;
    while (at < end) {
        const char *start = at;
        while (at < end && *at != ' ' && *at != '\t')
            at++;
        if (at > start && request->n_args == RESP_ARGS_MAX)
            return request_invalid(request, "too big inline request");
        if (at > start)
            request->args[request->n_args++] = (RespText){.bytes = start, .n_bytes = (size_t)(at - start)};
        else
            at++;
    }
    return request_is_http(request) ? request_invalid(request, "HTTP is not spoken here") : RESP_REQUEST_OK;
}

int resp_request_parse(RespRequest *request, const char *bytes, size_t n_bytes) {
    request->n_args = request->n_used = 0;
    request->error = NULL;
    if (n_bytes == 0)
        return RESP_REQUEST_PARTIAL;
    return *bytes == '*' ? request_take_array(request, bytes, n_bytes) : request_take_words(request, bytes, n_bytes);
}
