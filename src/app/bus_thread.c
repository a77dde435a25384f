#include "app/bus_thread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/signals.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/spaced.h"
#include "broker/embedded.h"

enum {
    BUS_INBOX_LIMIT = 64 << 20,       /* bytes of publishes and questions waiting for the bus */
    BUS_HOLD_LIMIT = 8 << 20,         /* of messages held back for one channel while its history is read */
    BUS_CATCH_UP_LIMIT = 10000,       /* messages that one channel is caught up with after an outage */
    EMBEDDED_CLIENT_LIMIT = 32 << 20, /* as Redis's client-output-buffer-limit pubsub */
    EMBEDDED_CLIENTS = 1024,
    BUS_STOP_MS = 1000, /* how long the end waits for the broker to hear that this node's users have left */
};

static void bus_thread_send(BusThread *thread, uint32_t worker, Mail *mail) {
    inbox_batch_add(&thread->outlets[worker].batch, &mail->item);
}

static void bus_thread_deliver(void *context, uint32_t worker, Message *message) {
    BusThread *thread = context;
    Mail *mail = mail_message(MAIL_DELIVER, message);
    if (!mail) {
        counter_add(&thread->counters.dropped, 1);
        mail = mail_control(MAIL_OVERLOADED, NULL, 0);
    }
    bus_thread_send(thread, worker, mail);
}

static void bus_thread_acknowledged(void *context, uint32_t worker, const char *channel, size_t n_channel, uint64_t token,
                                    BrokerResult result, Position position) {
    Mail *mail = mail_control(MAIL_ACKNOWLEDGED, channel, n_channel);
    mail->token = token;
    mail->result = result;
    mail->position = position;
    bus_thread_send(context, worker, mail);
}

static void bus_thread_published(void *context, const BrokerReturn *to, BrokerResult result, Position position) {
    Mail *mail = mail_control(MAIL_PUBLISHED, NULL, 0);
    mail->to = *to;
    mail->result = result;
    mail->position = position;
    bus_thread_send(context, to->worker, mail);
}

static void bus_thread_gap(void *context, uint32_t worker, const char *channel, size_t n_channel, Position position) {
    Mail *mail = mail_control(MAIL_GAP, channel, n_channel);
    mail->position = position;
    bus_thread_send(context, worker, mail);
}

static void bus_thread_history(void *context, const BrokerReturn *to, const char *channel, size_t n_channel,
                               HistoryReply *reply) {
    Mail *mail = mail_history(channel, n_channel, reply);
    mail->to = *to;
    bus_thread_send(context, to->worker, mail);
}

static void bus_thread_presence(void *context, const BrokerReturn *to, const char *channel, size_t n_channel,
                                PresenceReply *reply) {
    Mail *mail = mail_control(MAIL_PRESENCE, channel, n_channel);
    mail->to = *to;
    mail->presence = presence_reply_ref(reply);
    bus_thread_send(context, to->worker, mail);
}

static void bus_thread_link(void *context, bool is_up, const char *reason) {
    if (is_up)
        log_write(LOG_LEVEL_INFO, "broker_up", NULL, 0);
    else
        log_event(LOG_LEVEL_WARN, "broker_down", log_text("reason", reason));
}

static void bus_thread_complained(void *context, const BrokerComplaint *complaint) {
    log_event(LOG_LEVEL_WARN, "broker_refused", log_text("command", complaint->command), log_text("code", complaint->code),
              log_text("words", complaint->words));
}

static const BusOps bus_thread_ops = {
    .deliver = bus_thread_deliver,
    .acknowledged = bus_thread_acknowledged,
    .published = bus_thread_published,
    .gap = bus_thread_gap,
    .history = bus_thread_history,
    .presence = bus_thread_presence,
    .link = bus_thread_link,
    .complained = bus_thread_complained,
};

/* The worker is further behind than its inbox may hold: its messages are dropped, a gap notice stands where they were, and
   histories become refusals; the rest goes through. */
