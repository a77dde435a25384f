#include "app/server.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "app/bus_thread.h"
#include "app/desk.h"
#include "app/drain.h"
#include "app/listening.h"
#include "app/notify.h"
#include "app/privileges.h"
#include "app/reload.h"
#include "app/report.h"
#include "app/sandbox.h"
#include "app/signals.h"
#include "app/worker.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/random.h"
#include "http/routes.h"

enum {
    WORKER_INBOX_LIMIT = 64 << 20, /* bytes of messages waiting for one worker */
    END_MARGIN_MS = 10000,         /* what the end may take besides the drain and the linger bound */
    STOP_LOOK_MS = 1000,           /* how often the end looks whether the workers have ended, besides being told */
};

typedef struct Server {
    const Config *config;
    char node_id[64];
    Routes routes;
    Reload reload;
    BusThread bus;
    Desk desk;
    Admission *admission;
    Tally *users; /* connections of each */
    Worker *workers;
    uint32_t n_workers; /* of those that are initialised */
    Listening listening;
    Notify notify;
    atomic_uint n_running;
} Server;

static void server_worker_ended(void *context) {
    Server *server = context;
    atomic_fetch_sub(&server->n_running, 1);
    signals_nudge(NULL);
}

static WorkerOptions server_worker_options(Server *server, uint32_t index) {
    const Config *config = server->config;
    return (WorkerOptions){
        .index = index,
        .settings = server->reload.current,
        .node_id = server->node_id,
        .n_workers = config->n_workers,
        .users = server->users,
        .http = routes_handle,
        .http_context = &server->routes,
        .admission = server->admission,
        .has_proxy_header = config->has_proxy_header,
        .tls = server->reload.certificates.tls,
        .inbox_limit_bytes = WORKER_INBOX_LIMIT,
        .bus = &server->bus.inbox,
        .desk = &server->desk.inbox,
        .ended = server_worker_ended,
        .ended_context = server,
    };
}

static int server_init_admission(Server *server) {
    AdmissionOptions options = settings_admission(server->reload.current);
    int r = admission_new(&server->admission, &options);
    if (r == 0)
        r = tally_new(&server->users);
    return r < 0 ? error_trace(r) : 0;
}

static int server_init_workers(Server *server) {
    server->workers = calloc(server->config->n_workers, sizeof(*server->workers));
    if (!server->workers)
        return error_origin(-ENOMEM);
    for (uint32_t i = 0; i < server->config->n_workers; i++) {
        WorkerOptions options = server_worker_options(server, i);
        int r = worker_init(&server->workers[i], &options);
        if (r < 0)
            return error_trace(r);
        server->n_workers++;
        bus_thread_connect(&server->bus, i, &server->workers[i].inbox);
    }
    return 0;
}

static int server_init_desk(Server *server) {
    DeskOptions options = {.config = server->config,
                           .node_id = server->node_id,
                           .bus = &server->bus,
                           .workers = server->workers,
                           .n_workers = server->n_workers,
                           .settings = server->reload.current,
                           .reload = &server->reload};
    int r = desk_init(&server->desk, &options);
    if (r < 0)
        return error_trace(r);
    bus_thread_connect(&server->bus, server->n_workers, &server->desk.inbox);
    server->routes.health = desk_health_of;
    server->routes.health_context = &server->desk;
    return 0;
}

static int server_listen(Server *server) {
    const Config *config = server->config;
    Listening *listening = &server->listening;
    int r = listening_open(listening, config->listen_addresses, config->n_listen_addresses, false, server->workers,
                           server->n_workers);
    if (r == 0)
        r = listening_open(listening, config->tls_addresses, config->n_tls_addresses, true, server->workers, server->n_workers);
    if (r == 0)
        r = desk_listen(&server->desk, &listening->inherited);
    server->reload.is_admin_far = server->desk.is_far;
    if (r == 0)
        r = listening_settle(listening);
    return r < 0 ? error_trace(r) : 0;
}

static int server_drop_privileges(const Server *server) {
    int r = privileges_drop(server->config->process_user);
    if (r == 0)
        r = privileges_lock();
    if (r < 0)
        log_event(LOG_LEVEL_ERROR, "cannot_drop_privileges", log_text("user", server->config->process_user),
                  log_text("reason", r == -ENOENT ? "there is no such user" : strerror(-r)));
    return r < 0 ? error_trace(r) : 0;
}

/* Once with is_entered false, before there are loops. */
static int server_shut_in(const Server *server, bool is_entered) {
    if (!server->config->has_seccomp)
        return 0;
    int r = is_entered ? sandbox_enter() : sandbox_prepare();
    if (r < 0)
        log_event(LOG_LEVEL_ERROR, "cannot_sandbox", log_text("option", "process.seccomp"), log_text("reason", strerror(-r)));
    else if (is_entered)
        log_event(LOG_LEVEL_INFO, "sandboxed", log_text("kind", sandbox_is_for_sanitizers() ? "sanitizers" : "full"));
    return r < 0 ? error_trace(r) : 0;
}

