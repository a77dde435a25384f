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
#include "app/certificates.h"
#include "app/keys.h"
#include "app/privileges.h"
#include "app/report.h"
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
    KEY_PROBLEMS_LIMIT = 4096,
};

typedef struct Server {
    const Config *config;
    char node_id[64];
    Routes routes;
    Keyring *keyring; /* NULL: no token is good */
    BusThread bus;
    Admission *admission;
    Worker *workers;
    uint32_t n_workers; /* of those that are initialised */
    Certificates certificates;
    uint32_t n_addresses;     /* of those that are bound, and ours to remove */
    uint32_t n_tls_addresses; /* the same of those by TLS */
    atomic_uint n_running;
} Server;

static void server_worker_ended(void *context) {
    Server *server = context;
    atomic_fetch_sub(&server->n_running, 1);
    signals_nudge(NULL);
}

static const char *server_text(const char *text) {
    return text[0] ? text : NULL;
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
        .message_rate = {config->messages_per_second, config->messages_per_second},
        .byte_rate = {config->bytes_per_second, config->bytes_per_second > config->message_limit_bytes
                                                    ? config->bytes_per_second
                                                    : config->message_limit_bytes},
        .history_limit = config->history_limit,
        .clients_may_name_themselves = config->client_identity == NAMED_BY_ANYONE,
        .is_auth_required = config->auth.is_required,
        .keyring = server->keyring,
        .token_rules = {.audience = server_text(config->auth.audience),
                        .issuer = server_text(config->auth.issuer),
                        .leeway_s = config->auth.leeway_ms / 1000},
        .wall_ms = clock_wall_ms,
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
        .admission = server->admission,
        .has_proxy_header = config->has_proxy_header,
        .tls = server->certificates.tls,
        .origins = config->origins,
        .token_cookie = config->auth.cookie,
        .inbox_limit_bytes = WORKER_INBOX_LIMIT,
        .bus = &server->bus.inbox,
        .ended = server_worker_ended,
        .ended_context = server,
    };
}

static int server_init_admission(Server *server) {
    const Config *config = server->config;
    AdmissionOptions options = {.per_address = config->n_address_limit,
                                .per_second = config->connections_per_second,
                                .handshakes = config->n_handshake_limit,
                                .n_trusted = config->n_trusted_proxies};
    memcpy(options.trusted, config->trusted_proxies, config->n_trusted_proxies * sizeof(options.trusted[0]));
    int r = admission_new(&server->admission, &options);
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

/* SO_REUSEPORT would let two nodes share an address without a word: so make sure that nobody serves it. */
static int server_probe(const ListenAddress *address) {
    int fd;
    int r = listener_open(&fd, &address->socket.any, address->n_bytes, address->is_dual_stack, false);
    if (r < 0)
        return error_trace(r);
    close(fd);
    return 0;
}

static const char *server_kind(bool is_tls) {
    return is_tls ? "wss" : "clients";
}

/* The first worker's socket settles the port when it was 0; unix sockets are one descriptor, duplicated. */
static int server_listen_at(Server *server, ListenAddress address, bool is_tls) {
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
            r = worker_listen(&server->workers[i], fd, is_tls);
        first = i == 0 ? fd : first;
        if (r == 0 && i == 0 && !is_local)
            getsockname(fd, &address.socket.any, &address.n_bytes);
    }
    if (r < 0)
        return error_trace(r);
    listen_address_format(text, sizeof(text), &address);
    log_event(LOG_LEVEL_INFO, "listening", log_text("kind", server_kind(is_tls)), log_text("address", text));
    return 0;
}

static int server_listen_all(Server *server, const ListenAddress *addresses, uint32_t n_addresses, bool is_tls,
                             uint32_t *n_bound) {
    for (; *n_bound < n_addresses; ++*n_bound) {
        int r = server_listen_at(server, addresses[*n_bound], is_tls);
        if (r < 0) {
            char text[LISTEN_ADDRESS_TEXT_SIZE];
            listen_address_format(text, sizeof(text), &addresses[*n_bound]);
            log_event(LOG_LEVEL_ERROR, "cannot_listen", log_text("kind", server_kind(is_tls)), log_text("address", text),
                      log_text("reason", strerror(-r)));
            return error_trace(r);
        }
    }
    return 0;
}

