#include "app/worker.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "session/control.h"

enum { SURVEY_PART_US = 5000 }; /* of one tick */

static Worker *worker_of_port(BrokerPort *port) {
    return container_of(port, Worker, port);
}

static void worker_tell(Worker *worker, Mail *mail) {
    mail->to.worker = worker->options.index;
    inbox_push(worker->options.bus, &mail->item); /* uncharged: never refused */
}

static void worker_want(BrokerPort *port, const char *channel, size_t n_channel, uint64_t token) {
    Mail *mail = mail_control(MAIL_WANT, channel, n_channel);
    mail->token = token;
    worker_tell(worker_of_port(port), mail);
}

static void worker_unwant(BrokerPort *port, const char *channel, size_t n_channel) {
    worker_tell(worker_of_port(port), mail_control(MAIL_UNWANT, channel, n_channel));
}

static void worker_present(BrokerPort *port, const PresenceChange *change) {
    worker_tell(worker_of_port(port), mail_present(change));
}

/* What a client asks for may be refused. */
static BrokerResult worker_ask(BrokerPort *port, Mail *mail, const BrokerReturn *to) {
    const Worker *worker = worker_of_port(port);
    BrokerReturn here = *to;
    here.worker = worker->options.index;
    return mail_ask(worker->options.bus, mail, &here);
}

static BrokerResult worker_publish(BrokerPort *port, Message *message, const BrokerReturn *to) {
    return worker_ask(port, mail_message(MAIL_PUBLISH, message), to);
}

static BrokerResult worker_read(BrokerPort *port, const char *channel, size_t n_channel, const HistoryQuery *query,
                                const BrokerReturn *to) {
    Mail *mail = mail_question(MAIL_READ, channel, n_channel);
    if (mail)
        mail->query = *query;
    return worker_ask(port, mail, to);
}

static BrokerResult worker_presence(BrokerPort *port, const char *channel, size_t n_channel, const BrokerReturn *to) {
    return worker_ask(port, mail_question(MAIL_ASK, channel, n_channel), to);
}

static const BrokerPortOps worker_port_ops = {
    .want = worker_want,
    .unwant = worker_unwant,
    .publish = worker_publish,
    .read = worker_read,
    .presence = worker_presence,
    .present = worker_present,
};

/* A second time, with window 0, ends a window that is under way. */
static void worker_begin_stop(Worker *worker, uint32_t window_ms) {
    worker->is_stopping = true;
    for (unsigned i = 0; i < worker->n_listeners; i++)
        worker->listeners[i] = listener_free(worker->listeners[i]);
    worker->n_listeners = 0;
    ws_server_stop_accepting(worker->ws);
    session_table_drain(&worker->sessions, window_ms);
}

static void worker_answer_history(SessionTable *sessions, const Mail *mail) {
    const HistoryReply failed = {.result = mail->result};
    session_table_history(sessions, &mail->to, mail->channel, mail->n_channel, mail->history ? mail->history : &failed);
}

/* Uncharged: the desk counts the answers. */
static void worker_surveyed(Worker *worker, const BrokerReturn *to, SurveyReply *reply) {
    Mail *answer = mail_control(MAIL_SURVEYED, NULL, 0);
    answer->to = *to;
    answer->surveyed = reply;
    inbox_push(worker->options.desk, &answer->item);
}

/* The first of the walks alone, so that many of them take no more of a tick than one. */
static void worker_walk_on(Worker *worker) {
    SurveyReply *reply;
    if (list_is_empty(&worker->walks))
        return;
    SurveyAsker *asker = container_of(worker->walks.next, SurveyAsker, link);
    if (!survey_walk_on((SurveyWalk *)asker, &worker->sessions, SURVEY_PART_US, &reply))
        return;
    worker_surveyed(worker, &asker->to, reply);
    survey_walk_free((SurveyWalk *)asker);
}

