#include "app/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

static const char *const activation_kinds[] = {"clients", "wss", "admin"};

static int activation_number(const char *name) {
    const char *text = getenv(name);
    return text ? (int)strtol(text, NULL, 10) : 0;
}

static int activation_option(int fd, int level, int option, int fallback) {
    int value = fallback;
    socklen_t n_value = sizeof(value);
    return getsockopt(fd, level, option, &value, &n_value) < 0 ? fallback : value;
}

static bool activation_is_wildcard(const ListenAddress *address) {
    const struct sockaddr_in6 *from = (const struct sockaddr_in6 *)&address->socket.storage;
    return address->socket.any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&from->sin6_addr);
}

static int activation_adopt(ActivationSocket *adopted, int fd) {
    ListenAddress *address = &adopted->address;
    *adopted = (ActivationSocket){.fd = fd, .address = {.n_bytes = sizeof(address->socket)}};
    if (activation_option(fd, SOL_SOCKET, SO_ACCEPTCONN, 0) != 1 ||
        activation_option(fd, SOL_SOCKET, SO_TYPE, 0) != SOCK_STREAM)
        return error_origin(-ENOTSOCK);
    if (getsockname(fd, &address->socket.any, &address->n_bytes) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
        return error_origin(-errno);
    address->is_dual_stack = activation_is_wildcard(address) && !activation_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    return 0;
}

/* Names of others, such as the unit's own that systemd gives by default, are as none. */
static void activation_name(ActivationSocket *named, const char *name, size_t n_name) {
    for (size_t i = 0; i < sizeof(activation_kinds) / sizeof(activation_kinds[0]); i++)
        if (strlen(activation_kinds[i]) == n_name && memcmp(activation_kinds[i], name, n_name) == 0)
            memcpy(named->name, name, n_name);
}

static int activation_adopt_all(Activation *activation, int first, int n_sockets) {
    const char *name = getenv("LISTEN_FDNAMES");
    if (n_sockets > ACTIVATION_MAX)
        return error_origin(-E2BIG);
    for (int i = 0; i < n_sockets; i++) {
        ActivationSocket *adopted = &activation->sockets[activation->n_sockets++];
        int r = activation_adopt(adopted, first + i);
        if (r < 0)
            return error_trace(r);
        size_t n_name = name ? strcspn(name, ":") : 0;
        if (name) {
            activation_name(adopted, name, n_name);
            name = name[n_name] ? name + n_name + 1 : NULL;
        }
    }
    return 0;
}

int activation_init(Activation *activation, int first) {
    *activation = (Activation){.n_sockets = 0};
    int r = 0;
    if (activation_number("LISTEN_PID") == getpid())
        r = activation_adopt_all(activation, first, activation_number("LISTEN_FDS"));
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return r < 0 ? error_trace(r) : 0;
}

void activation_finish(Activation *activation) {
    for (uint32_t i = 0; i < activation->n_sockets; i++)
        if (activation->sockets[i].fd >= 0)
            close(activation->sockets[i].fd);
    activation->n_sockets = 0;
}

static int activation_take(ActivationSocket *taken) {
    int fd = taken->fd;
    taken->fd = -1;
    return fd;
}

int activation_take_named(Activation *activation, const char *kind, ListenAddress *address) {
    for (uint32_t i = 0; i < activation->n_sockets; i++) {
        ActivationSocket *found = &activation->sockets[i];
        if (found->fd < 0 || strcmp(found->name, kind) != 0)
            continue;
        *address = found->address;
        return activation_take(found);
    }
    return -1;
}

/* Whether a wildcard takes IPv4 too was for systemd to say (BindIPv6Only). A unix path may be told with its NUL or without. */
static bool activation_is_at(const ActivationSocket *found, const ListenAddress *address) {
    const ListenAddress *own = &found->address;
    if (own->socket.any.sa_family != address->socket.any.sa_family)
        return false;
    if (own->socket.any.sa_family == AF_UNIX)
        return strcmp(((const struct sockaddr_un *)&own->socket)->sun_path,
                      ((const struct sockaddr_un *)&address->socket)->sun_path) == 0;
    return own->n_bytes == address->n_bytes && memcmp(&own->socket, &address->socket, own->n_bytes) == 0;
}

int activation_take_at(Activation *activation, const ListenAddress *address) {
    for (uint32_t i = 0; i < activation->n_sockets; i++) {
        ActivationSocket *found = &activation->sockets[i];
        if (found->fd >= 0 && !found->name[0] && activation_is_at(found, address))
            return activation_take(found);
    }
    return -1;
}

const ActivationSocket *activation_left(const Activation *activation) {
    for (uint32_t i = 0; i < activation->n_sockets; i++)
        if (activation->sockets[i].fd >= 0)
            return &activation->sockets[i];
    return NULL;
}