static void bus_thread_thin(BusThread *thread, BusOutlet *outlet) {
    InboxItem *item = outlet->batch.first;
    outlet->batch = (InboxBatch){0};
    while (item) {
        Mail *mail = container_of(item, Mail, item);
        item = item->next;
        if (mail->kind == MAIL_DELIVER) {
            counter_add(&thread->counters.dropped, 1);
            mail_free(mail);
            continue;
        }
        if (mail->kind == MAIL_HISTORY) {
            mail->history = history_reply_unref(mail->history);
            mail->result = BROKER_OVERLOADED;
            mail->item.n_charged = 0;
        }
        inbox_batch_add(&outlet->batch, &mail->item);
    }
    inbox_batch_add(&outlet->batch, &mail_control(MAIL_OVERLOADED, NULL, 0)->item);
}

static void bus_thread_turn(void *context) {
    BusThread *thread = context;
    for (uint32_t i = 0; i < thread->bus.options.n_workers; i++) {
        BusOutlet *outlet = &thread->outlets[i];
        if (!outlet->batch.first || inbox_push_batch(outlet->inbox, &outlet->batch) == INBOX_OK)
            continue;
        bus_thread_thin(thread, outlet);
        inbox_push_batch(outlet->inbox, &outlet->batch); /* uncharged: never refused */
    }
    if (thread->stop_ms > 0 && bus_has_stopped(&thread->bus))
        loop_stop(&thread->loop);
}

/* What the settings before lent is let go of only now. One that stops begins nothing new. */
static void bus_thread_go_by(BusThread *thread, Settings *settings) {
    const Config *config = settings->config;
    if (thread->stop_ms > 0)
        return;
    if (bus_configure(&thread->bus, &config->namespaces, config->broker_linger_ms, config->broker_subscribe_ms) < 0) {
        log_event(LOG_LEVEL_ERROR, "out_of_memory", log_text("thread", "bus"));
        return;
    }
    settings_unref(thread->settings);
    thread->settings = settings_ref(settings);
}

static void bus_thread_receive(void *context, const Mail *mail) {
    BusThread *thread = context;
    Bus *bus = &thread->bus;
    switch (mail->kind) {
    case MAIL_WANT:
        bus_want(bus, mail->to.worker, mail->channel, mail->n_channel, mail->token);
        break;
    case MAIL_UNWANT:
        bus_unwant(bus, mail->to.worker, mail->channel, mail->n_channel);
        break;
    case MAIL_PUBLISH:
        bus_publish(bus, mail->message, &mail->to);
        break;
    case MAIL_READ:
        bus_read(bus, mail->channel, mail->n_channel, &mail->query, &mail->to);
        break;
    case MAIL_ASK:
        bus_presence(bus, mail->channel, mail->n_channel, &mail->to);
        break;
    case MAIL_PRESENT: {
        PresenceChange change = mail_change(mail);
        bus_present(bus, mail->to.worker, &change);
        break;
    }
    case MAIL_SETTINGS:
        bus_thread_go_by(thread, mail->settings);
        break;
    case MAIL_STOP:
        bus_stop(bus);
        thread->stop_ms = clock_now_ms() + BUS_STOP_MS;
        break;
    case MAIL_DELIVER:
    case MAIL_ACKNOWLEDGED:
    case MAIL_PUBLISHED:
    case MAIL_GAP:
    case MAIL_HISTORY:
    case MAIL_PRESENCE:
    case MAIL_CERTIFICATES:
    case MAIL_OVERLOADED:
    case MAIL_CONTROL:
    case MAIL_SURVEY:
    case MAIL_DRAIN:
    case MAIL_TERMINATE:
    case MAIL_SURVEYED:
        break; /* the workers', or the desk's */
    }
}

static void bus_thread_woken(void *context) {
    BusThread *thread = context;
    mail_dispatch(&thread->inbox, bus_thread_receive, thread);
}

static void bus_thread_tick(void *context, uint64_t now_ms) {
    BusThread *thread = context;
    thread->backend->ops->tick(thread->backend, now_ms);
    bus_tick(&thread->bus, now_ms);
    if (thread->stop_ms > 0 && (now_ms >= thread->stop_ms || atomic_load(&thread->is_hurried)))
        loop_stop(&thread->loop);
}

static const LoopOps bus_thread_loop_ops = {.woken = bus_thread_woken, .tick = bus_thread_tick, .turn = bus_thread_turn};