static void worker_answer_survey(Worker *worker, const Mail *mail) {
    const SurveyAsker asker = {.to = mail->to};
    if (!worker->options.desk)
        return;
    if (mail->survey->kind != SURVEY_CHANNELS) {
        worker_surveyed(worker, &mail->to, session_table_survey(&worker->sessions, mail->survey));
        return;
    }
    bool is_first = list_is_empty(&worker->walks);
    SurveyWalk *walk = survey_walk_new(mail->survey, &asker);
    if (!walk) {
        worker_surveyed(worker, &mail->to, NULL);
        return;
    }
    list_append(&worker->walks, &((SurveyAsker *)walk)->link);
    if (is_first)
        worker_walk_on(worker);
}

/* What the settings before lent is let go of only now. */
static void worker_go_by(Worker *worker, Settings *settings) {
    const SessionOptions sessions = settings_sessions(settings, worker->options.node_id, worker->options.users);
    const WsServerSettings ws = settings_ws_server(settings, worker->options.n_workers);
    session_table_configure(&worker->sessions, &sessions);
    ws_server_configure(worker->ws, &ws);
    settings_unref(worker->settings);
    worker->settings = settings_ref(settings);
}

static void worker_receive(void *context, const Mail *mail) {
    Worker *worker = context;
    SessionTable *sessions = &worker->sessions;
    switch (mail->kind) {
    case MAIL_DELIVER:
        session_table_deliver(sessions, mail->message);
        break;
    case MAIL_ACKNOWLEDGED:
        session_table_acknowledged(sessions, mail->channel, mail->n_channel, mail->token, mail->result, mail->position);
        break;
    case MAIL_PUBLISHED:
        session_table_published(sessions, &mail->to, mail->result, mail->position);
        break;
    case MAIL_GAP:
        session_table_gap(sessions, mail->channel, mail->n_channel, mail->position);
        break;
    case MAIL_HISTORY:
        worker_answer_history(sessions, mail);
        break;
    case MAIL_PRESENCE:
        session_table_presence(sessions, &mail->to, mail->channel, mail->n_channel, mail->presence);
        break;
    case MAIL_CERTIFICATES:
        ws_server_renew(worker->ws, mail->tls);
        break;
    case MAIL_SETTINGS:
        worker_go_by(worker, mail->settings);
        break;
    case MAIL_OVERLOADED:
        session_table_overloaded(sessions);
        break;
    case MAIL_DRAIN:
        worker_begin_stop(worker, (uint32_t)mail->token);
        break;
    case MAIL_STOP:
        worker_begin_stop(worker, 0);
        break;
    case MAIL_TERMINATE:
        session_table_terminate(sessions);
        break;
    case MAIL_CONTROL:
        counter_add(&worker->controls, 1);
        session_table_control(sessions, mail->control);
        break;
    case MAIL_SURVEY:
        worker_answer_survey(worker, mail);
        break;
    default: /* the bus's, or the desk's */
        break;
    }
}

static void worker_woken(void *context) {
    Worker *worker = context;
    worker->sessions.now_ms = clock_now_ms();
    mail_dispatch(&worker->inbox, worker_receive, worker);
}

static void worker_tick(void *context, uint64_t now_ms) {
    Worker *worker = context;
    session_table_tick(&worker->sessions, now_ms);
    worker_walk_on(worker);
}

static void worker_turn(void *context) {
    Worker *worker = context;
    session_table_turn(&worker->sessions);
    if (worker->is_stopping && session_table_count(&worker->sessions) == 0)
        loop_stop(&worker->loop);
}

static const LoopOps worker_loop_ops = {.woken = worker_woken, .tick = worker_tick, .turn = worker_turn};

static int worker_init_sessions(Worker *worker) {
    const WorkerOptions *options = &worker->options;
    const SessionOptions sessions = settings_sessions(worker->settings, options->node_id, options->users);
    int r = session_table_init(&worker->sessions, &sessions, &worker->port, options->index, clock_now_ms());
    if (r < 0)
        return error_trace(r);
    WsServerOptions ws = {.table = &worker->sessions,
                          .http = options->http,
                          .http_context = options->http_context,
                          .settings = settings_ws_server(worker->settings, options->n_workers),
                          .admission = options->admission,
                          .has_proxy_header = options->has_proxy_header,
                          .header_limit_bytes = options->settings->config->header_limit_bytes,
                          .tls = options->tls,
                          .counters = &worker->ws_counters};
    r = ws_server_new(&worker->ws, &worker->loop.uv, &ws);
    if (r < 0)
        session_table_finish(&worker->sessions);
    return r;
}

