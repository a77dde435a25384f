/* Desk: the thread for operators and backends: the admin listener with the HTTP API, /metrics and health, and the node's ear for
   control commands. Towards the bus it is one more worker, the last. Owner: its thread, once started; what is said otherwise below
   is the main thread's. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/activation.h"
#include "app/bus_thread.h"
#include "app/mail.h"
#include "app/reload.h"
#include "app/worker.h"
#include "base/inbox.h"
#include "http/desk_routes.h"
#include "http/node.h"
#include "net/http_server.h"
#include "net/loop.h"

enum { DESK_LAGS = 10 }; /* ticks of which the longest lag is told: a second */

typedef struct DeskCounters {
    Counter control_commands; /* carried out */
    Counter control_bad;      /* that nobody could read */
    Counter control_lost;     /* times that some may not have been carried out: who was to do so was too far behind */
    Counter is_hearing;       /* gauge: 1 while the broker lets the node hear the control channel */
} DeskCounters;

typedef struct DeskOptions {
    const Config *config; /* of the start: its addresses are those that are bound */
    const char *node_id;
    BusThread *bus;
    Worker *workers; /* all are borrowed, and outlive the desk */
    uint32_t n_workers;
    Settings *settings;   /* that it goes by first; the desk takes its own reference */
    const Reload *reload; /* its counters; borrowed likewise */
} DeskOptions;

/* What is logged once in a while. */
typedef struct DeskComplaint {
    uint64_t logged_ms;
    uint64_t n; /* since then */
} DeskComplaint;

typedef struct Desk {
    DeskOptions options;
    Settings *settings; /* that it goes by */
    pthread_t thread;
    Loop loop;
    Inbox inbox;
    HttpServer *http;
    Api *api;
    DeskRoutes routes;
    Listener *listeners[CONFIG_MAX_ADDRESSES];
    uint32_t n_bound;                        /* of the configuration's addresses; a unix socket is ours to remove */
    bool is_inherited[CONFIG_MAX_ADDRESSES]; /* unless systemd opened it */
    bool is_far;                             /* one of them can be reached from beyond this machine */
    uint64_t started_ms;
    uint64_t started_wall_ms;
    uint64_t want_ms;                    /* when the control channel is wanted again; 0: it is heard, or asked for */
    uint64_t n_told[CONFIG_MAX_WORKERS]; /* commands, each worker */
    DeskComplaint bad;
    DeskComplaint lost;
    bool is_complaining; /* it has been logged that commands are not heard */
    uint32_t lags_ms[DESK_LAGS];
    unsigned next_lag;
    HttpServerCounters http_counters;
    DeskCounters counters;
    atomic_bool is_draining;
    bool is_started;
    bool is_made;
} Desk;

/* After the workers, before any thread runs. 0 or -errno; on error nothing is left. */
int desk_init(Desk *desk, const DeskOptions *options);
/* At the configuration's admin addresses, or where it was inherited; logs each, and what fails. 0 or -errno. */
int desk_listen(Desk *desk, Activation *inherited);
int desk_start(Desk *desk);
/* Ends its thread and waits for that; the bus still runs, the workers have ended. Nothing where it was not started. */
void desk_stop(Desk *desk);
/* Frees everything; the bus, which wakes its loop, has ended. Nothing where it was not made. */
void desk_finish(Desk *desk);

/* Any thread. */
void desk_configure(Desk *desk, Settings *settings); /* goes by these from now on */
void desk_set_draining(Desk *desk);                  /* the node is not ready from now on */
NodeHealth desk_health(const Desk *desk);
NodeHealth desk_health_of(void *desk); /* the same, as Routes want it */

/* Owner thread. */
extern const NodeOps desk_node_ops; /* the context is the Desk */
void desk_info(Desk *desk, NodeInfo *info);
void desk_note_lags(Desk *desk);        /* every tick */
int desk_metrics(Desk *desk, Buf *out); /* appends the Prometheus text. 0 or -ENOMEM */
