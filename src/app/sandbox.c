#include "app/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/spaced.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANDBOX_HAS_SANITIZERS 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_HAS_SANITIZERS 1
#endif
#ifndef SANDBOX_HAS_SANITIZERS
#define SANDBOX_HAS_SANITIZERS 0
#endif

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

/* By name: a kernel or a libseccomp that does not know one is no reason not to start. The C libraries of Debian 12 and 13 use different
   ones of a kind, so that each kind is here with all its calls. */
static const char *const sandbox_calls[] = {
    /* memory; what is executable is a matter of sandbox_limits */
    "brk madvise mlock mlock2 mremap munlock munmap",
    /* threads */
    "arch_prctl exit exit_group futex futex_wait futex_waitv futex_wake get_robust_list getcpu gettid membarrier rseq",
    "sched_getaffinity sched_yield set_robust_list set_tid_address",
    /* signals */
    "restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigtimedwait sigaltstack",
    /* time */
    "clock_getres clock_gettime clock_nanosleep gettimeofday nanosleep time times",
    /* itself */
    "getegid geteuid getgid getpid getppid getrandom getrlimit getrusage getuid prlimit64 sysinfo uname",
    /* descriptors */
    "close close_range dup dup2 dup3 epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd2 fcntl lseek",
    "pipe pipe2 poll ppoll pread64 preadv pselect6 pwrite64 pwritev read readv select write writev",
    /* sockets, of the families in sandbox_limits; those that listen do so before */
    "accept accept4 bind connect getpeername getsockname getsockopt recvfrom recvmmsg recvmsg sendmmsg sendmsg sendto",
    "setsockopt shutdown socketpair",
    /* files: certificates and keys that are loaded anew, names that are resolved, our sockets that are removed at the end */
    "access faccessat faccessat2 fstat getdents64 lstat newfstatat readlink readlinkat stat statx unlink unlinkat",
#if SANDBOX_HAS_SANITIZERS
    "clone getdents kill mmap mprotect open personality prctl process_vm_readv ptrace sched_getparam sched_getscheduler tkill",
    "wait4",
#endif
};

/* A call that is allowed, or refused with an error, when these bits of one of its arguments are so. */
typedef struct SandboxLimit {
    const char *name;
    unsigned argument;
    uint64_t mask;
    uint64_t value;
    int error; /* 0: it is allowed */
} SandboxLimit;

#define INT_BITS UINT32_MAX /* the kernel takes no more of an int */

static const SandboxLimit sandbox_limits[] = {
    {"socket", 0, INT_BITS, AF_UNIX, 0},
    {"socket", 0, INT_BITS, AF_INET, 0},
    {"socket", 0, INT_BITS, AF_INET6, 0},
    {"socket", 0, INT_BITS, AF_NETLINK, 0}, /* the resolver asks for the addresses that there are */
    {"ioctl", 1, INT_BITS, FIONBIO, 0},
    {"ioctl", 1, INT_BITS, FIONREAD, 0},
    {"ioctl", 1, INT_BITS, FIOCLEX, 0},
    {"ioctl", 1, INT_BITS, SIOCOUTQ, 0},
    {"ioctl", 1, INT_BITS, TCGETS, 0}, /* isatty */
    {"ioctl", 1, INT_BITS, TIOCGWINSZ, 0},
    {"openat", 2, O_ACCMODE, O_RDONLY, 0},
    {"openat", 2, O_ACCMODE, O_WRONLY, EACCES},
    {"openat", 2, O_ACCMODE, O_RDWR, EACCES},
#if !SANDBOX_HAS_SANITIZERS
    {"open", 1, O_ACCMODE, O_RDONLY, 0},
    {"open", 1, O_ACCMODE, O_WRONLY, EACCES},
    {"open", 1, O_ACCMODE, O_RDWR, EACCES},
    {"clone", 0, CLONE_THREAD, CLONE_THREAD, 0}, /* no other process */
    {"prctl", 0, INT_BITS, PR_SET_NAME, 0},
    {"prctl", 0, INT_BITS, PR_GET_NAME, 0},
    {"prctl", 0, INT_BITS, PR_SET_VMA, 0}, /* glibc names its memory */
    /* What may be written to is not executed. */
    {"mmap", 2, PROT_WRITE | PROT_EXEC, 0, 0},
    {"mmap", 2, PROT_WRITE | PROT_EXEC, PROT_WRITE, 0},
    {"mmap", 2, PROT_WRITE | PROT_EXEC, PROT_EXEC, 0},
    {"mprotect", 2, PROT_EXEC, 0, 0},
#endif
};

