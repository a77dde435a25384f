#include "app/config_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int parse_unix(ListenAddress *address, const char *path, const char **why) {
    struct sockaddr_un *to = (struct sockaddr_un *)&address->socket.storage;
    size_t n_path = strlen(path);

    if (path[0] != '/') {
        *why = "unix: wants an absolute path, such as unix:/run/barker.sock";
        return LISTEN_ADDRESS_BAD;
    }
    if (n_path >= sizeof(to->sun_path)) {
        *why = "the path of a unix socket has at most 107 bytes";
        return LISTEN_ADDRESS_BAD;
    }
    to->sun_family = AF_UNIX;
    memcpy(to->sun_path, path, n_path + 1);
    address->n_bytes = sizeof(*to);
    return LISTEN_ADDRESS_OK;
}

/* One to five digits up to 65535. */
static bool parse_port(in_port_t *port, const char *text) {
    size_t n_digits = strspn(text, "0123456789");
    unsigned value = 0;

    if (n_digits == 0 || n_digits > 5 || text[n_digits] != '\0')
        return false;
    for (size_t i = 0; i < n_digits; i++)
        value = value * 10 + (unsigned)(text[i] - '0');
    if (value > UINT16_MAX)
        return false;
    *port = htons((uint16_t)value);
    return true;
}

static bool parse_ipv4(ListenAddress *address, const char *host, in_port_t port) {
    struct sockaddr_in *to = (struct sockaddr_in *)&address->socket.storage;

    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &to->sin_addr) != 1)
        return false;
    to->sin_family = AF_INET;
    to->sin_port = port;
    address->n_bytes = sizeof(*to);
    return true;
}

static bool parse_ipv6(ListenAddress *address, const char *host, in_port_t port) {
    struct sockaddr_in6 *to = (struct sockaddr_in6 *)&address->socket.storage;

    if (inet_pton(AF_INET6, host, &to->sin6_addr) != 1)
        return false;
    to->sin6_family = AF_INET6;
    to->sin6_port = port;
    address->n_bytes = sizeof(*to);
    return true;
}

static int parse_tcp(ListenAddress *address, const char *text, const char **why) {
    char host[INET6_ADDRSTRLEN + sizeof("[]")];
    const char *colon = strrchr(text, ':');
    size_t n_host = colon ? (size_t)(colon - text) : 0;
    in_port_t port = 0;

    *why = "host:port, [IPv6]:port, :port or unix:/path would be right, with a numeric address or localhost";
    if (!colon || n_host >= sizeof(host))
        return LISTEN_ADDRESS_BAD;
    memcpy(host, text, n_host);
    host[n_host] = '\0';
    if (host[0] != '[' && strchr(host, ':')) {
        *why = "an IPv6 address wants brackets and a port: [::1]:8080";
        return LISTEN_ADDRESS_BAD;
    }
    if (!parse_port(&port, colon + 1)) {
        *why = "the port is a number from 0 to 65535";
        return LISTEN_ADDRESS_BAD;
    }
    if (n_host == 0) {
        address->is_dual_stack = true;
        return parse_ipv6(address, "::", port) ? LISTEN_ADDRESS_OK : LISTEN_ADDRESS_BAD;
    }
    if (host[0] == '[' && host[n_host - 1] == ']') {
        host[n_host - 1] = '\0';
        return parse_ipv6(address, host + 1, port) ? LISTEN_ADDRESS_OK : LISTEN_ADDRESS_BAD;
    }
    return parse_ipv4(address, host, port) ? LISTEN_ADDRESS_OK : LISTEN_ADDRESS_BAD;
}

int listen_address_parse(ListenAddress *address, const char *text, const char **why) {
    ListenAddress parsed;
    int r;

    memset(&parsed, 0, sizeof(parsed));
    if (strncmp(text, "unix:", 5) == 0)
        r = parse_unix(&parsed, text + 5, why);
    else
        r = parse_tcp(&parsed, text, why);
    if (r == LISTEN_ADDRESS_OK)
        *address = parsed;
    return r;
}

char *listen_address_format(char *text, size_t n_text, const ListenAddress *address) {
    char host[INET6_ADDRSTRLEN] = "";

    if (address->socket.any.sa_family == AF_UNIX) {
        snprintf(text, n_text, "unix:%s", ((const struct sockaddr_un *)&address->socket.storage)->sun_path);
    } else if (address->socket.any.sa_family == AF_INET) {
        const struct sockaddr_in *from = (const struct sockaddr_in *)&address->socket.storage;
        inet_ntop(AF_INET, &from->sin_addr, host, sizeof(host));
        snprintf(text, n_text, "%s:%u", host, ntohs(from->sin_port));
    } else if (address->is_dual_stack) {
        snprintf(text, n_text, ":%u", ntohs(((const struct sockaddr_in6 *)&address->socket.storage)->sin6_port));
    } else {
        const struct sockaddr_in6 *from = (const struct sockaddr_in6 *)&address->socket.storage;
        inet_ntop(AF_INET6, &from->sin6_addr, host, sizeof(host));
        snprintf(text, n_text, "[%s]:%u", host, ntohs(from->sin6_port));
    }
    return text;
}

bool listen_address_is_equal(const ListenAddress *a, const ListenAddress *b) {
    return a->n_bytes == b->n_bytes && a->is_dual_stack == b->is_dual_stack && memcmp(&a->socket, &b->socket, a->n_bytes) == 0;
}

bool listen_address_is_local(const ListenAddress *address) {
    switch (address->socket.any.sa_family) {
    case AF_UNIX:
        return true;
    case AF_INET:
        return ntohl(((const struct sockaddr_in *)&address->socket)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    default:
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&address->socket)->sin6_addr);
    }
}
