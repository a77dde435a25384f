#include "app/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"

enum { NOTIFY_AGAIN_MS = 500 }; /* while all is not well */

/* "/path", or "@name" in the abstract namespace. */
static int notify_connect(int *out, const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n_path = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || n_path < 2)
        return error_origin(-EAFNOSUPPORT);
    if (n_path >= sizeof(address.sun_path))
        return error_origin(-ENAMETOOLONG);
    memcpy(address.sun_path, path, n_path);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_origin(-errno);
    if (connect(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n_path)) < 0) {
        int error = -errno;
        close(fd);
        return error_origin(error);
    }
    *out = fd;
    return 0;
}

static uint64_t notify_number(const char *name) {
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : 0;
}

static uint32_t notify_watchdog_ms(void) {
    uint64_t pid = notify_number("WATCHDOG_PID"), half_ms = notify_number("WATCHDOG_USEC") / 2000;
    if (pid != 0 && pid != (uint64_t)getpid())
        return 0;
    return half_ms < UINT32_MAX ? (uint32_t)half_ms : UINT32_MAX;
}

int notify_init(Notify *notify) {
    *notify = (Notify){.fd = -1};
    const char *path = getenv("NOTIFY_SOCKET");
    int r = path ? notify_connect(&notify->fd, path) : 0;
    if (notify->fd >= 0)
        notify->watchdog_ms = notify_watchdog_ms();
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return r < 0 ? error_trace(r) : 0;
}

void notify_finish(Notify *notify) {
    if (notify->fd >= 0)
        close(notify->fd);
    notify->fd = -1;
}

/* One datagram. What systemd does not take now is lost: a node does not wait for who watches it. */
static void notify_send(const Notify *notify, const char *text, int n_text) {
    if (notify->fd >= 0 && n_text > 0)
        (void)send(notify->fd, text, (size_t)n_text, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void notify_ready(Notify *notify, const char *status) {
    char text[256];
    snprintf(text, sizeof(text), "READY=1\nSTATUS=%s", status);
    notify_send(notify, text, (int)strlen(text));
}

/* The time tells this answer from that to an earlier reload: not before the signal, so the millisecond is rounded up. */
void notify_reloading(Notify *notify, uint64_t now_ms) {
    char text[80];
    notify_send(notify, text,
                snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, (now_ms + 1) * UINT64_C(1000)));
}

void notify_stopping(Notify *notify, uint32_t at_most_ms) {
    char text[128];
    notify_send(
        notify, text,
        snprintf(text, sizeof(text), "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=%" PRIu64, at_most_ms * UINT64_C(1000)));
}

uint32_t notify_wait_ms(const Notify *notify, uint32_t limit_ms, uint64_t now_ms) {
    if (notify->watchdog_ms == 0)
        return limit_ms;
    uint64_t left_ms = notify->due_ms > now_ms ? notify->due_ms - now_ms : 0;
    return left_ms < limit_ms ? (uint32_t)left_ms : limit_ms;
}

bool notify_is_due(const Notify *notify, uint64_t now_ms) {
    return notify->watchdog_ms > 0 && now_ms >= notify->due_ms;
}

void notify_alive(Notify *notify, bool is_alive, uint64_t now_ms) {
    if (is_alive)
        notify_send(notify, "WATCHDOG=1", (int)strlen("WATCHDOG=1"));
    bool is_soon = !is_alive && notify->watchdog_ms > NOTIFY_AGAIN_MS;
    notify->due_ms = now_ms + (is_soon ? NOTIFY_AGAIN_MS : notify->watchdog_ms);
}