/* Refused as by a kernel that has not got them: the C library has another way. What clone3 asks for lies in memory, where no rule sees
   it. */
static const char *const sandbox_absent[] = {"clone3 io_uring_enter io_uring_register io_uring_setup openat2"};

enum { NAME_MAX_BYTES = 32 };

static int sandbox_result(int r) {
    return r == 0 || r == -EEXIST ? 0 : error_origin(r);
}

static int sandbox_add_name(scmp_filter_ctx filter, uint32_t action, const char *name) {
    int number = seccomp_syscall_resolve_name(name);
    return number < 0 ? 0 : sandbox_result(seccomp_rule_add_exact_array(filter, action, number, 0, NULL));
}

static int sandbox_add_names(scmp_filter_ctx filter, uint32_t action, const char *const *lines, size_t n_lines) {
    int r = 0;
    for (size_t i = 0; i < n_lines; i++) {
        const char *at = lines[i], *item;
        size_t n_item;
        while (r == 0 && (item = spaced_next(&at, &n_item))) {
            char name[NAME_MAX_BYTES];
            snprintf(name, sizeof name, "%.*s", (int)n_item, item);
            r = sandbox_add_name(filter, action, name);
        }
    }
    return r < 0 ? error_trace(r) : 0;
}

static int sandbox_add_limit(scmp_filter_ctx filter, const SandboxLimit *limit) {
    int number = seccomp_syscall_resolve_name(limit->name);
    uint32_t action = limit->error ? SCMP_ACT_ERRNO((uint16_t)limit->error) : SCMP_ACT_ALLOW;
    const struct scmp_arg_cmp compare = {
        .arg = limit->argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = limit->mask, .datum_b = limit->value};
    return number < 0 ? 0 : sandbox_result(seccomp_rule_add_exact_array(filter, action, number, 1, &compare));
}

/* Without the libseccomp's own words for errors; for all threads; a call of another architecture ends the process, too. */
static int sandbox_load(scmp_filter_ctx filter) {
    int r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 1);
    if (r == 0)
        r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (r == 0)
        r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (r == 0)
        r = seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
    if (r == 0)
        r = seccomp_load(filter);
    return r < 0 ? error_origin(r) : 0;
}

static int sandbox_add_absent(scmp_filter_ctx filter) {
    int r = sandbox_add_names(filter, SCMP_ACT_ERRNO(ENOSYS), sandbox_absent, sizeof sandbox_absent / sizeof sandbox_absent[0]);
    return r < 0 ? error_trace(r) : 0;
}

static int sandbox_add_all(scmp_filter_ctx filter) {
    int r = sandbox_add_absent(filter);
    if (r == 0)
        r = sandbox_add_names(filter, SCMP_ACT_ALLOW, sandbox_calls, sizeof sandbox_calls / sizeof sandbox_calls[0]);
    for (size_t i = 0; r == 0 && i < sizeof sandbox_limits / sizeof sandbox_limits[0]; i++)
        r = sandbox_add_limit(filter, &sandbox_limits[i]);
    const SandboxLimit itself = {.name = "tgkill", .mask = INT_BITS, .value = (uint64_t)getpid()};
    if (r == 0)
        r = sandbox_add_limit(filter, &itself);
    return r < 0 ? error_trace(r) : 0;
}

static int sandbox_install(uint32_t otherwise, int (*add)(scmp_filter_ctx filter)) {
    scmp_filter_ctx filter = seccomp_init(otherwise);
    if (!filter)
        return error_origin(-ENOMEM);
    int r = add(filter);
    if (r == 0)
        r = sandbox_load(filter);
    seccomp_release(filter);
    return r < 0 ? error_trace(r) : 0;
}

int sandbox_prepare(void) {
    int r = sandbox_install(SCMP_ACT_ALLOW, sandbox_add_absent);
    return r < 0 ? error_trace(r) : 0;
}

int sandbox_enter(void) {
    int r = sandbox_install(SCMP_ACT_KILL_PROCESS, sandbox_add_all);
    return r < 0 ? error_trace(r) : 0;
}

bool sandbox_is_for_sanitizers(void) {
    return SANDBOX_HAS_SANITIZERS;
}
