#include "broker/embedded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "broker/resp_server.h"
#include "broker/turn.h"

/* A channel that the node itself hears. */
typedef struct EmbeddedChannel {
    MapNode node;
    char name[];
} EmbeddedChannel;

typedef struct EmbeddedBackend {
    Backend base;
    Turn turn;
    TurnTask start;
    Map subscribed;
    RespServer *server; /* NULL without a listener */
    size_t n_prefix;
    char *prefixed; /* the prefix, and room for a channel's name */
} EmbeddedBackend;

static EmbeddedBackend *embedded_backend(Backend *backend) {
    return container_of(backend, EmbeddedBackend, base);
}

static int embedded_add(EmbeddedBackend *embedded, const char *channel, size_t n_channel) {
    EmbeddedChannel *added = calloc(1, sizeof *added + n_channel + 1);
    if (!added)
        return error_origin(-ENOMEM);
    memcpy(added->name, channel, n_channel);
    added->node.key = added->name;
    added->node.n_key = n_channel;
    int r = map_insert(&embedded->subscribed, &added->node);
    if (r != MAP_OK)
        free(added);
    return r < 0 ? error_trace(r) : 0;
}

static void embedded_subscribe(Backend *backend, const char *channel, size_t n_channel) {
    if (embedded_add(embedded_backend(backend), channel, n_channel) < 0)
        backend->events->refused(backend->context, channel, n_channel);
    else
        backend->events->subscribed(backend->context, channel, n_channel);
}

static void embedded_remove(MapNode *node, void *context) {
    EmbeddedBackend *embedded = context;
    map_remove(&embedded->subscribed, node);
    free(container_of(node, EmbeddedChannel, node));
}

static void embedded_unsubscribe(Backend *backend, const char *channel, size_t n_channel) {
    EmbeddedBackend *embedded = embedded_backend(backend);
    MapNode *node = map_find(&embedded->subscribed, channel, n_channel);
    if (node)
        embedded_remove(node, embedded);
}

/* To the node itself, by the clients' name of the channel. Returns 1 when the node hears it, else 0. */
static size_t embedded_deliver(EmbeddedBackend *embedded, const char *channel, size_t n_channel, const void *payload,
                               size_t n_payload) {
    if (!map_find(&embedded->subscribed, channel, n_channel))
        return 0;
    embedded->base.events->message(embedded->base.context, channel, n_channel, payload, n_payload);
    return 1;
}

static void embedded_publish(Backend *backend, Message *message, void *cookie) {
    EmbeddedBackend *embedded = embedded_backend(backend);
    embedded_deliver(embedded, message_channel(message), message->n_channel, message_payload(message), message->n_payload);
    if (embedded->server) {
        memcpy(embedded->prefixed + embedded->n_prefix, message_channel(message), message->n_channel);
        resp_topics_publish(&embedded->server->topics, embedded->prefixed, embedded->n_prefix + message->n_channel,
                            message_payload(message), message->n_payload);
    }
    backend->events->published(backend->context, cookie, BROKER_OK);
}

/* A client of the listener publishes: what has no prefix is not meant for the node. */
static size_t embedded_on_publish(void *context, const char *channel, size_t n_channel, const void *payload, size_t n_payload) {
    EmbeddedBackend *embedded = context;
    size_t n_prefix = embedded->n_prefix;
    if (n_channel <= n_prefix || memcmp(channel, embedded->prefixed, n_prefix) != 0)
        return 0;
    return embedded_deliver(embedded, channel + n_prefix, n_channel - n_prefix, payload, n_payload);
}

static void embedded_tick(Backend *backend, uint64_t now_ms) {
    EmbeddedBackend *embedded = embedded_backend(backend);
    if (embedded->server)
        resp_server_tick(embedded->server, now_ms);
}

static void embedded_on_start(TurnTask *task) {
    EmbeddedBackend *embedded = container_of(task, EmbeddedBackend, start);
    embedded->base.events->up(embedded->base.context);
}

static void embedded_close(Backend *backend) {
    EmbeddedBackend *embedded = embedded_backend(backend);
    embedded->server = resp_server_close(embedded->server);
    turn_close(&embedded->turn);
}

static const BackendOps embedded_ops = {
    .subscribe = embedded_subscribe,
    .unsubscribe = embedded_unsubscribe,
    .publish = embedded_publish,
    .tick = embedded_tick,
    .close = embedded_close,
};

static int embedded_listen(EmbeddedBackend *embedded, uv_loop_t *loop, const EmbeddedOptions *options) {
    const RespServerOptions server_options = {
        .address = options->address,
        .client_limit_bytes = options->client_limit_bytes,
        .n_clients_limit = options->n_clients_limit,
        .publish = embedded_on_publish,
        .context = embedded,
    };
    int r = resp_server_new(&embedded->server, loop, &embedded->turn, &server_options);
    return r < 0 ? error_trace(r) : 0;
}

int embedded_backend_new(Backend **out, uv_loop_t *loop, const EmbeddedOptions *options, const BackendEvents *events,
                         void *context) {
    EmbeddedBackend *embedded = calloc(1, sizeof *embedded);
    if (!embedded)
        return error_origin(-ENOMEM);
    embedded->base = (Backend){.ops = &embedded_ops, .events = events, .context = context};
    map_init(&embedded->subscribed);
    embedded->n_prefix = strlen(options->prefix);
    embedded->prefixed = malloc(embedded->n_prefix + CHANNEL_NAME_MAX);
    int r = embedded->prefixed ? 0 : error_origin(-ENOMEM);
    if (r == 0 && options->address)
        r = embedded_listen(embedded, loop, options);
    if (r < 0) {
        embedded_backend_free(&embedded->base);
        return error_trace(r);
    }
    memcpy(embedded->prefixed, options->prefix, embedded->n_prefix);
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
    map_each(&embedded->subscribed, embedded_remove, embedded);
    map_finish(&embedded->subscribed);
    free(embedded->prefixed);
    free(embedded);
    return NULL;
}

int embedded_backend_address(const Backend *backend, struct sockaddr_storage *out) {
    const EmbeddedBackend *embedded = container_of(backend, EmbeddedBackend, base);
    return embedded->server ? resp_server_address(embedded->server, out) : -ENOENT;
}
