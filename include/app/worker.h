/* Worker: one thread with its own loop, lws context, listen sockets, hub, wheel and sessions. Shares nothing.
   Owner: its thread, once started; what is said otherwise below is the main thread's. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/mail.h"
#include "app/settings.h"
#include "base/inbox.h"
#include "base/metrics.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/ws_server.h"
#include "session/table.h"

enum { WORKER_LISTENERS_MAX = 32 };

typedef struct WorkerOptions {
    uint32_t index;
    Settings *settings;  /* the worker takes its own reference */
    const char *node_id; /* borrowed, outlives the worker */
    Tally *users;        /* each user's connections, over all workers; borrowed, outlives the worker */
    uint32_t n_workers;
    HttpHandler *http;
    void *http_context;
    Admission *admission; /* shared by all workers; outlives them */
    bool has_proxy_header;
    Tls *tls;                 /* borrowed; NULL: no clients by TLS */
    size_t inbox_limit_bytes; /* of messages waiting for this worker */
    Inbox *bus;
    Inbox *desk;                  /* that surveys are answered to; NULL: nobody asks */
    void (*ended)(void *context); /* the worker's thread is about to return */
    void *ended_context;
} WorkerOptions;

typedef struct Worker {
    BrokerPort port; /* the worker's way to the bus */
    WorkerOptions options;
    Settings *settings; /* that it goes by */
    pthread_t thread;
    Loop loop;
    Inbox inbox;
    SessionTable sessions;
    WsServer *ws;
    WsServerCounters ws_counters;
    Counter controls; /* commands that it has taken out of its inbox; the desk knows how many it has put there */
    ListNode walks;   /* over its channels, for surveys that take more than a moment */
    Listener *listeners[WORKER_LISTENERS_MAX];
    unsigned n_listeners;
    bool is_started;
    bool is_drained; /* the main thread's: it has been told to */
    bool is_stopping;
} Worker;

/* Main thread, before any worker runs. 0 or -errno; on error nothing is left. */
int worker_init(Worker *worker, const WorkerOptions *options);
/* Owns the descriptor, also on error; before worker_start. */
int worker_listen(Worker *worker, int fd, bool is_tls);
int worker_start(Worker *worker);
/* Main thread: joins it if it was started, closes its loop and frees everything. The bus, which wakes that loop, has ended. */
void worker_finish(Worker *worker);

/* Any thread: shows these certificates to clients from now on. */
void worker_renew(Worker *worker, Tls *tls);
/* Any thread: goes by these from now on. */
void worker_configure(Worker *worker, Settings *settings);
/* Any thread: stops listening, tells its connections to go over the window, ends the thread when the last has gone. */
void worker_drain(Worker *worker, uint32_t window_ms);
/* The same at once, also when a window is under way. */
void worker_stop(Worker *worker);
/* Any thread, after worker_stop: waits for no connection any longer. */
void worker_terminate(Worker *worker);
