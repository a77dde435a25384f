#include "app/signals.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

static pthread_t signals_thread;

static sigset_t signals_set(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    return set;
}

void signals_block(void) {
    sigset_t set = signals_set();
    signals_thread = pthread_self();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int signals_wait(void) {
    sigset_t set = signals_set();
    int number = 0;
    while (sigwait(&set, &number) != 0)
        ;
    return number == SIGUSR1 ? 0 : number;
}

void signals_nudge(void *unused) {
    pthread_kill(signals_thread, SIGUSR1);
}
