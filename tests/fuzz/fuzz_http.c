/* The admin listener's HTTP: http_head, and an HttpServer behind a socket. The input is what a client sends; it comes in pieces, of
   which each ends with a byte FF that is not sent. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "fuzz.h"
#include "net/http_head.h"
#include "net/http_server.h"

enum { BODY_LIMIT = 4096, LATE_EVERY = 3 };

static HttpServer *server;
static HttpServerCounters counters;
static uint64_t late; /* a request that is answered after its call */
static uint64_t last_exchange;

static void check_text(const char *text) {
    fuzz_must(text != NULL, "no text is missing");
    for (; *text; text++)
        fuzz_must((unsigned char)*text >= ' ' || *text == '\t', "a field has no control characters");
}

static void check_request(const HttpRequest *request) {
    fuzz_must(request->path[0] == '/' && strlen(request->path) == request->n_path, "a path begins at the root and has no NUL");
    fuzz_must(request->n_parameters == 0 || request->parameters[request->n_parameters - 1] == '\0',
              "each parameter ends with a NUL");
    check_text(request->authorization);
    check_text(request->content_type);
    check_text(request->idempotency_key);
    check_text(request->host);
    check_text(request->origin);
}

static void respond(uint64_t exchange) {
    HttpResponse response = {.status = 200, .content_type = "text/plain", .body = "answer", .n_body = 6};
    http_server_respond(server, exchange, &response);
}

/* So that both come: by what stands in the path. */
static bool wants_body(void *context, const HttpRequest *head) {
    check_request(head);
    fuzz_must(head->n_body == 0, "a head has no body yet");
    return head->n_path % 2 == 0;
}

static void take_request(void *context, uint64_t exchange, const HttpRequest *request) {
    check_request(request);
    fuzz_must(request->n_body <= BODY_LIMIT, "a body is within its limit");
    fuzz_must(exchange > last_exchange, "no exchange comes twice");
    last_exchange = exchange;
    if (exchange % LATE_EVERY == 0)
        late = exchange;
    else
        respond(exchange);
}

static void turn(uv_loop_t *loop, int fd) {
    static char thrown_away[4096];
    for (unsigned i = 0; i < 4; i++) {
        uv_run(loop, UV_RUN_NOWAIT);
        if (late) {
            uint64_t exchange = late;
            late = 0;
            respond(exchange);
            respond(exchange); /* ignored */
        }
        while (recv(fd, thrown_away, sizeof(thrown_away), MSG_DONTWAIT) > 0)
            ;
    }
}

static void play(uv_loop_t *loop, int fd, FuzzInput input) {
    while (input.n_bytes > 0) {
        FuzzInput piece = fuzz_take(&input, '\xff');
        if (send(fd, piece.bytes, piece.n_bytes, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            break;
        turn(loop, fd);
    }
    turn(loop, fd);
    http_server_tick(server, UINT64_MAX);
    turn(loop, fd);
}

static void drive_server(FuzzInput input) {
    const HttpServerOptions options = {.request = take_request,
                                       .wants_body = wants_body,
                                       .body_limit_bytes = BODY_LIMIT,
                                       .timeout_ms = 60 * 1000,
                                       .idle_ms = 60 * 1000,
                                       .n_connections_limit = 2,
                                       .counters = &counters};
    uv_loop_t loop;
    int fds[2];
    last_exchange = late = 0;
    fuzz_must(uv_loop_init(&loop) == 0 && http_server_new(&server, &loop, &options) == 0, "a server can be made");
    fuzz_must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0, "sockets can be made");
    http_server_listener_ops.accepted(server, fds[0], &(Peer){.kind = PEER_LOCAL});
    play(&loop, fds[1], input);
    http_server_close(server);
    close(fds[1]);
    uv_run(&loop, UV_RUN_DEFAULT);
    fuzz_must(uv_loop_close(&loop) == 0, "nothing is left on the loop");
    fuzz_must(counter_read(&counters.connections) == 0, "no connection is left");
    server = http_server_free(server);
}

static void read_head(FuzzInput input) {
    HttpHead head;
    size_t n_head = http_head_find(input.bytes, input.n_bytes);
    if (n_head == 0)
        return;
    char *text = fuzz_copy(input.bytes, n_head);
    int r = http_head_parse(&head, text, n_head);
    fuzz_must(r == HTTP_HEAD_OK || (r >= 400 && r < 600), "a head is good, or there is a status");
    if (r == HTTP_HEAD_OK) {
        HttpRequest request = http_head_request(&head, text, n_head);
        check_request(&request);
        fuzz_must(!head.is_coded || !head.has_length, "there is one length");
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    FuzzInput input = {(const char *)bytes, n_bytes};
    read_head(input);
    drive_server(input);
    return 0;
}
