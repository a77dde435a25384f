#include "app/desk.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

enum {
    DESK_INBOX_LIMIT = 64 << 20, /* bytes of messages waiting for the desk */
    DESK_CONNECTIONS = 256,      /* of operators and backends; each may hold one request's body */
    DESK_IDLE_MS = 60 * 1000,    /* between two requests of one connection */
    DESK_CONTROLS = 1 << 16,     /* commands waiting for one worker */
    DESK_WANT_AGAIN_MS = 1000,   /* after the broker could not be asked for the control channel */
    DESK_BAD_LOG_MS = 1000,      /* commands that are not carried out are logged once so often */
};

static void desk_want_control(Desk *desk) {
    enum { ANY_TOKEN = 1 };
    Mail *mail = mail_control(MAIL_WANT, CONTROL_CHANNEL, strlen(CONTROL_CHANNEL));
    mail->token = ANY_TOKEN;
    mail->to.worker = desk->options.n_workers;
    desk->want_ms = 0;
    inbox_push(&desk->options.bus->inbox, &mail->item); /* uncharged: never refused */
}

static const char *desk_why(BrokerResult result) {
    switch (result) {
    case BROKER_REFUSED:
        return "the broker's permissions";
    case BROKER_OVERLOADED:
        return "no memory";
    default:
        return "the broker could not be asked";
    }
}

static void desk_acknowledged(Desk *desk, BrokerResult result) {
    Counter *hearing = &desk->counters.is_hearing;
    bool was_complaining = desk->is_complaining;
    desk->is_complaining = result != BROKER_OK;
    counter_add(hearing, (result == BROKER_OK) - counter_read(hearing));
    if (result != BROKER_OK)
        desk->want_ms = clock_now_ms() + DESK_WANT_AGAIN_MS;
    if (desk->is_complaining && !was_complaining)
        log_event(LOG_LEVEL_WARN, "control_unheard", log_text("reason", desk_why(result)));
    else if (was_complaining && !desk->is_complaining)
        log_write(LOG_LEVEL_INFO, "control_heard", NULL, 0);
}

/* Without its text, which may hold anything. */
static void desk_complain(DeskComplaint *complaint, const char *event, const char *why) {
    uint64_t now_ms = clock_now_ms();
    complaint->n++;
    if (complaint->logged_ms != 0 && now_ms - complaint->logged_ms < DESK_BAD_LOG_MS)
        return;
    log_event(LOG_LEVEL_WARN, event, log_text("reason", why), log_number("n", (int64_t)complaint->n));
    *complaint = (DeskComplaint){.logged_ms = now_ms};
}

static void desk_refuse_control(Desk *desk, const char *why) {
    counter_add(&desk->counters.control_bad, 1);
    desk_complain(&desk->bad, "bad_control", why);
}

static void desk_lose_control(Desk *desk, const char *why) {
    counter_add(&desk->counters.control_lost, 1);
    desk_complain(&desk->lost, "control_lost", why);
}

/* Uncharged, so that no crowd of messages keeps a command from a worker; and yet not without bound, as commands come as fast as the
   broker has them. */
static bool desk_tell(Desk *desk, uint32_t i, Control *control) {
    Worker *worker = &desk->options.workers[i];
    Mail *mail = desk->n_told[i] - counter_read(&worker->controls) < DESK_CONTROLS ? mail_new(MAIL_CONTROL, 0) : NULL;
    if (!mail)
        return false;
    desk->n_told[i]++;
    mail->control = control_ref(control);
    inbox_push(&worker->inbox, &mail->item);
    return true;
}

static void desk_control(Desk *desk, const Message *message) {
    Control *control;
    const char *why = "";
    if (message->n_channel != strlen(CONTROL_CHANNEL) ||
        memcmp(message_channel(message), CONTROL_CHANNEL, message->n_channel) != 0)
        return;
    int r = control_parse(&control, message_payload(message), message->n_payload, &why);
    if (r != CONTROL_OK) {
        desk_refuse_control(desk, r < 0 ? "no memory" : why);
        return;
    }
    counter_add(&desk->counters.control_commands, 1);
    for (uint32_t i = 0; i < desk->options.n_workers; i++)
        if (!desk_tell(desk, i, control))
            desk_lose_control(desk, "a worker is too far behind");
    control_unref(control);
}

/* What the settings before lent is let go of only now. An address beyond loopback always has a token: reload sees to it. */
static void desk_go_by(Desk *desk, Settings *settings) {
    settings_ref(settings);
    settings_unref(desk->settings);
    desk->settings = settings;
    desk->routes.is_open = settings->config->admin_token[0] == '\0';
}

static void desk_receive(void *context, const Mail *mail) {
    Desk *desk = context;
    const HistoryReply failed = {.result = mail->result};
    switch (mail->kind) {
    case MAIL_DELIVER:
        desk_control(desk, mail->message);
        break;
    case MAIL_ACKNOWLEDGED:
        desk_acknowledged(desk, mail->result);
        break;
    case MAIL_PUBLISHED:
        api_published(desk->api, mail->to.session_id, mail->to.request_id, mail->result, mail->position);
        break;
    case MAIL_HISTORY:
        api_history(desk->api, mail->to.session_id, mail->history ? mail->history : &failed);
        break;
    case MAIL_PRESENCE:
        api_presence(desk->api, mail->to.session_id, mail->presence);
        break;
    case MAIL_SURVEYED:
        api_surveyed(desk->api, mail->to.session_id, mail->surveyed);
        break;
    case MAIL_OVERLOADED:
        desk_lose_control(desk, "the desk was too far behind");
        break;
    case MAIL_GAP:
        desk_lose_control(desk, "the broker's history of them did not reach back");
        break;
    case MAIL_SETTINGS:
        desk_go_by(desk, mail->settings);
        break;
    case MAIL_STOP:
        api_stop(desk->api);
        loop_stop(&desk->loop);
        break;
    default: /* the workers', or the bus's */
        break;
    }
}

