/* BusThread: the thread that owns all traffic with the broker, and the mail between it and the workers.
   Owner: its thread, once started; what is said otherwise below is the main thread's. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/config.h"
#include "app/mail.h"
#include "app/settings.h"
#include "base/inbox.h"
#include "broker/bus.h"
#include "broker/redis.h"
#include "broker/redis_counters.h"
#include "net/loop.h"

/* What one worker is about to get: gathered during a turn, so that it wakes once and writes once. */
typedef struct BusOutlet {
    Inbox *inbox;
    InboxBatch batch;
} BusOutlet;

typedef struct BusThreadCounters {
    Counter dropped; /* messages that a worker's full inbox refused; each run of them is announced as a gap */
} BusThreadCounters;

typedef struct BusThread {
    pthread_t thread;
    Loop loop;
    Inbox inbox;
    Bus bus;
    Backend *backend;
    Backend *(*backend_free)(Backend *backend);
    RedisUrl *urls;
    unsigned n_urls;
    BusOutlet outlets[BUS_WORKERS_MAX];
    BusThreadCounters counters;
    RedisCounters redis; /* of the links, once the thread has ended */
    uint64_t stop_ms;    /* stopping: the deadline; else 0 */
    bool is_busy;        /* finished, but the system still looks for a host: end the process by _exit */
    bool is_started;
    atomic_bool is_hurried;
    atomic_bool has_ended; /* its thread; it nudges the main thread then */
    Settings *settings;    /* that it goes by */
} BusThread;

/* Main thread. 0 or -errno; on error nothing is left. It takes its own reference of the settings, and their config outlives it
   all the same, as node_id does. */
int bus_thread_init(BusThread *thread, Settings *settings, const char *node_id, uint32_t n_workers);
void bus_thread_connect(BusThread *thread, uint32_t worker, Inbox *inbox); /* before bus_thread_start */
int bus_thread_start(BusThread *thread);
void bus_thread_configure(BusThread *thread, Settings *settings); /* any thread: it goes by these from now on */
void bus_thread_stop(BusThread *thread);                          /* any thread; the workers have ended */
void bus_thread_hurry(BusThread *thread);  /* any thread: once stopped, it waits for the broker no longer */
void bus_thread_finish(BusThread *thread); /* joins it if it was started, and frees everything */