static int server_start(Server *server) {
    int r = bus_thread_start(&server->bus);
    for (uint32_t i = 0; r == 0 && i < server->n_workers; i++) {
        atomic_fetch_add(&server->n_running, 1);
        r = worker_start(&server->workers[i]);
        if (r < 0)
            atomic_fetch_sub(&server->n_running, 1);
    }
    if (r == 0)
        r = desk_start(&server->desk);
    if (r == 0)
        log_event(LOG_LEVEL_INFO, "started", log_text("version", BARKER_VERSION), log_text("node", server->node_id),
                  log_text("broker", server->config->redis_url[0] ? "redis" : "embedded"),
                  log_number("workers", server->n_workers), log_number("pid", getpid()));
    log_sample(server->config->log_per_second); /* what comes once, before and after, is never held back */
    return r;
}

/* As signals_wait, and tells the watchdog. */
static int server_signal(Server *server, uint32_t limit_ms) {
    int signal = signals_wait(notify_wait_ms(&server->notify, limit_ms, clock_now_ms()));
    uint64_t now_ms = clock_now_ms();
    if (notify_is_due(&server->notify, now_ms))
        notify_alive(&server->notify, desk_health(&server->desk).unhealthy == NULL, now_ms);
    return signal;
}

/* The bus goes by them first: what a worker then tells it is meant so. */
static void server_share(Server *server, unsigned changes) {
    Settings *settings = server->reload.current;
    if (changes & RELOAD_SETTINGS) {
        AdmissionOptions admission = settings_admission(settings);
        admission_configure(server->admission, &admission);
        bus_thread_configure(&server->bus, settings);
        desk_configure(&server->desk, settings);
        log_sample(settings->config->log_per_second);
    }
    for (uint32_t i = 0; i < server->n_workers; i++) {
        if (changes & RELOAD_SETTINGS)
            worker_configure(&server->workers[i], settings);
        if (changes & RELOAD_CERTIFICATES)
            worker_renew(&server->workers[i], server->reload.certificates.tls);
    }
}

static void server_enter_drain(Server *server, const Drain *drain, int signal) {
    if (drain->phase == DRAIN_KILLED) {
        log_event(LOG_LEVEL_WARN, "stopped_at_once", log_number("signal", signal));
        _exit(128 + signal);
    }
    if (signal != 0)
        log_event(LOG_LEVEL_INFO, "hurried", log_number("signal", signal));
    else if (drain->phase == DRAIN_WINDOW)
        log_event(LOG_LEVEL_INFO, "window_open", log_number("window_ms", drain->window_ms));
    for (uint32_t i = 0; drain->phase != DRAIN_NOTICE && i < server->n_workers; i++) {
        Worker *worker = &server->workers[i];
        if (worker->is_started && drain->window_ms > 0 && !worker->is_drained)
            worker_drain(worker, drain->window_ms);
        if (worker->is_started && drain->phase == DRAIN_CLOSING)
            worker_stop(worker);
        if (worker->is_started && drain->phase == DRAIN_TERMINATING)
            worker_terminate(worker);
    }
}

/* Until every worker has ended. */
static void server_drain(Server *server, uint32_t notice_ms, uint32_t window_ms) {
    Drain drain;
    drain_begin(&drain, notice_ms, window_ms, clock_now_ms());
    server_enter_drain(server, &drain, 0);
    while (atomic_load(&server->n_running) > 0) {
        int signal = server_signal(server, drain_wait_ms(&drain, STOP_LOOK_MS, clock_now_ms()));
        signal = signal == SIGHUP ? 0 : signal;
        if (drain.phase == DRAIN_NOTICE) /* who still comes shows a token of now */
            server_share(server, reload_look(&server->reload, false, clock_now_ms()));
        DrainPhase before = drain.phase;
        if (drain_turn(&drain, signal != 0, clock_now_ms()) != before)
            server_enter_drain(server, &drain, signal);
    }
}

static void server_end(Server *server, int signal) {
    const Config *config = server->reload.current->config;
    uint32_t notice_ms = config->drain.notice_ms, window_ms = config->drain.window_ms;
    desk_set_draining(&server->desk);
    log_event(LOG_LEVEL_INFO, "stopping", log_number("signal", signal));
    log_event(LOG_LEVEL_INFO, "draining", log_number("notice_ms", notice_ms), log_number("window_ms", window_ms));
    notify_stopping(&server->notify, notice_ms + window_ms + config->watchdog.linger_ms + END_MARGIN_MS);
    server_drain(server, notice_ms, window_ms);
}