static void desk_woken(void *context) {
    Desk *desk = context;
    mail_dispatch(&desk->inbox, desk_receive, desk);
}

static void desk_tick(void *context, uint64_t now_ms) {
    Desk *desk = context;
    http_server_tick(desk->http, now_ms);
    api_tick(desk->api, now_ms);
    desk_note_lags(desk);
    if (desk->next_lag == 0)
        log_settle(); /* once a second, though nothing else is logged */
    if (desk->want_ms != 0 && now_ms >= desk->want_ms)
        desk_want_control(desk);
}

static void desk_turn(void *context) {}

static const LoopOps desk_loop_ops = {.woken = desk_woken, .tick = desk_tick, .turn = desk_turn};

static void desk_request(void *context, uint64_t exchange, const HttpRequest *request) {
    Desk *desk = context;
    desk_routes_handle(&desk->routes, exchange, request, clock_now_ms());
}

static bool desk_wants_body(void *context, const HttpRequest *head) {
    const Desk *desk = context;
    return desk_routes_want_body(&desk->routes, head);
}

static int desk_init_http(Desk *desk) {
    const Config *config = desk->options.config;
    HttpServerOptions options = {.request = desk_request,
                                 .wants_body = desk_wants_body,
                                 .context = desk,
                                 .body_limit_bytes = config->api.body_limit_bytes,
                                 .timeout_ms = config->api.timeout_ms,
                                 .idle_ms = DESK_IDLE_MS,
                                 .n_connections_limit = DESK_CONNECTIONS,
                                 .counters = &desk->http_counters};
    int r = http_server_new(&desk->http, &desk->loop.uv, &options);
    if (r < 0)
        return error_trace(r);
    r = api_new(&desk->api, &desk_node_ops, desk, config->api.timeout_ms, config->api.body_limit_bytes);
    if (r < 0) {
        desk->http = http_server_free(desk->http);
        return error_trace(r);
    }
    desk->routes = (DeskRoutes){.node = &desk_node_ops, .context = desk, .api = desk->api};
    desk_go_by(desk, desk->options.settings);
    return 0;
}

int desk_init(Desk *desk, const DeskOptions *options) {
    *desk = (Desk){.options = *options, .started_ms = clock_now_ms(), .started_wall_ms = clock_wall_ms()};
    atomic_init(&desk->is_draining, false);
    int r = loop_init(&desk->loop, &desk_loop_ops, desk);
    if (r < 0)
        return error_trace(r);
    r = inbox_init(&desk->inbox, DESK_INBOX_LIMIT, loop_wake, &desk->loop);
    if (r == 0) {
        r = desk_init_http(desk);
        if (r < 0)
            inbox_finish(&desk->inbox);
    }
    if (r < 0) {
        loop_finish(&desk->loop);
        return error_trace(r);
    }
    desk->is_made = true;
    desk_want_control(desk);
    return 0;
}

static void *desk_main(void *context) {
    Desk *desk = context;
    loop_run(&desk->loop);
    return NULL;
}

int desk_start(Desk *desk) {
    int r = pthread_create(&desk->thread, NULL, desk_main, desk);
    if (r != 0)
        return error_origin(-r);
    desk->is_started = true;
    return 0;
}

void desk_stop(Desk *desk) {
    if (!desk->is_started)
        return;
    inbox_push(&desk->inbox, &mail_control(MAIL_STOP, NULL, 0)->item);
    pthread_join(desk->thread, NULL);
    desk->is_started = false;
}

static void desk_discard(void *context, const Mail *mail) {}

static void desk_remove_sockets(const Desk *desk) {
    const ListenAddress *addresses = desk->options.config->admin_addresses;
    for (uint32_t i = 0; i < desk->n_bound; i++)
        if (!desk->is_inherited[i] && addresses[i].socket.any.sa_family == AF_UNIX)
            unlink(((const struct sockaddr_un *)&addresses[i].socket)->sun_path);
}

void desk_finish(Desk *desk) {
    if (!desk->is_made)
        return;
    for (uint32_t i = 0; i < desk->n_bound; i++)
        desk->listeners[i] = listener_free(desk->listeners[i]);
    http_server_close(desk->http);
    if (loop_finish(&desk->loop) < 0)
        log_event(LOG_LEVEL_WARN, "loop_busy", log_text("thread", "desk"));
    desk->api = api_free(desk->api);
    desk->http = http_server_free(desk->http);
    mail_dispatch(&desk->inbox, desk_discard, NULL);
    inbox_finish(&desk->inbox);
    desk_remove_sockets(desk);
    desk->settings = settings_unref(desk->settings);
    desk->is_made = false;
}

void desk_configure(Desk *desk, Settings *settings) {
    inbox_push(&desk->inbox, &mail_settings(settings)->item);
}

void desk_set_draining(Desk *desk) {
    atomic_store(&desk->is_draining, true);
}
