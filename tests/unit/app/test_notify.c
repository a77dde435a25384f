#include "app/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "suite.h"

static char path[64];
static int manager = -1;
static Notify notify;

/* systemd's end; abstract where the path begins with '@'. */
static void listen_at(const char *at) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(path, sizeof(path), "%s", at);
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    else
        unlink(path);
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t n_address = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    ck_assert_int_eq(bind(manager, (struct sockaddr *)&address, n_address), 0);
    setenv("NOTIFY_SOCKET", path, 1);
}

static void listen_in_folder(void) {
    char at[64];
    snprintf(at, sizeof(at), "/tmp/barker-test-notify-%d", (int)getpid());
    listen_at(at);
}

static void hang_up(void) {
    notify_finish(&notify);
    close(manager);
    if (path[0] == '/')
        unlink(path);
}

static void ck_told(const char *text) {
    char heard[512] = "";
    ssize_t n = recv(manager, heard, sizeof(heard) - 1, 0);
    ck_assert_int_ge(n, 0);
    ck_assert_str_eq(heard, text);
}

static void ck_silence(void) {
    char heard[8];
    ck_assert_int_eq(recv(manager, heard, sizeof(heard), 0), -1);
    ck_assert_int_eq(errno, EAGAIN);
}

START_TEST(what_is_told_is_one_datagram_each) {
    listen_in_folder();
    ck_assert_int_eq(notify_init(&notify), 0);
    notify_ready(&notify, "serving");
    notify_reloading(&notify, 41);
    notify_stopping(&notify, 45000);
    ck_told("READY=1\nSTATUS=serving");
    ck_told("RELOADING=1\nMONOTONIC_USEC=42000");
    ck_told("STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=45000000");
    ck_silence();
    hang_up();
}
END_TEST

START_TEST(an_abstract_socket_is_found) {
    char at[64];
    snprintf(at, sizeof(at), "@barker-test-notify-%d", (int)getpid());
    listen_at(at);
    ck_assert_int_eq(notify_init(&notify), 0);
    notify_ready(&notify, "serving");
    ck_told("READY=1\nSTATUS=serving");
    hang_up();
}
END_TEST

START_TEST(the_environment_is_read_once) {
    listen_in_folder();
    setenv("WATCHDOG_USEC", "4000000", 1);
    ck_assert_int_eq(notify_init(&notify), 0);
    ck_assert_ptr_null(getenv("NOTIFY_SOCKET"));
    ck_assert_ptr_null(getenv("WATCHDOG_USEC"));
    ck_assert_uint_eq(notify.watchdog_ms, 2000);
    hang_up();
}
END_TEST

START_TEST(the_watchdog_hears_of_a_healthy_node_in_half_its_time) {
    listen_in_folder();
    setenv("WATCHDOG_USEC", "4000000", 1);
    ck_assert_int_eq(notify_init(&notify), 0);
    ck_assert(notify_is_due(&notify, 1000));
    notify_alive(&notify, true, 1000);
    ck_told("WATCHDOG=1");
    ck_assert(!notify_is_due(&notify, 2999));
    ck_assert_uint_eq(notify_wait_ms(&notify, 5000, 2500), 500);
    ck_assert_uint_eq(notify_wait_ms(&notify, 100, 2500), 100);
    ck_assert(notify_is_due(&notify, 3000));
    hang_up();
}
END_TEST

START_TEST(the_watchdog_hears_nothing_of_one_that_hangs_until_it_goes_on) {
    listen_in_folder();
    setenv("WATCHDOG_USEC", "4000000", 1);
    ck_assert_int_eq(notify_init(&notify), 0);
    notify_alive(&notify, false, 1000);
    ck_silence();
    ck_assert_uint_le(notify_wait_ms(&notify, 5000, 1000), 500);
    notify_alive(&notify, true, 1500);
    ck_told("WATCHDOG=1");
    hang_up();
}
END_TEST

START_TEST(a_watchdog_of_another_process_is_left_alone) {
    listen_in_folder();
    setenv("WATCHDOG_USEC", "4000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    ck_assert_int_eq(notify_init(&notify), 0);
    ck_assert_uint_eq(notify.watchdog_ms, 0);
    ck_assert(!notify_is_due(&notify, 1000));
    ck_assert_uint_eq(notify_wait_ms(&notify, 5000, 1000), 5000);
    hang_up();
}
END_TEST

START_TEST(without_a_socket_nothing_is_told) {
    unsetenv("NOTIFY_SOCKET");
    setenv("WATCHDOG_USEC", "4000000", 1);
    ck_assert_int_eq(notify_init(&notify), 0);
    ck_assert_uint_eq(notify.watchdog_ms, 0);
    notify_ready(&notify, "serving");
    notify_finish(&notify);
}
END_TEST

START_TEST(a_socket_that_is_none_is_an_error_and_no_more) {
    static const char *const bad[] = {"", "@", "relative", "/tmp/barker-test-nobody-listens", "vsock:2:1234"};
    static const int errors[] = {-EAFNOSUPPORT, -EAFNOSUPPORT, -EAFNOSUPPORT, -ENOENT, -EAFNOSUPPORT};
    for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
        setenv("NOTIFY_SOCKET", bad[i], 1);
        ck_assert_int_eq(notify_init(&notify), errors[i]);
        notify_ready(&notify, "serving");
        notify_finish(&notify);
    }
    char longer[200];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[0] = '/';
    longer[sizeof(longer) - 1] = '\0';
    setenv("NOTIFY_SOCKET", longer, 1);
    ck_assert_int_eq(notify_init(&notify), -ENAMETOOLONG);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        what_is_told_is_one_datagram_each,
        an_abstract_socket_is_found,
        the_environment_is_read_once,
        the_watchdog_hears_of_a_healthy_node_in_half_its_time,
        the_watchdog_hears_nothing_of_one_that_hangs_until_it_goes_on,
        a_watchdog_of_another_process_is_left_alone,
        without_a_socket_nothing_is_told,
        a_socket_that_is_none_is_an_error_and_no_more,
    };
    return run_suite("notify", tests, N_ELEMENTS(tests));
}
