#include "broker/embedded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "broker/embedded_core.h"
#include "broker/embedded_functions.h"
#include "broker/turn.h"

typedef struct EmbeddedBackend {
    Backend base;
    EmbeddedCore core;
    Turn turn;
    TurnTask start;
    HistoryReply *overloaded; /* made before there was no memory */
    HistoryReply *refused;
    bool is_up;
} EmbeddedBackend;

static EmbeddedBackend *embedded_backend(Backend *backend) {
    return container_of(backend, EmbeddedBackend, base);
}

static bool embedded_refuses(Backend *backend, const char *channel, size_t n_channel) {
    return channel_key_is_taken(&embedded_backend(backend)->core.keys, channel, n_channel);
}

static BrokerResult embedded_result(int r) {
    return r < 0 ? BROKER_OVERLOADED : BROKER_OK; /* nothing but memory fails */
}

static bool embedded_is_reachable(Backend *backend, const char *channel, size_t n_channel) {
    return embedded_backend(backend)->is_up;
}

static void embedded_subscribe(Backend *backend, const char *channel, size_t n_channel) {
    if (!embedded_backend(backend)->is_up)
        return;
    if (embedded_refuses(backend, channel, n_channel) ||
        embedded_core_hear(&embedded_backend(backend)->core, channel, n_channel) < 0)
        backend->events->refused(backend->context, channel, n_channel);
    else
        backend->events->subscribed(backend->context, channel, n_channel);
}

static void embedded_unsubscribe(Backend *backend, const char *channel, size_t n_channel) {
    embedded_core_unhear(&embedded_backend(backend)->core, channel, n_channel);
}

static void embedded_publish(Backend *backend, Message *message, const HistoryLimits *limits, void *cookie) {
    EmbeddedCore *core = &embedded_backend(backend)->core;
    Position position = {0};
    int r = 0;
    if (embedded_refuses(backend, message_channel(message), message->n_channel)) {
        backend->events->published(backend->context, cookie, BROKER_REFUSED, position);
        return;
    }
    if (limits) {
        const HistoryAppend append = {
            .channel = message_channel(message),
            .n_channel = message->n_channel,
            .payload = message_payload(message),
            .n_payload = message->n_payload,
            .n_messages = limits->n_messages,
            .age_ms = limits->age_ms,
            .id = message->n_id ? message_id(message) : NULL,
            .n_id = message->n_id,
            .id_age_ms = HISTORY_ID_AGE_MS,
        };
        r = embedded_core_append(core, &append, &position);
    } else {
        embedded_core_publish(core, message_channel(message), message->n_channel, message_payload(message), message->n_payload);
    }
    backend->events->published(backend->context, cookie, embedded_result(r), position);
}

static void embedded_read(Backend *backend, const char *channel, size_t n_channel, const HistoryQuery *query, void *cookie) {
    EmbeddedBackend *embedded = embedded_backend(backend);
    HistoryReply *reply;
    if (embedded_refuses(backend, channel, n_channel))
        reply = history_reply_ref(embedded->refused);
    else if (embedded_history_read(&reply, &embedded->core.history, channel, n_channel, query) < 0)
        reply = history_reply_ref(embedded->overloaded);
    backend->events->read(backend->context, cookie, reply);
    history_reply_unref(reply);
}

static void embedded_present(Backend *backend, const PresenceEntry *entry, void *cookie) {
    EmbeddedPresenceChange change;
    int r = embedded_presence_set(&embedded_backend(backend)->core.presence, entry, &change);
    backend->events->presented(backend->context, cookie, embedded_result(r));
}

typedef struct MemberFill {
    size_t n_texts;
    PresenceMember *next; /* NULL: only count */
    char *text;
} MemberFill;

static void embedded_fill_member(const EmbeddedMember *member, void *context) {
    MemberFill *fill = context;
    fill->n_texts += member->n_user + member->n_member;
    if (!fill->next)
        return;
    memcpy(fill->text, member->user, member->n_user);
    memcpy(fill->text + member->n_user, member->member, member->n_member);
    *fill->next++ = (PresenceMember){
        .n_connections = member->n_connections < UINT32_MAX ? (uint32_t)member->n_connections : UINT32_MAX,
        .n_user = (uint32_t)member->n_user,
        .n_text = (uint32_t)member->n_member,
        .user = fill->text,
        .text = fill->text + member->n_user,
    };
    fill->text += member->n_user + member->n_member;
}

static void embedded_members(Backend *backend, const char *channel, size_t n_channel, void *cookie) {
    const EmbeddedPresence *presence = &embedded_backend(backend)->core.presence;
    PresenceList list;
    MemberFill fill = {0};
    size_t n_members = embedded_presence_count(presence, channel, n_channel, &list.version);
    embedded_presence_each(presence, channel, n_channel, embedded_fill_member, &fill);
    list.reply = presence_reply_new((uint32_t)n_members, fill.n_texts);
    if (!list.reply) {
        backend->events->members(backend->context, cookie, BROKER_OVERLOADED, NULL);
        return;
    }
    fill = (MemberFill){.next = list.reply->members, .text = presence_reply_texts(list.reply)};
    embedded_presence_each(presence, channel, n_channel, embedded_fill_member, &fill);
    backend->events->members(backend->context, cookie, BROKER_OK, &list);
    presence_reply_unref(list.reply);
}

