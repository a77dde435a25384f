#include "loopback.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { PATIENCE_MS = 5000, TEXT_MAX = 64 << 10 };

uv_loop_t loopback_loop;
static uv_async_t inbox; /* as in the program: a loop without a handle does not turn */

void loopback_start(void) {
    ck_assert_int_eq(uv_loop_init(&loopback_loop), 0);
    ck_assert_int_eq(uv_async_init(&loopback_loop, &inbox, NULL), 0);
}

void loopback_finish(void) {
    uv_close((uv_handle_t *)&inbox, NULL);
    uint64_t start_ms = clock_now_ms();
    while (uv_run(&loopback_loop, UV_RUN_NOWAIT) && clock_now_ms() - start_ms < PATIENCE_MS)
        usleep(1000);
    ck_assert_int_eq(uv_loop_close(&loopback_loop), 0);
}

void loopback_turns(int n) {
    while (n--) {
        uv_run(&loopback_loop, UV_RUN_NOWAIT);
        usleep(500);
    }
}

bool loopback_until(bool (*is_true)(void)) {
    uint64_t start_ms = clock_now_ms();
    while (!is_true()) {
        if (clock_now_ms() - start_ms > PATIENCE_MS)
            return false;
        loopback_turns(1);
    }
    return true;
}

static struct sockaddr_in loopback_address(unsigned port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int loopback_connect(unsigned port) {
    struct sockaddr_in address = loopback_address(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

int loopback_listen(unsigned *port) {
    struct sockaddr_in address = loopback_address(*port);
    socklen_t n_address = sizeof address;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_ge(fd, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, n_address), 0);
    ck_assert_int_eq(listen(fd, 16), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &n_address), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

int loopback_accept(int listener) {
    uint64_t start_ms = clock_now_ms();
    int fd;
    while ((fd = accept(listener, NULL, NULL)) < 0) {
        ck_assert_msg(clock_now_ms() - start_ms < PATIENCE_MS, "nobody came");
        loopback_turns(1);
    }
    return fd;
}

void loopback_send_bytes(int fd, const void *bytes, size_t n_bytes) {
    const char *at = bytes;
    uint64_t start_ms = clock_now_ms();
    while (n_bytes) {
        ssize_t n = send(fd, at, n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            at += n;
            n_bytes -= (size_t)n;
            continue;
        }
        ck_assert_msg(errno == EAGAIN && clock_now_ms() - start_ms < PATIENCE_MS, "not sent: %s", strerror(errno));
        loopback_turns(1);
    }
}

void loopback_send(int fd, const char *text) {
    loopback_send_bytes(fd, text, strlen(text));
}

/* Up to n_limit bytes until the time is over. Returns how many; *has_ended when the other side closed. */
static size_t loopback_receive(int fd, char *text, size_t n_limit, unsigned patience_ms, bool *has_ended) {
    size_t n_text = 0;
    uint64_t start_ms = clock_now_ms();
    *has_ended = false;
    while (n_text < n_limit && !*has_ended && clock_now_ms() - start_ms < patience_ms) {
        ssize_t n = recv(fd, text + n_text, n_limit - n_text, MSG_DONTWAIT);
        if (n > 0)
            n_text += (size_t)n;
        else if (n == 0 || errno != EAGAIN)
            *has_ended = true;
        else
            loopback_turns(1);
    }
    return n_text;
}

void loopback_expect(int fd, const char *text) {
    char received[TEXT_MAX];
    bool has_ended;
    ck_assert_uint_lt(strlen(text), sizeof received);
    size_t n = loopback_receive(fd, received, strlen(text), PATIENCE_MS, &has_ended);
    received[n] = '\0';
    ck_assert_str_eq(received, text);
}

void loopback_read_some(int fd, char *text, size_t n_text) {
    bool has_ended;
    text[loopback_receive(fd, text, n_text - 1, 50, &has_ended)] = '\0';
}

void loopback_expect_end(int fd) {
    static char ignored[TEXT_MAX];
    bool has_ended = false;
    uint64_t start_ms = clock_now_ms();
    while (!has_ended && clock_now_ms() - start_ms < PATIENCE_MS)
        loopback_receive(fd, ignored, sizeof ignored, PATIENCE_MS, &has_ended);
    ck_assert_msg(has_ended, "still open");
}
