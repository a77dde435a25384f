#include "app/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "suite.h"

enum { FIRST = 40 }; /* the lower ones are the runner's */

static Activation activation;

/* As systemd lays them out; each test runs in a process of its own. */
static void put(int index, int fd) {
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(dup2(fd, FIRST + index), FIRST + index);
    if (fd != FIRST + index)
        close(fd);
}

static int tcp(ListenAddress *address, int backlog) {
    const char *why;
    ck_assert_int_eq(listen_address_parse(address, "127.0.0.1:0", &why), LISTEN_ADDRESS_OK);
    int fd = fcntl(socket(AF_INET, SOCK_STREAM, 0), F_DUPFD, 50);
    ck_assert_int_eq(bind(fd, &address->socket.any, address->n_bytes), 0);
    if (backlog > 0)
        ck_assert_int_eq(listen(fd, backlog), 0);
    ck_assert_int_eq(getsockname(fd, &address->socket.any, &address->n_bytes), 0);
    return fd;
}

static void announce(int n_sockets, const char *names) {
    char text[16];
    snprintf(text, sizeof(text), "%d", (int)getpid());
    setenv("LISTEN_PID", text, 1);
    snprintf(text, sizeof(text), "%d", n_sockets);
    setenv("LISTEN_FDS", text, 1);
    if (names)
        setenv("LISTEN_FDNAMES", names, 1);
    else
        unsetenv("LISTEN_FDNAMES");
}

START_TEST(a_socket_is_taken_by_its_address_once) {
    ListenAddress first, second;
    put(0, tcp(&first, 8));
    put(1, tcp(&second, 8));
    announce(2, "barker.socket:barker.socket");
    ck_assert_int_eq(activation_init(&activation, FIRST), 0);
    ck_assert_int_eq(activation_take_at(&activation, &second), FIRST + 1);
    ck_assert_int_eq(activation_take_at(&activation, &second), -1);
    ck_assert_ptr_eq(activation_left(&activation), &activation.sockets[0]);
    ck_assert_int_eq(activation_take_at(&activation, &first), FIRST);
    ck_assert_ptr_null(activation_left(&activation));
    activation_finish(&activation);
    ck_assert_int_ge(fcntl(FIRST, F_GETFD), 0); /* it is its taker's */
}
END_TEST

START_TEST(a_named_socket_is_taken_by_its_name_whatever_its_address) {
    ListenAddress first, second, found;
    put(0, tcp(&first, 8));
    put(1, tcp(&second, 8));
    announce(2, "wss:clients");
    ck_assert_int_eq(activation_init(&activation, FIRST), 0);
    ck_assert_int_eq(activation_take_at(&activation, &first), -1);
    ck_assert_int_eq(activation_take_named(&activation, "clients", &found), FIRST + 1);
    ck_assert(listen_address_is_equal(&found, &second));
    ck_assert_int_eq(activation_take_named(&activation, "clients", &found), -1);
    ck_assert_int_eq(activation_take_named(&activation, "admin", &found), -1);
    ck_assert_int_eq(activation_take_named(&activation, "wss", &found), FIRST);
    activation_finish(&activation);
}
END_TEST

START_TEST(a_unix_socket_is_taken_by_its_path) {
    char text[64], other[72];
    const char *why;
    ListenAddress address, elsewhere;
    snprintf(text, sizeof(text), "unix:/tmp/barker-test-inherited-%d", (int)getpid());
    snprintf(other, sizeof(other), "%s-not", text);
    ck_assert_int_eq(listen_address_parse(&address, text, &why), LISTEN_ADDRESS_OK);
    ck_assert_int_eq(listen_address_parse(&elsewhere, other, &why), LISTEN_ADDRESS_OK);
    int fd = fcntl(socket(AF_UNIX, SOCK_STREAM, 0), F_DUPFD, 50);
    ck_assert_int_eq(bind(fd, &address.socket.any, address.n_bytes), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    put(0, fd);
    announce(1, NULL);
    ck_assert_int_eq(activation_init(&activation, FIRST), 0);
    ck_assert_int_eq(activation_take_at(&activation, &elsewhere), -1);
    ck_assert_int_eq(activation_take_at(&activation, &address), FIRST);
    activation_finish(&activation);
    unlink(text + strlen("unix:"));
}
END_TEST

START_TEST(a_wildcard_is_found_whether_it_takes_ipv4_or_not) {
    const char *why;
    ListenAddress address;
    ck_assert_int_eq(listen_address_parse(&address, ":0", &why), LISTEN_ADDRESS_OK);
    int fd = socket(AF_INET6, SOCK_STREAM, 0), on = 1;
    if (fd < 0)
        return; /* a machine without IPv6 */
    fd = fcntl(fd, F_DUPFD, 50);
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    ck_assert_int_eq(bind(fd, &address.socket.any, address.n_bytes), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    ck_assert_int_eq(getsockname(fd, &address.socket.any, &address.n_bytes), 0);
    put(0, fd);
    announce(1, NULL);
    ck_assert_int_eq(activation_init(&activation, FIRST), 0);
    ck_assert(!activation.sockets[0].address.is_dual_stack);
    ck_assert_int_eq(activation_take_at(&activation, &address), FIRST);
    activation_finish(&activation);
}
END_TEST

START_TEST(what_is_inherited_does_not_block_and_is_no_childs) {
    ListenAddress address;
    put(0, tcp(&address, 8));
    announce(1, NULL);
    ck_assert_int_eq(activation_init(&activation, FIRST), 0);
    ck_assert_int_ne(fcntl(FIRST, F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_ne(fcntl(FIRST, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_ptr_null(getenv("LISTEN_PID"));
    ck_assert_ptr_null(getenv("LISTEN_FDS"));
    ck_assert_ptr_null(getenv("LISTEN_FDNAMES"));
    activation_finish(&activation);
    ck_assert_int_eq(fcntl(FIRST, F_GETFD), -1); /* nobody took it */
}
END_TEST

START_TEST(sockets_of_another_process_are_left_alone) {
    ListenAddress address;
    put(0, tcp(&address, 8));
    announce(1, NULL);
    setenv("LISTEN_PID", "1", 1);
    ck_assert_int_eq(activation_init(&activation, FIRST), 0);
    ck_assert_uint_eq(activation.n_sockets, 0);
    ck_assert_int_eq(fcntl(FIRST, F_GETFD) & FD_CLOEXEC, 0);
}
END_TEST

START_TEST(what_is_no_listening_socket_is_an_error) {
    ListenAddress address;
    put(0, tcp(&address, 0));
    announce(1, NULL);
    ck_assert_int_eq(activation_init(&activation, FIRST), -ENOTSOCK);
    activation_finish(&activation);
    put(0, fcntl(open("/dev/null", O_RDONLY), F_DUPFD, 50));
    announce(1, NULL);
    ck_assert_int_eq(activation_init(&activation, FIRST), -ENOTSOCK);
    activation_finish(&activation);
    announce(ACTIVATION_MAX + 1, NULL);
    ck_assert_int_eq(activation_init(&activation, FIRST), -E2BIG);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_socket_is_taken_by_its_address_once,
        a_named_socket_is_taken_by_its_name_whatever_its_address,
        a_unix_socket_is_taken_by_its_path,
        a_wildcard_is_found_whether_it_takes_ipv4_or_not,
        what_is_inherited_does_not_block_and_is_no_childs,
        sockets_of_another_process_are_left_alone,
        what_is_no_listening_socket_is_an_error,
    };
    return run_suite("activation", tests, N_ELEMENTS(tests));
}
