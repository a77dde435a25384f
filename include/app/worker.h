/* Worker: one thread with its own loop, lws context, listen sockets, hub, wheel and sessions. Shares nothing.
   Owner: its thread, once started; what is said otherwise below is the main thread's. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/mail.h"
#include "base/inbox.h"
#include "base/metrics.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/ws_server.h"
#include "session/table.h"

enum { WORKER_LISTENERS_MAX = 32 };

typedef struct WorkerOptions {
    uint32_t index;
    SessionOptions sessions;
    HttpHandler *http;
    void *http_context;
    unsigned n_connections_limit; /* 0: none */
    SocketOptions socket;
    Admission *admission; /* shared by all workers; outlives them */
    bool has_proxy_header;
    Tls *tls;                 /* borrowed; NULL: no clients by TLS */
    const char *origins;      /* as WsServerOptions; borrowed, outlive the worker */
    const char *token_cookie; /* the same */
    size_t inbox_limit_bytes; /* of messages waiting for this worker */
    Inbox *bus;
    void (*ended)(void *context); /* the worker's thread is about to return */
    void *ended_context;
} WorkerOptions;

typedef struct Worker {
    BrokerPort port; /* the worker's way to the bus */
    WorkerOptions options;
    pthread_t thread;
    Loop loop;
    Inbox inbox;
    SessionTable sessions;
    WsServer *ws;
    WsServerCounters ws_counters;
    Listener *listeners[WORKER_LISTENERS_MAX];
    unsigned n_listeners;
    bool is_started;
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
/* Any thread: stops listening, closes every connection with 1001, ends the thread when the last has gone. */
void worker_stop(Worker *worker);
