#include "app/bus_thread.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"

enum {
    BUS_INBOX_LIMIT = 64 << 20, /* bytes of publishes waiting for the bus */
    REDIS_CONNECT_MS = 5000,
    REDIS_REPLY_MS = 5000,
    REDIS_BACKOFF_MIN_MS = 100,
    REDIS_BACKOFF_MAX_MS = 5000,
    REDIS_CANARY_MS = 1000,
    REDIS_CANARY_DEADLINE_MS = 2000,
    REDIS_PUBLISH_LIMIT = 16 << 20,   /* bytes of publishes that Redis has not answered */
    EMBEDDED_CLIENT_LIMIT = 32 << 20, /* as Redis's client-output-buffer-limit pubsub */
    EMBEDDED_CLIENTS = 1024,
};

static void bus_thread_deliver(void *context, uint32_t worker, Message *message) {
    BusThread *thread = context;
    Mail *mail = mail_message(MAIL_DELIVER, message);
    if (!mail) {
        counter_add(&thread->counters.dropped, 1);
        mail = mail_control(MAIL_OVERLOADED, NULL, 0);
    }
    inbox_batch_add(&thread->outlets[worker].batch, &mail->item);
}

static void bus_thread_acknowledged(void *context, uint32_t worker, const char *channel, size_t n_channel, uint64_t token,
                                    bool is_granted) {
    BusThread *thread = context;
    Mail *mail = mail_control(MAIL_ACKNOWLEDGED, channel, n_channel);
    mail->token = token;
    mail->is_granted = is_granted;
    inbox_batch_add(&thread->outlets[worker].batch, &mail->item);
}

static void bus_thread_published(void *context, const BusReturn *to, BrokerResult result) {
    BusThread *thread = context;
    Mail *mail = mail_control(MAIL_PUBLISHED, NULL, 0);
    mail->session_id = to->session_id;
    mail->request_id = to->request_id;
    mail->result = result;
    inbox_batch_add(&thread->outlets[to->worker].batch, &mail->item);
}

static void bus_thread_gap(void *context, uint32_t worker) {
    BusThread *thread = context;
    inbox_batch_add(&thread->outlets[worker].batch, &mail_control(MAIL_GAP, NULL, 0)->item);
}

static void bus_thread_link(void *context, bool is_up, const char *reason) {
    if (is_up)
        log_write(LOG_LEVEL_INFO, "broker_up", NULL, 0);
    else
        log_event(LOG_LEVEL_WARN, "broker_down", log_text("reason", reason));
}

static const BusOps bus_thread_ops = {
    .deliver = bus_thread_deliver,
    .acknowledged = bus_thread_acknowledged,
    .published = bus_thread_published,
    .gap = bus_thread_gap,
    .link = bus_thread_link,
};

/* The worker is further behind than its inbox may hold: its messages are dropped, the rest goes through, and a gap notice
   stands where they were. */
static void bus_thread_thin(BusThread *thread, BusOutlet *outlet) {
    InboxItem *item = outlet->batch.first;
    outlet->batch = (InboxBatch){0};
    while (item) {
        Mail *mail = container_of(item, Mail, item);
        item = item->next;
        if (mail->kind != MAIL_DELIVER) {
            inbox_batch_add(&outlet->batch, &mail->item);
            continue;
        }
        counter_add(&thread->counters.dropped, 1);
        mail_free(mail);
    }
    inbox_batch_add(&outlet->batch, &mail_control(MAIL_OVERLOADED, NULL, 0)->item);
}

static void bus_thread_turn(void *context) {
    BusThread *thread = context;
    for (uint32_t i = 0; i < thread->bus.n_workers; i++) {
        BusOutlet *outlet = &thread->outlets[i];
        if (!outlet->batch.first || inbox_push_batch(outlet->inbox, &outlet->batch) == INBOX_OK)
            continue;
        bus_thread_thin(thread, outlet);
        inbox_push_batch(outlet->inbox, &outlet->batch); /* uncharged: never refused */
    }
}