/* The configuration has checked them: no memory is the one thing that can be wrong. */
static int bus_thread_parse_urls(BusThread *thread, const char *text) {
    enum { PROBLEM_SIZE = 256 };
    char problem[PROBLEM_SIZE];
    const char *next;
    size_t n_url;
    thread->urls = calloc(spaced_count(text), sizeof(*thread->urls));
    if (!thread->urls)
        return error_origin(-ENOMEM);
    while ((next = spaced_next(&text, &n_url))) {
        char *url = strndup(next, n_url);
        int r = url ? redis_url_parse(&thread->urls[thread->n_urls], url, problem, sizeof(problem)) : -ENOMEM;
        free(url);
        if (r < 0)
            return error_trace(r);
        thread->n_urls++;
    }
    return 0;
}

static void bus_thread_drop_urls(BusThread *thread) {
    while (thread->n_urls > 0)
        redis_url_finish(&thread->urls[--thread->n_urls]);
    free(thread->urls);
    thread->urls = NULL;
}

static int bus_thread_open_redis(BusThread *thread, const Config *config) {
    int r = bus_thread_parse_urls(thread, config->redis_url);
    if (r < 0)
        return error_trace(r);
    RedisOptions options = {
        .urls = thread->urls,
        .n_urls = thread->n_urls,
        .prefix = config->redis_prefix,
        .connect_ms = config->redis.connect_ms,
        .reply_ms = config->redis.reply_ms,
        .backoff_min_ms = config->redis.backoff_min_ms,
        .backoff_max_ms = config->redis.backoff_max_ms,
        .publish_limit_bytes = config->redis.publish_limit_bytes,
        .canary_ms = config->redis.canary_ms,
        .canary_deadline_ms = config->redis.canary_deadline_ms,
    };
    thread->backend_free = redis_backend_free;
    return redis_backend_new(&thread->backend, &thread->loop.uv, &options, &bus_backend_events, &thread->bus);
}

static void bus_thread_log_embedded(const Backend *backend) {
    ListenAddress bound = {0};
    char text[LISTEN_ADDRESS_TEXT_SIZE];
    if (embedded_backend_address(backend, &bound.socket.storage) < 0)
        return;
    bound.n_bytes = sizeof(bound.socket.storage);
    listen_address_format(text, sizeof(text), &bound);
    log_event(LOG_LEVEL_INFO, "listening", log_text("kind", "embedded"), log_text("address", text));
}

static int bus_thread_open_embedded(BusThread *thread, const Config *config) {
    EmbeddedOptions options = {
        .prefix = config->redis_prefix,
        .address = config->has_embedded ? &config->embedded_address.socket.any : NULL,
        .client_limit_bytes = EMBEDDED_CLIENT_LIMIT,
        .n_clients_limit = EMBEDDED_CLIENTS,
        .history_total_bytes = config->embedded_history_bytes,
    };
    thread->backend_free = embedded_backend_free;
    int r = embedded_backend_new(&thread->backend, &thread->loop.uv, &options, &bus_backend_events, &thread->bus);
    if (r == 0)
        bus_thread_log_embedded(thread->backend);
    else if (config->has_embedded) {
        char text[LISTEN_ADDRESS_TEXT_SIZE];
        listen_address_format(text, sizeof(text), &config->embedded_address);
        log_event(LOG_LEVEL_ERROR, "cannot_listen", log_text("kind", "embedded"), log_text("address", text),
                  log_text("reason", strerror(-r)));
    }
    return r;
}

static int bus_thread_open(BusThread *thread, const Config *config) {
    int r = config->redis_url[0] ? bus_thread_open_redis(thread, config) : bus_thread_open_embedded(thread, config);
    return r < 0 ? error_trace(r) : bus_attach(&thread->bus, thread->backend);
}

static int bus_thread_init_bus(BusThread *thread, const Config *config, const char *node_id, uint32_t n_workers) {
    const BusOptions options = {
        .n_workers = n_workers,
        .linger_ms = config->broker_linger_ms,
        .subscribe_ms = config->broker_subscribe_ms,
        .hold_limit_bytes = BUS_HOLD_LIMIT,
        .history_limit = BUS_CATCH_UP_LIMIT,
        .node_id = node_id,
        .namespaces = &config->namespaces,
    };
    return bus_init(&thread->bus, &options, &bus_thread_ops, thread);
}

