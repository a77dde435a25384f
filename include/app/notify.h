/* Notify: tells systemd how far this process is, by the protocol of sd_notify(3). Owner: the main thread.
   Without NOTIFY_SOCKET in the environment nothing is told. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct Notify {
    int fd;               /* -1: nobody wants to know */
    uint32_t watchdog_ms; /* half of what WATCHDOG_USEC allows; 0: no watchdog */
    uint64_t due_ms;      /* the next word to the watchdog */
} Notify;

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and removes them, so that no child takes them for its own. On error nobody
   is told anything. 0 or -errno. */
int notify_init(Notify *notify);
void notify_finish(Notify *notify);

void notify_ready(Notify *notify, const char *status);     /* also: it has been reloaded. status: a line for people */
void notify_reloading(Notify *notify, uint64_t now_ms);    /* until notify_ready */
void notify_stopping(Notify *notify, uint32_t at_most_ms); /* how long the end may take */

/* How long may be waited for other things, limit_ms at most. */
uint32_t notify_wait_ms(const Notify *notify, uint32_t limit_ms, uint64_t now_ms);
bool notify_is_due(const Notify *notify, uint64_t now_ms); /* the watchdog wants to hear whether all is well */
void notify_alive(Notify *notify, bool is_alive, uint64_t now_ms);