static int server_listen(Server *server) {
    const Config *config = server->config;
    int r = server_listen_all(server, config->listen_addresses, config->n_listen_addresses, false, &server->n_addresses);
    if (r == 0)
        r = server_listen_all(server, config->tls_addresses, config->n_tls_addresses, true, &server->n_tls_addresses);
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
        int signal = signals_wait(server->config->tls_look_ms);
        if (signal == 0 || signal == SIGHUP)
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
    report_log_certificates(&server->certificates);
    certificates_finish(&server->certificates);
    free(server->workers);
    admission_free(server->admission);
    keyring_free(server->keyring);
}

static void server_remove_sockets(const ListenAddress *addresses, uint32_t n_bound) {
    for (uint32_t i = 0; i < n_bound; i++)
        if (addresses[i].socket.any.sa_family == AF_UNIX)
            unlink(((const struct sockaddr_un *)&addresses[i].socket)->sun_path);
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

/* Until a signal ends it. Without certificates there is nothing to load anew, and SIGHUP ends it as it does any program. */
static int server_wait(Server *server) {
    for (;;) {
        int signal = signals_wait(server->config->tls_look_ms);
        bool is_asked = signal == SIGHUP && server->certificates.tls;
        if (signal != 0 && !is_asked)
            return signal;
        if (!certificates_look(&server->certificates, is_asked, clock_now_ms()))
            continue;
        for (uint32_t i = 0; i < server->n_workers; i++)
            worker_renew(&server->workers[i], server->certificates.tls);
    }
}

/* EX_OK, or the code to exit with, once it has been said why. */
static int server_load_keys(Server *server) {
    Buf problems;
    buf_init(&problems, KEY_PROBLEMS_LIMIT);
    int r = keys_load(&server->keyring, server->config, &problems);
    for (size_t i = 0; i < problems.n_bytes;) {
        const char *line = (const char *)problems.bytes + i;
        const char *end = memchr(line, '\n', problems.n_bytes - i);
        size_t n_line = end ? (size_t)(end - line) : problems.n_bytes - i;
        log_event(LOG_LEVEL_ERROR, "bad_key", log_bytes("reason", line, n_line));
        i += n_line + 1;
    }
    buf_finish(&problems);
    if (r == -EINVAL)
        return EX_CONFIG;
    return r < 0 ? server_failed(r) : EX_OK;
}

int server_run(const Config *config) {
    Server server = {0};
    server_prepare(&server, config);
    int code = server_load_keys(&server);
    if (code != EX_OK)
        return code;
    int r = certificates_init(&server.certificates, config, clock_now_ms());
    if (r < 0) {
        keyring_free(server.keyring);
        return r == -EINVAL ? EX_CONFIG : server_failed(r);
    }
    r = bus_thread_init(&server.bus, config, server.node_id, config->n_workers);
    if (r < 0) {
        certificates_finish(&server.certificates);
        keyring_free(server.keyring);
        return server_failed(r);
    }
    r = server_init_admission(&server);
    if (r == 0)
        r = server_init_workers(&server);
    if (r == 0)
        r = server_listen(&server);
    if (r == 0)
        r = server_drop_privileges(&server);
    if (r == 0)
        r = server_start(&server);
    int signal = r == 0 ? server_wait(&server) : 0;
    if (r == 0)
        log_event(LOG_LEVEL_INFO, "stopping", log_number("signal", signal));
    server_finish(&server);
    server_remove_sockets(config->listen_addresses, server.n_addresses);
    server_remove_sockets(config->tls_addresses, server.n_tls_addresses);
    if (r < 0)
        return server_failed(r);
    log_event(LOG_LEVEL_INFO, "stopped", log_text("node", server.node_id));
    return EX_OK;
}
