#include "client.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static ClientShared shared;
static Client client;
static int server;
static char heard[1024]; /* payloads with a semicolon behind each */
static unsigned n_opened;

static void on_opened(void *context, Client *opened) {
    n_opened++;
}

static void on_message(void *context, Client *from, const uint8_t *payload, size_t n_payload) {
    ck_assert_uint_lt(strlen(heard) + n_payload + 2, sizeof(heard));
    strncat(heard, (const char *)payload, n_payload);
    strcat(heard, ";");
}

static void start(void) {
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    server = pair[1];
    client = (Client){.fd = pair[0], .state = CLIENT_HANDSHAKE, .number = 7};
    shared.opened = on_opened;
    shared.message = on_message;
    shared.reason[0] = '\0';
    heard[0] = '\0';
    n_opened = 0;
}

static void stop(void) {
    client_close(&client);
    close(server);
}

static int serve(const void *bytes, size_t n_bytes) {
    ck_assert_int_eq(write(server, bytes, n_bytes), (ssize_t)n_bytes);
    return client_read(&client, &shared);
}

static void open_client(void) {
    ck_assert_int_eq(serve(answer, strlen(answer)), 0);
    ck_assert_int_eq(client.state, CLIENT_OPEN);
}

START_TEST(the_right_answer_opens) {
    open_client();
    ck_assert_uint_eq(n_opened, 1);
}
END_TEST

START_TEST(an_answer_in_two_parts_opens) {
    ck_assert_int_eq(serve(answer, 40), 0);
    ck_assert_uint_eq(n_opened, 0);
    ck_assert_int_eq(serve(answer + 40, strlen(answer) - 40), 0);
    ck_assert_uint_eq(n_opened, 1);
}
END_TEST

START_TEST(a_refusal_is_told_with_its_status_line) {
    const char refusal[] = "HTTP/1.1 503 Service Unavailable\r\n\r\n";
    ck_assert_int_eq(serve(refusal, strlen(refusal)), -EPROTO);
    ck_assert_str_eq(shared.reason, "connection 7: refused: HTTP/1.1 503 Service Unavailable");
}
END_TEST

START_TEST(an_answer_to_another_key_is_refused) {
    const char wrong[] = "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n";
    ck_assert_int_eq(serve(wrong, strlen(wrong)), -EPROTO);
    ck_assert_uint_eq(n_opened, 0);
}
END_TEST

START_TEST(a_frame_right_behind_the_answer_is_heard) {
    char both[sizeof(answer) + 4];
    memcpy(both, answer, strlen(answer));
    memcpy(both + strlen(answer), "\x81\x02hi", 4);
    ck_assert_int_eq(serve(both, strlen(answer) + 4), 0);
    ck_assert_str_eq(heard, "hi;");
}
END_TEST

START_TEST(frames_of_one_read_are_heard_in_order) {
    open_client();
    ck_assert_int_eq(serve("\x81\x01"
                           "a\x82\x01"
                           "b\x81\x00\x81\x01"
                           "c",
                           11),
                     0);
    ck_assert_str_eq(heard, "a;b;;c;");
}
END_TEST

START_TEST(a_frame_that_comes_by_the_byte_is_heard_once) {
    static const char frame[] = "\x81\x05hello\x81\x01!";
    open_client();
    for (size_t i = 0; i < sizeof(frame) - 1; i++)
        ck_assert_int_eq(serve(frame + i, 1), 0);
    ck_assert_str_eq(heard, "hello;!;");
    ck_assert_ptr_null(client.partial);
}
END_TEST

START_TEST(a_length_of_sixteen_bits_is_understood) {
    uint8_t frame[4 + 300] = {0x81, 126, 300 >> 8, 300 & 0xff};
    open_client();
    memset(frame + 4, 'x', 300);
    ck_assert_int_eq(serve(frame, sizeof(frame)), 0);
    ck_assert_uint_eq(strlen(heard), 301);
}
END_TEST

START_TEST(a_ping_is_answered_with_a_masked_pong) {
    uint8_t pong[64];
    open_client();
    ck_assert_int_eq(serve("\x89\x03key", 5), 0);
    ck_assert_int_eq(read(server, pong, sizeof(pong)), 9);
    ck_assert_uint_eq(pong[0], 0x8a);
    ck_assert_uint_eq(pong[1], 0x83);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(pong[6 + i] ^ pong[2 + i], (uint8_t) "key"[i]);
}
END_TEST

START_TEST(a_close_ends_the_client_and_tells_the_code) {
    open_client();
    ck_assert_int_eq(serve("\x88\x02\x03\xf5", 4), -ECONNRESET);
    ck_assert_str_eq(shared.reason, "connection 7: closed by the server: 1013");
}
END_TEST

START_TEST(what_no_server_may_send_ends_the_client) {
    static const char *const wrong[] = {"\x81\x81zzzzz", "\xc1\x01z", "\x01\x01z", "\x83\x01z"};
    for (unsigned i = 0; i < 4; i++) { /* masked, reserved bit, fragment (never used here), unknown opcode */
        stop();
        start();
        open_client();
        ck_assert_int_eq(serve(wrong[i], strlen(wrong[i])), -EPROTO);
    }
}
END_TEST

START_TEST(the_end_of_the_stream_ends_the_client) {
    open_client();
    shutdown(server, SHUT_WR);
    ck_assert_int_eq(client_read(&client, &shared), -ECONNRESET);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bench/client");
    TCase *tcase = tcase_create("client");
    tcase_add_checked_fixture(tcase, start, stop);
    tcase_add_test(tcase, the_right_answer_opens);
    tcase_add_test(tcase, an_answer_in_two_parts_opens);
    tcase_add_test(tcase, a_refusal_is_told_with_its_status_line);
    tcase_add_test(tcase, an_answer_to_another_key_is_refused);
    tcase_add_test(tcase, a_frame_right_behind_the_answer_is_heard);
    tcase_add_test(tcase, frames_of_one_read_are_heard_in_order);
    tcase_add_test(tcase, a_frame_that_comes_by_the_byte_is_heard_once);
    tcase_add_test(tcase, a_length_of_sixteen_bits_is_understood);
    tcase_add_test(tcase, a_ping_is_answered_with_a_masked_pong);
    tcase_add_test(tcase, a_close_ends_the_client_and_tells_the_code);
    tcase_add_test(tcase, what_no_server_may_send_ends_the_client);
    tcase_add_test(tcase, the_end_of_the_stream_ends_the_client);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