/* After a failure of bus_thread_open. */
static void bus_thread_abandon(BusThread *thread) {
    if (thread->backend)
        thread->backend->ops->close(thread->backend);
    loop_finish(&thread->loop);
    bus_finish(&thread->bus);
    if (thread->backend)
        thread->backend = thread->backend_free(thread->backend);
    bus_thread_drop_urls(thread);
    inbox_finish(&thread->inbox);
}

int bus_thread_init(BusThread *thread, Settings *settings, const char *node_id, uint32_t n_workers) {
    const Config *config = settings->config;
    *thread = (BusThread){0};
    int r = loop_init(&thread->loop, &bus_thread_loop_ops, thread);
    if (r < 0)
        return error_trace(r);
    r = inbox_init(&thread->inbox, BUS_INBOX_LIMIT, loop_wake, &thread->loop);
    if (r < 0) {
        loop_finish(&thread->loop);
        return error_trace(r);
    }
    r = bus_thread_init_bus(thread, config, node_id, n_workers);
    if (r < 0) {
        inbox_finish(&thread->inbox);
        loop_finish(&thread->loop);
        return error_trace(r);
    }
    r = bus_thread_open(thread, config);
    if (r < 0) {
        bus_thread_abandon(thread);
        return error_trace(r);
    }
    atomic_init(&thread->is_hurried, false);
    atomic_init(&thread->has_ended, false);
    thread->settings = settings_ref(settings);
    return 0;
}

void bus_thread_connect(BusThread *thread, uint32_t worker, Inbox *inbox) {
    thread->outlets[worker].inbox = inbox;
}

static void bus_thread_discard(void *context, const Mail *mail) {}

static void bus_thread_drop_outlets(BusThread *thread) {
    for (uint32_t i = 0; i < thread->bus.options.n_workers; i++) {
        InboxItem *item = thread->outlets[i].batch.first;
        while (item) {
            Mail *mail = container_of(item, Mail, item);
            item = item->next;
            mail_free(mail);
        }
        thread->outlets[i].batch = (InboxBatch){0};
    }
}

static void bus_thread_close(BusThread *thread) {
    thread->backend->ops->close(thread->backend);
    thread->is_busy = loop_finish(&thread->loop) < 0;
    if (thread->is_busy)
        log_event(LOG_LEVEL_WARN, "loop_busy", log_text("thread", "bus"));
    bus_finish(&thread->bus);
    bus_thread_drop_outlets(thread);
}

static void *bus_thread_main(void *context) {
    BusThread *thread = context;
    loop_run(&thread->loop);
    bus_thread_close(thread);
    atomic_store(&thread->has_ended, true);
    signals_nudge(NULL);
    return NULL;
}

int bus_thread_start(BusThread *thread) {
    int r = pthread_create(&thread->thread, NULL, bus_thread_main, thread);
    if (r != 0)
        return error_origin(-r);
    thread->is_started = true;
    return 0;
}

void bus_thread_configure(BusThread *thread, Settings *settings) {
    inbox_push(&thread->inbox, &mail_settings(settings)->item);
}

void bus_thread_stop(BusThread *thread) {
    inbox_push(&thread->inbox, &mail_control(MAIL_STOP, NULL, 0)->item);
}

/* It is looked at every tick: its loop, which may be closing, is not woken. */
void bus_thread_hurry(BusThread *thread) {
    atomic_store(&thread->is_hurried, true);
}

void bus_thread_finish(BusThread *thread) {
    if (thread->is_started)
        pthread_join(thread->thread, NULL);
    else
        bus_thread_close(thread);
    mail_dispatch(&thread->inbox, bus_thread_discard, NULL);
    inbox_finish(&thread->inbox);
    if (thread->n_urls > 0)
        thread->redis = *redis_backend_counters(thread->backend);
    if (!thread->is_busy)
        thread->backend = thread->backend_free(thread->backend);
    bus_thread_drop_urls(thread);
    thread->settings = settings_unref(thread->settings);
}