static void bus_thread_receive(void *context, const Mail *mail) {
    BusThread *thread = context;
    switch (mail->kind) {
    case MAIL_WANT:
        bus_want(&thread->bus, mail->worker, mail->channel, mail->n_channel, mail->token);
        break;
    case MAIL_UNWANT:
        bus_unwant(&thread->bus, mail->worker, mail->channel, mail->n_channel, clock_now_ms());
        break;
    case MAIL_PUBLISH:
        bus_publish(&thread->bus, mail->message,
                    &(BusReturn){.worker = mail->worker, .session_id = mail->session_id, .request_id = mail->request_id});
        break;
    case MAIL_STOP:
        loop_stop(&thread->loop);
        break;
    case MAIL_DELIVER:
    case MAIL_ACKNOWLEDGED:
    case MAIL_PUBLISHED:
    case MAIL_GAP:
    case MAIL_OVERLOADED:
        break; /* the workers' */
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
}

static const LoopOps bus_thread_loop_ops = {.woken = bus_thread_woken, .tick = bus_thread_tick, .turn = bus_thread_turn};

static int bus_thread_open_redis(BusThread *thread, const Config *config) {
    char problem[256];
    int r = redis_url_parse(&thread->url, config->redis_url, problem, sizeof(problem));
    if (r < 0)
        return error_trace(r); /* the configuration has checked it: no memory */
    RedisOptions options = {
        .url = thread->url,
        .prefix = config->redis_prefix,
        .connect_ms = REDIS_CONNECT_MS,
        .reply_ms = REDIS_REPLY_MS,
        .backoff_min_ms = REDIS_BACKOFF_MIN_MS,
        .backoff_max_ms = REDIS_BACKOFF_MAX_MS,
        .publish_limit_bytes = REDIS_PUBLISH_LIMIT,
        .canary_ms = REDIS_CANARY_MS,
        .canary_deadline_ms = REDIS_CANARY_DEADLINE_MS,
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

int bus_thread_init(BusThread *thread, const Config *config, uint32_t n_workers) {
    *thread = (BusThread){0};
    int r = loop_init(&thread->loop, &bus_thread_loop_ops, thread);
    if (r < 0)
        return error_trace(r);
    bus_init(&thread->bus, n_workers, config->broker_linger_ms, &bus_thread_ops, thread);
    r = inbox_init(&thread->inbox, BUS_INBOX_LIMIT, loop_wake, &thread->loop);
    if (r == 0) {
        r = config->redis_url[0] ? bus_thread_open_redis(thread, config) : bus_thread_open_embedded(thread, config);
        if (r < 0)
            inbox_finish(&thread->inbox);
    }
    if (r < 0) {
        bus_finish(&thread->bus);
        redis_url_finish(&thread->url);
        loop_finish(&thread->loop);
        return error_trace(r);
    }
    bus_attach(&thread->bus, thread->backend);
    return 0;
}

void bus_thread_connect(BusThread *thread, uint32_t worker, Inbox *inbox) {
    thread->outlets[worker].inbox = inbox;
}

static void bus_thread_discard(void *context, const Mail *mail) {}

static void bus_thread_drop_outlets(BusThread *thread) {
    for (uint32_t i = 0; i < thread->bus.n_workers; i++) {
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
    if (loop_finish(&thread->loop) < 0)
        log_event(LOG_LEVEL_WARN, "loop_busy", log_text("thread", "bus"));
    bus_finish(&thread->bus);
    bus_thread_drop_outlets(thread);
}

static void *bus_thread_main(void *context) {
    BusThread *thread = context;
    loop_run(&thread->loop);
    bus_thread_close(thread);
    return NULL;
}

int bus_thread_start(BusThread *thread) {
    int r = pthread_create(&thread->thread, NULL, bus_thread_main, thread);
    if (r != 0)
        return error_origin(-r);
    thread->is_started = true;
    return 0;
}

void bus_thread_stop(BusThread *thread) {
    inbox_push(&thread->inbox, &mail_control(MAIL_STOP, NULL, 0)->item);
}

void bus_thread_finish(BusThread *thread) {
    if (thread->is_started)
        pthread_join(thread->thread, NULL);
    else
        bus_thread_close(thread);
    mail_dispatch(&thread->inbox, bus_thread_discard, NULL);
    inbox_finish(&thread->inbox);
    thread->backend = thread->backend_free(thread->backend);
    redis_url_finish(&thread->url);
}
