/* Socket: what the kernel is told and asked about one client's descriptor. Any thread; no state. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What every client's TCP socket gets; 0 leaves the kernel's own. */
typedef struct SocketOptions {
    uint32_t user_timeout_ms;   /* TCP_USER_TIMEOUT: unacknowledged for so long, and the kernel gives up (RFC 5482) */
    uint32_t unsent_bytes;      /* TCP_NOTSENT_LOWAT: no more is taken while so much waits unsent */
    uint32_t send_buffer_bytes; /* SO_SNDBUF; the kernel doubles it and stops growing it by itself */
} SocketOptions;

typedef struct SocketFacts {
    bool is_tcp;
    uint8_t tcp_state;             /* TCP_ESTABLISHED 1 to TCP_CLOSING 11, as in netinet/tcp.h */
    uint32_t silent_ms;            /* since the last byte came from the peer; TCP only */
    uint64_t n_acknowledged_bytes; /* of ours, by the peer's kernel; TCP only */
    uint32_t n_unsent_bytes;       /* in the kernel: unsent, and unacknowledged in whole segments; of a unix socket, not read */
} SocketFacts;

void socket_prepare(int fd, const SocketOptions *options); /* small frames leave at once; what fails is left as it is */
SocketFacts socket_look(int fd);                           /* all zero for a descriptor that is none */
void socket_drop(int fd);                                  /* lets its close throw away what the kernel still holds */
