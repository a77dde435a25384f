#include "app/signals.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

static pthread_t signals_thread;

static sigset_t signals_of_the_end(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

static sigset_t signals_set(void) {
    sigset_t set = signals_of_the_end();
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    return set;
}

void signals_block(void) {
    sigset_t set = signals_set();
    signals_thread = pthread_self();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Of several that wait the kernel hands over the lowest number: one SIGHUP after another would keep the end waiting. */
int signals_wait(uint32_t limit_ms) {
    sigset_t end = signals_of_the_end(), set = signals_set();
    struct timespec now = {0}, limit = {.tv_sec = limit_ms / 1000, .tv_nsec = limit_ms % 1000 * 1000000L};
    int number = sigtimedwait(&end, NULL, &now);
    if (number < 0)
        number = sigtimedwait(&set, NULL, &limit);
    return number < 0 || number == SIGUSR1 ? 0 : number;
}

void signals_nudge(void *unused) {
    pthread_kill(signals_thread, SIGUSR1);
}
