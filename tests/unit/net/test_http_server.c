#include "net/http_server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "suite.h"

enum { TIMEOUT_MS = 1000, IDLE_MS = 5000, N_CONNECTIONS = 2, BODY_LIMIT = 1 << 20, EXCHANGES_MAX = 64 };

static uv_loop_t loop;
static HttpServer *server;
static HttpServerCounters counters;
static uint64_t exchanges[EXCHANGES_MAX];
static unsigned n_exchanges;
static bool answers_at_once;
static bool is_body_wanted;
static bool counts_alone; /* requests are answered and not remembered */
static size_t n_body_last;

static void answer(uint64_t exchange, const void *body, size_t n_body) {
    HttpResponse response = {.status = 200, .content_type = "text/plain", .body = body, .n_body = n_body};
    http_server_respond(server, exchange, &response);
}

static void take_request(void *context, uint64_t exchange, const HttpRequest *request) {
    if (counts_alone) {
        answer(exchange, "", 0);
        return;
    }
    ck_assert_uint_lt(n_exchanges, EXCHANGES_MAX);
    exchanges[n_exchanges++] = exchange;
    n_body_last = request->n_body;
    if (answers_at_once)
        answer(exchange, request->path, request->n_path);
}

static bool wants_body(void *context, const HttpRequest *head) {
    ck_assert_uint_eq(head->n_body, 0);
    return is_body_wanted;
}

static void begin(void) {
    HttpServerOptions options = {.request = take_request,
                                 .wants_body = wants_body,
                                 .body_limit_bytes = BODY_LIMIT,
                                 .timeout_ms = TIMEOUT_MS,
                                 .idle_ms = IDLE_MS,
                                 .n_connections_limit = N_CONNECTIONS,
                                 .counters = &counters};
    memset(&counters, 0, sizeof(counters));
    n_exchanges = 0;
    answers_at_once = is_body_wanted = true;
    counts_alone = false;
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    ck_assert_int_eq(http_server_new(&server, &loop, &options), 0);
}

static void end(void) {
    http_server_close(server);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    ck_assert_uint_eq(counter_read(&counters.connections), 0);
    server = http_server_free(server);
}

