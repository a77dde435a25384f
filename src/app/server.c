#include "app/server.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "app/bus_thread.h"
#include "app/report.h"
#include "app/signals.h"
#include "app/worker.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/random.h"
#include "http/routes.h"

enum { WORKER_INBOX_LIMIT = 64 << 20 }; /* bytes of messages waiting for one worker */

typedef struct Server {
    const Config *config;
    char node_id[64];
    Routes routes;
    BusThread bus;
    Worker *workers;
    uint32_t n_workers;   /* of those that are initialised */
    uint32_t n_addresses; /* of those that are bound, and ours to remove */
    atomic_uint n_running;
} Server;

static void server_worker_ended(void *context) {
    Server *server = context;
    atomic_fetch_sub(&server->n_running, 1);
    signals_nudge(NULL);
}

static SessionOptions server_session_options(const Server *server) {
    const Config *config = server->config;
    return (SessionOptions){
        .watchdog = {.handshake_ms = config->watchdog.handshake_ms,
                     .auth_ms = config->watchdog.auth_ms,
                     .ping_ms = config->watchdog.ping_ms,
                     .pong_ms = config->watchdog.pong_ms,
                     .pong_grace_ms = config->watchdog.pong_grace_ms,
                     .stall_ms = config->watchdog.stall_ms,
                     .expiry_grace_ms = config->watchdog.expiry_grace_ms,
                     .linger_ms = config->watchdog.linger_ms},
        .audit_ms = config->watchdog.audit_ms,
        .namespaces = &config->namespaces,
        .outbox_limit_bytes = config->outbox_limit_bytes,
        .message_limit_bytes = config->message_limit_bytes,
        .subscriptions_limit = config->n_subscription_limit,
        .clients_may_subscribe = config->client_subscribe == ACCESS_ANYONE,
        .history_limit = config->history_limit,
        .clients_may_name_themselves = config->client_identity == ACCESS_ANYONE,
        .clients_may_publish = config->client_publish == ACCESS_ANYONE,
        .node_id = server->node_id,
    };
}

static WorkerOptions server_worker_options(Server *server, uint32_t index) {
    const Config *config = server->config;
    uint32_t limit = config->n_connection_limit;
    return (WorkerOptions){
        .index = index,
        .sessions = server_session_options(server),
        .http = routes_handle,
        .http_context = &server->routes,
        .n_connections_limit = limit ? (limit + config->n_workers - 1) / config->n_workers : 0,
        .socket = {.user_timeout_ms = config->socket_user_timeout_ms,
                   .unsent_bytes = config->socket_unsent_bytes,
                   .send_buffer_bytes = config->socket_send_buffer_bytes},
        .inbox_limit_bytes = WORKER_INBOX_LIMIT,
        .bus = &server->bus.inbox,
        .ended = server_worker_ended,
        .ended_context = server,
    };
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

/* SO_REUSEPORT would let two nodes share an address without a word: so make sure that nobody serves it. */
static int server_probe(const ListenAddress *address) {
    int fd;
    int r = listener_open(&fd, &address->socket.any, address->n_bytes, address->is_dual_stack, false);
    if (r < 0)
        return error_trace(r);
    close(fd);
    return 0;
}

/* The first worker's socket settles the port when it was 0; unix sockets are one descriptor, duplicated. */
static int server_listen_at(Server *server, ListenAddress address) {
    bool is_local = address.socket.any.sa_family == AF_UNIX;
    char text[LISTEN_ADDRESS_TEXT_SIZE];
    int first = -1;
    int r = is_local ? 0 : server_probe(&address);
    for (uint32_t i = 0; r == 0 && i < server->n_workers; i++) {
        int fd = -1;
        if (is_local && i > 0)
            r = (fd = dup(first)) < 0 ? error_origin(-errno) : 0;
        else
            r = listener_open(&fd, &address.socket.any, address.n_bytes, address.is_dual_stack, !is_local);
        if (r == 0)
            r = worker_listen(&server->workers[i], fd);
        first = i == 0 ? fd : first;
        if (r == 0 && i == 0 && !is_local)
            getsockname(fd, &address.socket.any, &address.n_bytes);
    }
    if (r < 0)
        return error_trace(r);
    listen_address_format(text, sizeof(text), &address);
    log_event(LOG_LEVEL_INFO, "listening", log_text("kind", "clients"), log_text("address", text));
    return 0;
}

static int server_listen(Server *server) {
    for (uint32_t i = 0; i < server->config->n_listen_addresses; i++) {
        int r = server_listen_at(server, server->config->listen_addresses[i]);
        if (r < 0) {
            char text[LISTEN_ADDRESS_TEXT_SIZE];
            listen_address_format(text, sizeof(text), &server->config->listen_addresses[i]);
            log_event(LOG_LEVEL_ERROR, "cannot_listen", log_text("kind", "clients"), log_text("address", text),
                      log_text("reason", strerror(-r)));
            return error_trace(r);
        }
        server->n_addresses++;
    }
    return 0;
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
        log_event(LOG_LEVEL_INFO, "started", log_text("version", BARKER_VERSION), log_text("node", server->node_id),
                  log_text("broker", server->config->redis_url[0] ? "redis" : "embedded"),
                  log_number("workers", server->n_workers), log_number("pid", getpid()));
    return r;
}

static void server_stop_workers(Server *server) {
    for (uint32_t i = 0; i < server->n_workers; i++)
        if (server->workers[i].is_started)
            worker_stop(&server->workers[i]);
    while (atomic_load(&server->n_running) > 0) {
        int signal = signals_wait();
        if (signal == 0)
            continue;
        log_event(LOG_LEVEL_WARN, "stopped_at_once", log_number("signal", signal));
        _exit(128 + signal);
    }
}

static void server_finish(Server *server) {
    server_stop_workers(server);
    if (server->bus.is_started)
        bus_thread_stop(&server->bus);
    bus_thread_finish(&server->bus); /* until then it writes to the workers' inboxes and wakes their loops */
    for (uint32_t i = 0; i < server->n_workers; i++)
        worker_finish(&server->workers[i]);
    report_log(server->workers, server->n_workers, &server->bus);
    free(server->workers);
}

static void server_remove_sockets(const Server *server) {
    for (uint32_t i = 0; i < server->n_addresses; i++) {
        const ListenAddress *address = &server->config->listen_addresses[i];
        if (address->socket.any.sa_family == AF_UNIX)
            unlink(((const struct sockaddr_un *)&address->socket)->sun_path);
    }
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
}

static int server_failed(int error) {
    char trace[512];
    log_event(LOG_LEVEL_ERROR, "cannot_start", log_text("reason", strerror(-error)),
              log_text("trace", error_describe(trace, sizeof(trace))));
    return error == -EADDRINUSE || error == -EADDRNOTAVAIL || error == -EACCES ? EX_UNAVAILABLE : EX_OSERR;
}

int server_run(const Config *config) {
    Server server = {0};
    server_prepare(&server, config);
    int r = bus_thread_init(&server.bus, config, server.node_id, config->n_workers);
    if (r < 0)
        return server_failed(r);
    r = server_init_workers(&server);
    if (r == 0)
        r = server_listen(&server);
    if (r == 0)
        r = server_start(&server);
    int signal = 0;
    while (r == 0 && signal == 0)
        signal = signals_wait();
    if (r == 0)
        log_event(LOG_LEVEL_INFO, "stopping", log_number("signal", signal));
    server_finish(&server);
    server_remove_sockets(&server);
    if (r < 0)
        return server_failed(r);
    log_event(LOG_LEVEL_INFO, "stopped", log_text("node", server.node_id));
    return EX_OK;
}
