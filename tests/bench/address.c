#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 4096 };

int address_parse(Address *address, const char *text) {
    if (strncmp(text, "ws://", 5) == 0)
        text += 5;
    const char *colon = strrchr(text, ':');
    size_t n_host = colon != NULL ? (size_t)(colon - text) : 0;
    char host[64];
    if (n_host == 0 || colon[1] == '\0' || strlen(text) >= sizeof(address->text))
        return -EINVAL;
    bool is_bracketed = text[0] == '[' && text[n_host - 1] == ']';
    snprintf(host, sizeof(host), "%.*s", (int)(is_bracketed ? n_host - 2 : n_host), text + is_bracketed);
    if (strcmp(host, "localhost") == 0)
        snprintf(host, sizeof(host), "127.0.0.1");

    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
        return -EINVAL;
    memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
    address->n_bytes = found->ai_addrlen;
    freeaddrinfo(found);
    snprintf(address->text, sizeof(address->text), "%s", text);
    return 0;
}

bool address_is_ipv4_loopback(const Address *address) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address->storage;
    return in->sin_family == AF_INET && ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static int bind_source(int fd, uint8_t source_host) {
    int on = 1;
    struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl((IN_LOOPBACKNET << 24) | source_host)};
    /* The port is chosen at connect(), where only the pair of addresses has to be unique. */
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    return bind(fd, (const struct sockaddr *)&source, sizeof(source)) == 0 ? 0 : -errno;
}

int address_connect(const Address *address, bool is_blocking, uint8_t source_host) {
    int on = 1;
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | (is_blocking ? 0 : SOCK_NONBLOCK), 0);
    if (fd < 0)
        return -errno;
    int error = source_host != 0 ? bind_source(fd, source_host) : 0;
    if (error == 0 && connect(fd, (const struct sockaddr *)&address->storage, address->n_bytes) != 0 && errno != EINPROGRESS)
        error = -errno;
    if (error == 0 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
        error = -errno;
    if (error == 0)
        return fd;
    close(fd);
    return error;
}

int address_listen(const Address *address) {
    int on = 1;
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)&address->storage, address->n_bytes) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
        return fd;
    int error = -errno;
    close(fd);
    return error;
}
