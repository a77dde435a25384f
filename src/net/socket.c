#include "net/socket.h"

#include <linux/sockios.h>
#include <linux/tcp.h> /* the C library's own tcp_info is older */
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static void socket_set(int fd, int level, int option, uint32_t value) {
    setsockopt(fd, level, option, &value, sizeof(value));
}

void socket_prepare(int fd, const SocketOptions *options) {
    socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* fails on unix sockets, which need it not */
    if (options->user_timeout_ms)
        socket_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, options->user_timeout_ms);
    if (options->unsent_bytes)
        socket_set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, options->unsent_bytes);
    if (options->send_buffer_bytes)
        socket_set(fd, SOL_SOCKET, SO_SNDBUF, options->send_buffer_bytes);
}

/* One system call for TCP: the audit asks for every connection there is. */
SocketFacts socket_look(int fd) {
    SocketFacts facts = {0};
    struct tcp_info info = {0};
    socklen_t n_info = sizeof(info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n_info) == 0) {
        facts.is_tcp = true;
        facts.tcp_state = info.tcpi_state;
        facts.silent_ms = info.tcpi_last_data_recv;
        facts.n_acknowledged_bytes = info.tcpi_bytes_acked;
        facts.n_unsent_bytes = info.tcpi_notsent_bytes + info.tcpi_unacked * info.tcpi_snd_mss;
        return facts;
    }
    int n_unsent = 0;
    if (ioctl(fd, SIOCOUTQ, &n_unsent) == 0)
        facts.n_unsent_bytes = (uint32_t)n_unsent;
    return facts;
}

void socket_drop(int fd) {
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}
