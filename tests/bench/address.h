/* Address: where a server listens, and the sockets that lead there. Any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

typedef struct Address {
    struct sockaddr_storage storage;
    socklen_t n_bytes;
    char text[64]; /* host:port as it was given, for the Host header and for messages */
} Address;

/* "127.0.0.1:8080", "[::1]:8080" or "localhost:8080", with or without "ws://" before it. 0, or -EINVAL. */
int address_parse(Address *address, const char *text);

/* A TCP socket without Nagle's delay; the caller closes it. -errno on failure.
   Blocking: connected when it returns. Else the connection may be under way still.
   source_host: 0, or the last octet of the 127.0.0.x that the socket is bound to (IPv4 loopback only). */
int address_connect(const Address *address, bool is_blocking, uint8_t source_host);
int address_listen(const Address *address); /* a non-blocking listener, or -errno; the caller closes it */
bool address_is_ipv4_loopback(const Address *address);
