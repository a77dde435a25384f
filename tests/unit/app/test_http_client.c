#include "app/http_client.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 300, REQUEST_MAX = 4096 };

/* A listener that answers one connection with these pieces, each written for itself. */
static struct {
    int fd;
    ListenAddress address;
    pthread_t thread;
    const char *pieces[4];
    char request[REQUEST_MAX];
    int hold[2]; /* closed when the test is over: until then the connection stays */
} server;

static void *serve(void *context) {
    int fd = accept(server.fd, NULL, NULL);
    char end;
    if (fd < 0)
        return NULL;
    for (size_t n = 0; !strstr(server.request, "\r\n\r\n");) {
        ssize_t got = recv(fd, server.request + n, REQUEST_MAX - 1 - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    for (size_t i = 0; i < 4 && server.pieces[i]; i++) {
        send(fd, server.pieces[i], strlen(server.pieces[i]), MSG_NOSIGNAL);
        usleep(1000);
    }
    if (server.hold[0] >= 0)
        (void)!read(server.hold[0], &end, 1);
    close(fd);
    return NULL;
}

static void serve_bound(const char *const pieces[4], bool is_held) {
    memset(server.request, 0, sizeof(server.request));
    memcpy(server.pieces, pieces, sizeof(server.pieces));
    server.hold[0] = server.hold[1] = -1;
    if (is_held)
        ck_assert_int_eq(pipe(server.hold), 0);
    ck_assert_int_ge(server.fd, 0);
    ck_assert_int_eq(bind(server.fd, &server.address.socket.any, server.address.n_bytes), 0);
    ck_assert_int_eq(listen(server.fd, 1), 0);
    getsockname(server.fd, &server.address.socket.any, &server.address.n_bytes);
    ck_assert_int_eq(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static void begin(const char *first, const char *second, bool is_held) {
    const char *why;
    ck_assert_int_eq(listen_address_parse(&server.address, "127.0.0.1:0", &why), LISTEN_ADDRESS_OK);
    server.fd = socket(AF_INET, SOCK_STREAM, 0);
    serve_bound((const char *const[4]){first, second, NULL, NULL}, is_held);
}

static void finish(void) {
    if (server.hold[1] >= 0) {
        close(server.hold[1]);
        pthread_join(server.thread, NULL);
        close(server.hold[0]);
    } else {
        pthread_join(server.thread, NULL);
    }
    close(server.fd);
}

static int get(char *text, size_t n_text, unsigned *status, const char *token) {
    Buf body;
    buf_init(&body, HTTP_CLIENT_ANSWER_MAX);
    int r = http_client_get(&body, status, &server.address, "/x?y=1", token, PATIENCE_MS);
    snprintf(text, n_text, "%.*s", (int)body.n_bytes, body.bytes ? (const char *)body.bytes : "");
    buf_finish(&body);
    return r;
}

static void assert_fails(const char *first, const char *second, bool is_held, int expected) {
    char text[64];
    unsigned status = 0;
    begin(first, second, is_held);
    ck_assert_int_eq(get(text, sizeof(text), &status, ""), expected);
    ck_assert_uint_eq(status, 0);
    finish();
}

START_TEST(an_answer_in_pieces_is_put_together) {
    char text[64];
    unsigned status = 0;
    begin("HTTP/1.1 503 Not now\r\ncontent-LENGTH: 5\r", "\n\r\nhello", true);
    ck_assert_int_eq(get(text, sizeof(text), &status, "secret"), 0);
    ck_assert_uint_eq(status, 503);
    ck_assert_str_eq(text, "hello");
    ck_assert_int_eq(strncmp(server.request, "GET /x?y=1 HTTP/1.1\r\n", 21), 0);
    ck_assert_ptr_nonnull(strstr(server.request, "\r\nAuthorization: Bearer secret\r\n"));
    finish();
}
END_TEST

START_TEST(without_a_token_none_is_shown) {
    char text[64];
    unsigned status = 0;
    begin("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", NULL, false);
    ck_assert_int_eq(get(text, sizeof(text), &status, ""), 0);
    ck_assert_uint_eq(status, 200);
    ck_assert_ptr_null(strstr(server.request, "Authorization"));
    finish();
}
END_TEST

START_TEST(a_unix_socket_serves_too) {
    char name[64], text[64];
    const char *why;
    unsigned status = 0;
    snprintf(name, sizeof(name), "unix:/tmp/barker-test-%d.sock", (int)getpid());
    ck_assert_int_eq(listen_address_parse(&server.address, name, &why), LISTEN_ADDRESS_OK);
    server.fd = socket(AF_UNIX, SOCK_STREAM, 0);
    serve_bound((const char *const[4]){"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", NULL, NULL, NULL}, false);
    ck_assert_int_eq(get(text, sizeof(text), &status, ""), 0);
    ck_assert_str_eq(text, "ok");
    finish();
    unlink(name + strlen("unix:"));
}
END_TEST

START_TEST(who_says_nothing_is_not_waited_for) {
    assert_fails(NULL, NULL, true, -ETIMEDOUT);
    assert_fails("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", NULL, true, -ETIMEDOUT);
}
END_TEST

START_TEST(what_is_no_whole_answer_is_refused) {
    assert_fails("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", NULL, false, -EPROTO);
    assert_fails("+PONG\r\n\r\n", NULL, false, -EPROTO);
    assert_fails("HTTP/1.1 200 OK\r\n\r\nno length", NULL, false, -EPROTO);
    assert_fails("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", NULL, false, -EPROTO);
    assert_fails("HTTP/1.1 200 OK\r\nContent-Length: 3x\r\n\r\n", NULL, false, -EPROTO);
    assert_fails("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", NULL, false, -EMSGSIZE);
    assert_fails(NULL, NULL, false, -EPROTO);
}
END_TEST

START_TEST(where_nobody_listens_it_says_so) {
    char text[64];
    unsigned status = 0;
    begin(NULL, NULL, false);
    ck_assert_int_eq(get(text, sizeof(text), &status, ""), -EPROTO);
    finish();
    ck_assert_int_eq(get(text, sizeof(text), &status, ""), -ECONNREFUSED);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        an_answer_in_pieces_is_put_together, without_a_token_none_is_shown,      a_unix_socket_serves_too,
        who_says_nothing_is_not_waited_for,  what_is_no_whole_answer_is_refused, where_nobody_listens_it_says_so,
    };
    Suite *suite = suite_create("http_client");
    TCase *tcase = tcase_create("http_client");
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