/* There is one node, and it lives as long as its broker. */
static void embedded_lease(Backend *backend, const LeaseRequest *request, void *cookie) {
    static const char *const nobody[] = {NULL};
    const LeaseReply reply = {.is_kept = !request->is_given_up, .dead = nobody};
    backend->events->leased(backend->context, cookie, BROKER_OK, &reply);
}

static void embedded_bury(Backend *backend, const char *node, void *cookie) {
    int r = embedded_presence_bury(&embedded_backend(backend)->core.presence, NULL, 0, node);
    backend->events->buried(backend->context, cookie, embedded_result(r));
}

static void embedded_tick(Backend *backend, uint64_t now_ms) {
    embedded_core_tick(&embedded_backend(backend)->core, now_ms);
}

static void embedded_on_start(TurnTask *task) {
    EmbeddedBackend *embedded = container_of(task, EmbeddedBackend, start);
    embedded->is_up = true;
    embedded->base.events->changed(embedded->base.context);
    embedded->base.events->link(embedded->base.context, true, NULL);
}

static void embedded_close(Backend *backend) {
    EmbeddedBackend *embedded = embedded_backend(backend);
    embedded->is_up = false;
    embedded->core.server = resp_server_close(embedded->core.server);
    turn_close(&embedded->turn);
}

static const BackendOps embedded_ops = {
    .is_reachable = embedded_is_reachable,
    .subscribe = embedded_subscribe,
    .unsubscribe = embedded_unsubscribe,
    .publish = embedded_publish,
    .read = embedded_read,
    .present = embedded_present,
    .members = embedded_members,
    .lease = embedded_lease,
    .bury = embedded_bury,
    .tick = embedded_tick,
    .close = embedded_close,
};

/* A client of the listener publishes: what has no prefix is not meant for the node. */
static size_t embedded_on_publish(void *context, const char *key, size_t n_key, const void *payload, size_t n_payload) {
    EmbeddedCore *core = context;
    const char *channel;
    size_t n_channel;
    if (!embedded_core_channel(core, key, n_key, &channel, &n_channel))
        return 0;
    return embedded_core_deliver(core, channel, n_channel, payload, n_payload);
}

static void embedded_on_call(void *context, const RespCall *call, Writer *writer) {
    embedded_functions_run(context, call, writer);
}

static int embedded_listen(EmbeddedBackend *embedded, uv_loop_t *loop, const EmbeddedOptions *options) {
    const RespServerOptions server_options = {
        .address = options->address,
        .client_limit_bytes = options->client_limit_bytes,
        .n_clients_limit = options->n_clients_limit,
        .publish = embedded_on_publish,
        .call = embedded_on_call,
        .context = &embedded->core,
    };
    int r = resp_server_new(&embedded->core.server, loop, &embedded->turn, &server_options);
    return r < 0 ? error_trace(r) : 0;
}

static int embedded_open(EmbeddedBackend *embedded, uv_loop_t *loop, const EmbeddedOptions *options) {
    int r = embedded_core_init(&embedded->core, options->prefix, clock_wall_ms() * 1000, options->history_total_bytes,
                               embedded->base.events, embedded->base.context);
    if (r < 0)
        return error_trace(r);
    embedded->overloaded = history_reply_new(0);
    embedded->refused = history_reply_new(0);
    if (!embedded->overloaded || !embedded->refused)
        return error_origin(-ENOMEM);
    embedded->overloaded->result = BROKER_OVERLOADED;
    embedded->refused->result = BROKER_REFUSED;
    r = options->address ? embedded_listen(embedded, loop, options) : 0;
    return r < 0 ? error_trace(r) : 0;
}

int embedded_backend_new(Backend **out, uv_loop_t *loop, const EmbeddedOptions *options, const BackendEvents *events,
                         void *context) {
    EmbeddedBackend *embedded = calloc(1, sizeof *embedded);
    if (!embedded)
        return error_origin(-ENOMEM);
    embedded->base = (Backend){.ops = &embedded_ops, .events = events, .context = context};
    int r = embedded_open(embedded, loop, options);
    if (r < 0) {
        embedded_backend_free(&embedded->base);
        return error_trace(r);
    }
    turn_init(&embedded->turn, loop);
    turn_task_init(&embedded->start, embedded_on_start);
    turn_add(&embedded->turn, &embedded->start);
    *out = &embedded->base;
    return 0;
}

Backend *embedded_backend_free(Backend *backend) {
    if (!backend)
        return NULL;
    EmbeddedBackend *embedded = embedded_backend(backend);
    embedded_core_finish(&embedded->core);
    history_reply_unref(embedded->overloaded);
    history_reply_unref(embedded->refused);
    free(embedded);
    return NULL;
}

int embedded_backend_address(const Backend *backend, struct sockaddr_storage *out) {
    const EmbeddedBackend *embedded = container_of(backend, EmbeddedBackend, base);
    return embedded->core.server ? resp_server_address(embedded->core.server, out) : -ENOENT;
}