/* The broker is told that this node's users have left; a signal leaves them to the lease. */
static void server_stop_bus(Server *server) {
    if (!server->bus.is_started)
        return;
    bus_thread_stop(&server->bus);
    while (!atomic_load(&server->bus.has_ended)) {
        int signal = server_signal(server, STOP_LOOK_MS);
        if (signal == 0 || signal == SIGHUP)
            continue;
        log_event(LOG_LEVEL_INFO, "hurried", log_number("signal", signal));
        bus_thread_hurry(&server->bus);
    }
}

static void server_finish(Server *server) {
    server_drain(server, 0, 0); /* where the start has failed; else they have ended */
    desk_stop(&server->desk);
    server_stop_bus(server);
    bus_thread_finish(&server->bus); /* until then it writes to the others' inboxes and wakes their loops */
    for (uint32_t i = 0; i < server->n_workers; i++)
        worker_finish(&server->workers[i]);
    desk_finish(&server->desk);
    log_sample(0);
    report_log(server->workers, server->n_workers, &server->bus);
    report_log_reload(&server->reload);
    free(server->workers);
    admission_free(server->admission);
    tally_free(server->users);
    listening_finish(&server->listening);
    notify_finish(&server->notify);
}

/* As many descriptors as the process may have: each connection is one. */
static void server_raise_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void server_prepare(Server *server, const Config *config) {
    server->config = config;
    server->routes.has_demo = config->is_development;
    if (config->node_id[0])
        snprintf(server->node_id, sizeof(server->node_id), "%s", config->node_id);
    else
        snprintf(server->node_id, sizeof(server->node_id), "%016" PRIx64, random_u64());
    hash_seed(random_u64(), random_u64());
    json_object_seed(0); /* draws its own, here instead of in several threads at once */
    signals_block();
    server_raise_descriptors();
    if (notify_init(&server->notify) < 0)
        log_event(LOG_LEVEL_WARN, "cannot_notify", log_text("reason", "NOTIFY_SOCKET cannot be reached"));
}

static int server_failed(int error) {
    char trace[512];
    log_event(LOG_LEVEL_ERROR, "cannot_start", log_text("reason", strerror(-error)),
              log_text("trace", error_describe(trace, sizeof(trace))));
    return error == -EADDRINUSE || error == -EADDRNOTAVAIL || error == -EACCES ? EX_UNAVAILABLE : EX_OSERR;
}

/* Until a signal ends it. */
static int server_wait(Server *server) {
    for (;;) {
        int signal = server_signal(server, reload_wait_ms(&server->reload, clock_now_ms()));
        log_settle();
        if (signal != 0 && signal != SIGHUP)
            return signal;
        if (signal == SIGHUP)
            notify_reloading(&server->notify, clock_now_ms());
        unsigned changes = reload_look(&server->reload, signal == SIGHUP, clock_now_ms());
        server_share(server, changes);
        if (signal == SIGHUP)
            notify_ready(&server->notify, changes ? "reloaded" : "serving; the reload was refused, the log says why");
    }
}

/* A look-up that the system's resolver has begun cannot be taken back, and exit would wait for it. */
static int server_leave(const Server *server, int error) {
    int code = error < 0 ? server_failed(error) : EX_OK;
    if (error == 0)
        log_event(LOG_LEVEL_INFO, "stopped", log_text("node", server->node_id));
    if (server->bus.is_busy)
        _exit(code);
    return code;
}

int server_run(Config *config, const ConfigSources *sources) {
    Server server = {0};
    server_prepare(&server, config);
    int r = server_shut_in(&server, false);
    if (r < 0) {
        config_free(config);
        return server_failed(r);
    }
    r = reload_init(&server.reload, config, sources, clock_now_ms());
    if (r < 0)
        return r == -EINVAL ? EX_CONFIG : server_failed(r);
    r = bus_thread_init(&server.bus, server.reload.current, server.node_id, config->n_workers + 1); /* and the desk */
    if (r < 0) {
        reload_finish(&server.reload);
        return server_failed(r);
    }
    r = listening_init(&server.listening);
    if (r == 0)
        r = server_init_admission(&server);
    if (r == 0)
        r = server_init_workers(&server);
    if (r == 0)
        r = server_init_desk(&server);
    if (r == 0)
        r = server_listen(&server);
    if (r == 0)
        r = server_drop_privileges(&server);
    if (r == 0)
        r = server_shut_in(&server, true);
    if (r == 0)
        r = server_start(&server);
    if (r == 0) {
        notify_ready(&server.notify, "serving");
        server_end(&server, server_wait(&server));
    }
    server_finish(&server);
    reload_finish(&server.reload);
    return server_leave(&server, r);
}