int worker_init(Worker *worker, const WorkerOptions *options) {
    *worker = (Worker){.port = {.ops = &worker_port_ops}, .options = *options};
    list_init(&worker->walks);
    int r = loop_init(&worker->loop, &worker_loop_ops, worker);
    if (r < 0)
        return error_trace(r);
    worker->settings = settings_ref(options->settings);
    r = inbox_init(&worker->inbox, options->inbox_limit_bytes, loop_wake, &worker->loop);
    if (r == 0) {
        r = worker_init_sessions(worker);
        if (r < 0)
            inbox_finish(&worker->inbox);
    }
    if (r < 0) {
        loop_finish(&worker->loop);
        worker->settings = settings_unref(worker->settings);
        return error_trace(r);
    }
    return 0;
}

int worker_listen(Worker *worker, int fd, bool is_tls) {
    if (worker->n_listeners == WORKER_LISTENERS_MAX) {
        close(fd);
        return error_origin(-ENOSPC);
    }
    Listener **slot = &worker->listeners[worker->n_listeners];
    const ListenerOps *ops = is_tls ? &ws_server_tls_listener_ops : &ws_server_listener_ops;
    int r = listener_new(slot, &worker->loop.uv, fd, ops, worker->ws);
    if (r < 0)
        return error_trace(r);
    worker->n_listeners++;
    return 0;
}

static void worker_discard(void *context, const Mail *mail) {}

static void worker_end_sessions(Worker *worker) {
    worker_begin_stop(worker, 0);
    while (!list_is_empty(&worker->walks))
        survey_walk_free((SurveyWalk *)container_of(worker->walks.next, SurveyAsker, link));
    session_table_finish(&worker->sessions);
}

static void *worker_main(void *context) {
    Worker *worker = context;
    loop_run(&worker->loop);
    worker_end_sessions(worker);
    worker->options.ended(worker->options.ended_context);
    return NULL;
}

int worker_start(Worker *worker) {
    int r = pthread_create(&worker->thread, NULL, worker_main, worker);
    if (r != 0)
        return error_origin(-r);
    worker->is_started = true;
    return 0;
}

void worker_finish(Worker *worker) {
    if (worker->is_started)
        pthread_join(worker->thread, NULL);
    else
        worker_end_sessions(worker);
    ws_server_close(worker->ws);
    int r = loop_finish(&worker->loop);
    if (r < 0)
        log_event(LOG_LEVEL_WARN, "loop_busy", log_number("worker", worker->options.index));
    worker->ws = ws_server_free(worker->ws);
    mail_dispatch(&worker->inbox, worker_discard, NULL);
    inbox_finish(&worker->inbox);
    worker->settings = settings_unref(worker->settings);
}

void worker_configure(Worker *worker, Settings *settings) {
    inbox_push(&worker->inbox, &mail_settings(settings)->item);
}

void worker_renew(Worker *worker, Tls *tls) {
    Mail *mail = mail_control(MAIL_CERTIFICATES, NULL, 0);
    mail->tls = tls_ref(tls);
    inbox_push(&worker->inbox, &mail->item);
}

void worker_drain(Worker *worker, uint32_t window_ms) {
    Mail *mail = mail_control(MAIL_DRAIN, NULL, 0);
    mail->token = window_ms;
    worker->is_drained = true;
    inbox_push(&worker->inbox, &mail->item);
}

void worker_stop(Worker *worker) {
    inbox_push(&worker->inbox, &mail_control(MAIL_STOP, NULL, 0)->item);
}

void worker_terminate(Worker *worker) {
    inbox_push(&worker->inbox, &mail_control(MAIL_TERMINATE, NULL, 0)->item);
}
