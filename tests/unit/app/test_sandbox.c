#include "app/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/suite.h"

/* In a process of its own that is sandboxed: what it returns, or -1 when it was ended for a system call. */
static int shut_in(int (*act)(void)) {
    int status;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        if (sandbox_prepare() < 0 || sandbox_enter() < 0)
            _exit(99);
        _exit(act());
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        ck_assert_int_eq(WTERMSIG(status), SIGSYS);
        return -1;
    }
    return WEXITSTATUS(status);
}

static void *say_seven(void *unused) {
    return (void *)7;
}

static int start_a_thread(void) {
    pthread_t thread;
    void *result = NULL;
    if (pthread_create(&thread, NULL, say_seven, NULL) != 0 || pthread_join(thread, &result) != 0)
        return 1;
    return result == (void *)7 ? 0 : 2;
}

static int read_a_file(void) {
    char byte;
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read(fd, &byte, 1) == 1 && close(fd) == 0 ? 0 : 1;
}

static int write_a_file(void) {
    return open("/dev/null", O_WRONLY | O_CLOEXEC) < 0 && errno == EACCES ? 0 : 1;
}

static int resolve_a_name(void) {
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    if (getaddrinfo("localhost", "80", &hints, &found) != 0)
        return 1;
    freeaddrinfo(found);
    return 0;
}

static int talk_over_sockets(void) {
    int ends[2];
    char byte = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return 1;
    return write(ends[0], "x", 1) == 1 && read(ends[1], &byte, 1) == 1 && byte == 'x' ? 0 : 2;
}

static int ask_for_io_uring(void) {
    struct io_uring_params parameters = {0};
    return syscall(SYS_io_uring_setup, 8, &parameters) < 0 && errno == ENOSYS ? 0 : 1;
}

static int end_itself_in_order(void) {
    raise(SIGURG);
    return 0;
}

START_TEST(what_a_node_needs_it_may) {
    ck_assert_int_eq(shut_in(start_a_thread), 0);
    ck_assert_int_eq(shut_in(read_a_file), 0);
    ck_assert_int_eq(shut_in(resolve_a_name), 0);
    ck_assert_int_eq(shut_in(talk_over_sockets), 0);
    ck_assert_int_eq(shut_in(end_itself_in_order), 0);
}
END_TEST

START_TEST(files_are_not_written_and_io_uring_is_not_there) {
    ck_assert_int_eq(shut_in(write_a_file), 0);
    ck_assert_int_eq(shut_in(ask_for_io_uring), 0);
}
END_TEST

static int run_a_program(void) {
    char *const none[] = {NULL};
    return execve("/bin/true", none, none) < 0 ? 1 : 0;
}

static int open_a_raw_door(void) {
    return socket(AF_PACKET, SOCK_RAW, 0) < 0 ? 1 : 0;
}

static int open_a_door_of_its_own(void) {
    return listen(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 1) < 0 ? 1 : 0;
}

static int leave_its_namespace(void) {
    return unshare(CLONE_NEWUSER) < 0 ? 1 : 0;
}

static int become_another(void) {
    return setuid(getuid()) < 0 ? 1 : 0;
}

static int kill_another(void) {
    return kill(getppid(), 0) < 0 ? 1 : 0;
}

static int kill_a_thread_of_another(void) {
    return syscall(SYS_tgkill, getppid(), getppid(), 0) < 0 ? 1 : 0;
}

static int push_into_a_terminal(void) {
    return syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x") < 0 ? 1 : 0;
}

START_TEST(what_it_has_no_use_for_ends_it) {
    ck_assert_int_eq(shut_in(run_a_program), -1);
    ck_assert_int_eq(shut_in(open_a_raw_door), -1);
    ck_assert_int_eq(shut_in(open_a_door_of_its_own), -1);
    ck_assert_int_eq(shut_in(leave_its_namespace), -1);
    ck_assert_int_eq(shut_in(become_another), -1);
    ck_assert_int_eq(shut_in(kill_a_thread_of_another), -1);
    ck_assert_int_eq(shut_in(push_into_a_terminal), -1);
}
END_TEST

static int trace_another(void) {
    return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) < 0 ? 1 : 0;
}

static int start_a_process(void) {
    return fork() < 0 ? 1 : 0;
}

static int make_data_executable(void) {
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page != MAP_FAILED && mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0 ? 0 : 1;
}

static int map_what_is_both(void) {
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? 1 : 0;
}

/* The sanitizers do these themselves. */
START_TEST(it_starts_no_process_traces_none_and_runs_no_data) {
    int expected = sandbox_is_for_sanitizers() ? 0 : -1;
    ck_assert_int_eq(shut_in(start_a_process), expected);
    ck_assert_int_eq(shut_in(make_data_executable), expected);
    ck_assert_int_eq(shut_in(map_what_is_both), expected);
    if (sandbox_is_for_sanitizers())
        return;
    ck_assert_int_eq(shut_in(trace_another), -1);
    ck_assert_int_eq(shut_in(kill_another), -1);
}
END_TEST

static void *run_a_program_there(void *unused) {
    return run_a_program() ? unused : NULL;
}

static int from_another_thread(void) {
    pthread_t thread;
    void *result;
    if (pthread_create(&thread, NULL, run_a_program_there, NULL) != 0)
        return 1;
    return pthread_join(thread, &result) == 0 ? 2 : 3;
}

START_TEST(its_threads_are_shut_in_with_it) {
    ck_assert_int_eq(shut_in(from_another_thread), -1);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        what_a_node_needs_it_may,        files_are_not_written_and_io_uring_is_not_there,
        what_it_has_no_use_for_ends_it,  it_starts_no_process_traces_none_and_runs_no_data,
        its_threads_are_shut_in_with_it,
    };
    return run_suite("sandbox", tests, N_ELEMENTS(tests));
}