static void turn(void) {
    for (unsigned i = 0; i < 64; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
}

static int client_new(void) {
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    http_server_listener_ops.accepted(server, fds[0], &(Peer){.kind = PEER_LOCAL});
    return fds[1];
}

static void say(int fd, const char *text) {
    ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
    turn();
}

static const char *heard(int fd) {
    static char text[16384];
    ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static bool is_ended(int fd) {
    char byte;
    return recv(fd, &byte, 1, 0) == 0;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

START_TEST(an_answer_may_come_at_once_or_later) {
    begin();
    int fd = client_new();
    say(fd, GET("/a"));
    ck_assert_ptr_nonnull(strstr(heard(fd), "\r\n\r\n/a"));
    answers_at_once = false;
    say(fd, GET("/b"));
    ck_assert_str_eq(heard(fd), "");
    answer(exchanges[1], "later", 5);
    turn();
    ck_assert_ptr_nonnull(strstr(heard(fd), "\r\n\r\nlater"));
    ck_assert_uint_eq(counter_read(&counters.requests), 2);
    close(fd);
    turn();
    ck_assert_uint_eq(counter_read(&counters.connections), 0);
    end();
}
END_TEST

START_TEST(the_next_of_a_pipeline_waits_for_its_turn) {
    begin();
    int fd = client_new();
    answers_at_once = false;
    say(fd, GET("/1") GET("/2") GET("/3"));
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(n_exchanges, i + 1);
        answer(exchanges[i], "x", 1);
        turn();
    }
    ck_assert_uint_eq(n_exchanges, 3);
    close(fd);
    end();
}
END_TEST

START_TEST(an_exchange_is_answered_once_and_not_after_its_client_has_gone) {
    begin();
    int fd = client_new();
    answers_at_once = false;
    say(fd, GET("/a"));
    answer(exchanges[0], "one", 3);
    answer(exchanges[0], "two", 3);
    turn();
    ck_assert_ptr_null(strstr(heard(fd), "two"));
    say(fd, GET("/b"));
    close(fd);
    int other = client_new();
    answer(exchanges[1], "gone", 4);
    turn();
    say(other, GET("/c"));
    answer(exchanges[0], "old", 3);
    answer(exchanges[1], "old", 3);
    answer(exchanges[2], "new", 3);
    turn();
    ck_assert_ptr_nonnull(strstr(heard(other), "\r\n\r\nnew"));
    ck_assert_uint_ne(exchanges[0], exchanges[1]);
    ck_assert_uint_ne(exchanges[1], exchanges[2]);
    close(other);
    end();
}
END_TEST

START_TEST(an_answer_of_many_megabytes_leaves_whole) {
    enum { SIZE = 8 << 20 };
    begin();
    int fd = client_new();
    answers_at_once = false;
    say(fd, GET("/big") GET("/next"));
    char *body = malloc(SIZE);
    ck_assert_ptr_nonnull(body);
    memset(body, 'b', SIZE);
    answer(exchanges[0], body, SIZE);
    free(body);
    size_t n_heard = 0;
    static char bytes[65536];
    for (ssize_t n = 1; n > 0 || n_heard < SIZE;) {
        turn();
        n = recv(fd, bytes, sizeof(bytes), 0);
        n_heard += n > 0 ? (size_t)n : 0;
    }
    ck_assert_uint_gt(n_heard, SIZE);
    ck_assert_uint_lt(n_heard, SIZE + 512);
    ck_assert_uint_eq(n_exchanges, 2);
    close(fd);
    end();
}
END_TEST

START_TEST(who_is_late_is_hung_up_on) {
    begin();
    int silent = client_new(), slow = client_new();
    say(slow, GET("/") "GET / HT");
    ck_assert_ptr_nonnull(strstr(heard(slow), "200 OK"));
    http_server_tick(server, clock_now_ms() + TIMEOUT_MS / 2);
    turn();
    ck_assert(!is_ended(silent) && !is_ended(slow));
    http_server_tick(server, clock_now_ms() + TIMEOUT_MS + 1);
    turn();
    ck_assert(is_ended(silent) && is_ended(slow));
    ck_assert_uint_eq(counter_read(&counters.overdue), 2);
    close(silent);
    close(slow);
    end();
}
END_TEST

START_TEST(who_rests_between_two_requests_has_longer) {
    begin();
    int fd = client_new();
    say(fd, GET("/"));
    heard(fd);
    http_server_tick(server, clock_now_ms() + IDLE_MS - 100);
    turn();
    ck_assert(!is_ended(fd));
    http_server_tick(server, clock_now_ms() + IDLE_MS + 1);
    turn();
    ck_assert(is_ended(fd));
    ck_assert_uint_eq(counter_read(&counters.overdue), 0);
    close(fd);
    end();
}
END_TEST

START_TEST(who_reads_no_answer_is_hung_up_on) {
    static char body[4 << 20];
    begin();
    int fd = client_new();
    answers_at_once = false;
    say(fd, GET("/"));
    answer(exchanges[0], body, sizeof(body));
    turn();
    http_server_tick(server, clock_now_ms() + TIMEOUT_MS + 1);
    turn();
    ck_assert_uint_eq(counter_read(&counters.connections), 0);
    ck_assert_uint_eq(counter_read(&counters.overdue), 1);
    close(fd);
    end();
}
END_TEST

START_TEST(one_over_the_limit_takes_the_place_of_one_that_has_not_asked) {
    begin();
    int a = client_new();
    usleep(5000);
    int b = client_new();
    say(b, "GET / HT");
    int c = client_new();
    turn();
    ck_assert(is_ended(a));
    ck_assert_uint_eq(counter_read(&counters.refused), 1);
    say(b, "TP/1.1\r\nHost: x\r\n\r\n");
    say(c, GET("/"));
    ck_assert_ptr_nonnull(strstr(heard(b), "200 OK"));
    ck_assert_ptr_nonnull(strstr(heard(c), "200 OK"));
    close(a);
    close(b);
    close(c);
    end();
}
END_TEST

START_TEST(a_last_answer_is_read_though_the_client_still_sends) {
    static char much[60000];
    begin();
    int fd = client_new();
    memset(much, 'x', sizeof(much) - 1);
    say(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n");
    say(fd, much);
    say(fd, much);
    ck_assert_ptr_nonnull(strstr(heard(fd), " 413 "));
    ck_assert(is_ended(fd));
    close(fd);
    turn();
    ck_assert_uint_eq(counter_read(&counters.connections), 0);
    end();
}
END_TEST

START_TEST(a_body_that_nobody_wants_is_not_waited_for) {
    begin();
    is_body_wanted = false;
    int fd = client_new();
    say(fd, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n");
    const char *text = heard(fd);
    ck_assert_ptr_nonnull(strstr(text, "HTTP/1.1 200 "));
    ck_assert_ptr_nonnull(strstr(text, "Connection: close"));
    ck_assert_ptr_nonnull(strstr(text, "\r\n\r\n/p"));
    ck_assert_uint_eq(n_body_last, 0);
    say(fd, GET("/smuggled"));
    ck_assert_uint_eq(n_exchanges, 1);
    ck_assert(is_ended(fd));
    close(fd);
    end();
}
END_TEST

START_TEST(a_body_that_is_wanted_is_waited_for) {
    begin();
    int fd = client_new();
    say(fd, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab");
    ck_assert_uint_eq(n_exchanges, 0);
    is_body_wanted = false; /* it is asked once */
    say(fd, "c");
    say(fd, "d" GET("/next"));
    ck_assert_uint_eq(n_exchanges, 2);
    ck_assert_ptr_nonnull(strstr(heard(fd), "\r\n\r\n/next"));
    close(fd);
    end();
}
END_TEST

/* What a client may make the server hold is one request and what came with its end, however far ahead it writes. */
START_TEST(a_pipeline_of_any_length_is_answered) {
    enum { N_REQUESTS = 60000 };
    static const char request[] = "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n";
    static char answers[65536];
    size_t n_request = sizeof(request) - 1, n_sent = 0, n_heard = 0;
    begin();
    int fd = client_new();
    counts_alone = true;
    while (counter_read(&counters.requests) < N_REQUESTS) {
        char piece[2000 * 30];
        for (size_t i = 0; i < sizeof(piece); i++)
            piece[i] = request[(n_sent + i) % n_request];
        size_t n_left = N_REQUESTS * n_request - n_sent;
        ssize_t n = n_left ? send(fd, piece, n_left < sizeof(piece) ? n_left : sizeof(piece), MSG_NOSIGNAL) : 0;
        n_sent += n > 0 ? (size_t)n : 0;
        uv_run(&loop, UV_RUN_NOWAIT);
        n = recv(fd, answers, sizeof(answers), 0);
        ck_assert_int_ne(n, 0);
        n_heard += n > 0 ? (size_t)n : 0;
    }
    ck_assert_uint_gt(n_heard, 0);
    close(fd);
    end();
}
END_TEST

START_TEST(who_asks_takes_the_place_of_who_rests) {
    begin();
    int rests = client_new();
    say(rests, GET("/a"));
    answers_at_once = false;
    int waits = client_new();
    say(waits, GET("/b"));
    int asks = client_new();
    turn();
    ck_assert_ptr_nonnull(strstr(heard(rests), "200 OK"));
    ck_assert(is_ended(rests));
    say(asks, GET("/c"));
    ck_assert_uint_eq(n_exchanges, 3);
    int late = client_new();
    turn();
    ck_assert(is_ended(late));
    answer(exchanges[1], "b", 1);
    turn();
    ck_assert_ptr_nonnull(strstr(heard(waits), "\r\n\r\nb"));
    ck_assert_uint_eq(counter_read(&counters.refused), 1);
    close(rests);
    close(waits);
    close(asks);
    close(late);
    end();
}
END_TEST

START_TEST(one_over_the_limit_is_closed_where_all_are_served) {
    begin();
    answers_at_once = false;
    int a = client_new(), b = client_new();
    say(a, GET("/a"));
    say(b, GET("/b"));
    int c = client_new();
    ck_assert(is_ended(c));
    ck_assert_uint_eq(counter_read(&counters.refused), 1);
    close(a);
    close(b);
    close(c);
    end();
}
END_TEST

START_TEST(head_gets_no_body_of_a_refusal_either) {
    begin();
    int fd = client_new();
    say(fd, "HEAD / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n");
    const char *text = heard(fd);
    ck_assert_ptr_nonnull(strstr(text, " 413 "));
    ck_assert_str_eq(strstr(text, "\r\n\r\n"), "\r\n\r\n");
    close(fd);
    end();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        an_answer_may_come_at_once_or_later,
        the_next_of_a_pipeline_waits_for_its_turn,
        an_exchange_is_answered_once_and_not_after_its_client_has_gone,
        an_answer_of_many_megabytes_leaves_whole,
        who_is_late_is_hung_up_on,
        who_rests_between_two_requests_has_longer,
        who_reads_no_answer_is_hung_up_on,
        one_over_the_limit_takes_the_place_of_one_that_has_not_asked,
        one_over_the_limit_is_closed_where_all_are_served,
        a_last_answer_is_read_though_the_client_still_sends,
        a_body_that_nobody_wants_is_not_waited_for,
        a_body_that_is_wanted_is_waited_for,
        a_pipeline_of_any_length_is_answered,
        who_asks_takes_the_place_of_who_rests,
        head_gets_no_body_of_a_refusal_either,
    };
    return run_suite("http_server", tests, N_ELEMENTS(tests));
}
