#include "broker/embedded_core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "broker/envelope.h"

enum { ENVELOPE_KEEP_BYTES = 1 << 20 }; /* a larger room is given back after use */

typedef struct HeardChannel {
    MapNode node;
    char name[];
} HeardChannel;

int embedded_core_hear(EmbeddedCore *core, const char *channel, size_t n_channel) {
    HeardChannel *heard = calloc(1, sizeof *heard + n_channel + 1);
    if (!heard)
        return error_origin(-ENOMEM);
    memcpy(heard->name, channel, n_channel);
    heard->node.key = heard->name;
    heard->node.n_key = n_channel;
    int r = map_insert(&core->heard, &heard->node);
    if (r != MAP_OK)
        free(heard);
    return r < 0 ? error_trace(r) : 0;
}

static void core_forget(MapNode *node, void *context) {
    EmbeddedCore *core = context;
    map_remove(&core->heard, node);
    free(container_of(node, HeardChannel, node));
}

void embedded_core_unhear(EmbeddedCore *core, const char *channel, size_t n_channel) {
    MapNode *node = map_find(&core->heard, channel, n_channel);
    if (node)
        core_forget(node, core);
}

bool embedded_core_channel(const EmbeddedCore *core, const char *key, size_t n_key, const char **channel, size_t *n_channel) {
    return channel_of_key(&core->keys, key, n_key, channel, n_channel) && *n_channel <= CHANNEL_NAME_MAX;
}

size_t embedded_core_deliver(EmbeddedCore *core, const char *channel, size_t n_channel, const void *payload, size_t n_payload) {
    if (!map_find(&core->heard, channel, n_channel))
        return 0;
    core->events->message(core->context, channel, n_channel, payload, n_payload);
    return 1;
}

void embedded_core_publish(EmbeddedCore *core, const char *channel, size_t n_channel, const void *payload, size_t n_payload) {
    embedded_core_deliver(core, channel, n_channel, payload, n_payload);
    if (!core->server)
        return;
    const ChannelKey key = channel_key(&core->keys, channel, n_channel);
    memcpy(core->key, key.root, key.n_root);
    memcpy(core->key + key.n_root, key.name, key.n_name);
    resp_topics_publish(&core->server->topics, core->key, key.n_root + key.n_name, payload, n_payload);
}

static int core_reserve(EmbeddedCore *core, size_t n_bytes) {
    size_t n_envelope = ENVELOPE_HEAD_MAX + n_bytes;
    if (n_envelope <= core->n_envelope)
        return 0;
    char *envelope = realloc(core->envelope, n_envelope);
    if (!envelope)
        return error_origin(-ENOMEM);
    core->envelope = envelope;
    core->n_envelope = n_envelope;
    return 0;
}

static int core_on_reserve(void *context, size_t n_bytes) {
    int r = core_reserve(context, n_bytes);
    return r < 0 ? error_trace(r) : 0;
}

/* The body stands behind the room for the head already. */
static void core_publish_envelope(EmbeddedCore *core, const char *channel, size_t n_channel, const char *head, size_t n_head,
                                  size_t n_body) {
    char *begin = core->envelope + ENVELOPE_HEAD_MAX - n_head;
    memcpy(begin, head, n_head);
    embedded_core_publish(core, channel, n_channel, begin, n_head + n_body);
    if (core->n_envelope > ENVELOPE_KEEP_BYTES) {
        free(core->envelope);
        core->envelope = NULL;
        core->n_envelope = 0;
    }
}

int embedded_core_append(EmbeddedCore *core, const HistoryAppend *append, Position *out) {
    int r = core_reserve(core, append->n_payload); /* first: what has its place must be published */
    if (r == 0)
        r = embedded_history_append(&core->history, append, out);
    if (r < 0)
        return error_trace(r);
    if (r == HISTORY_DUPLICATE)
        return r;
    char head[ENVELOPE_HEAD_MAX];
    size_t n_head = envelope_head_message(head, *out);
    if (append->n_payload)
        memcpy(core->envelope + ENVELOPE_HEAD_MAX, append->payload, append->n_payload);
    core_publish_envelope(core, append->channel, append->n_channel, head, n_head, append->n_payload);
    return HISTORY_APPENDED;
}

static void core_on_announce(void *context, const PresenceEvent *event) {
    EmbeddedCore *core = context;
    char head[ENVELOPE_HEAD_MAX];
    size_t n_head = envelope_head_presence(head, event->kind, event->version, event->n_user);
    char *body = core->envelope + ENVELOPE_HEAD_MAX;
    memcpy(body, event->user, event->n_user);
    memcpy(body + event->n_user, event->member, event->n_member);
    core_publish_envelope(core, event->channel, event->n_channel, head, n_head, event->n_user + event->n_member);
}

static const EmbeddedPresenceOps core_presence_ops = {.reserve = core_on_reserve, .announce = core_on_announce};

void embedded_core_tick(EmbeddedCore *core, uint64_t now_ms) {
    if (!core->has_ticked)
        core->first_tick_ms = now_ms;
    core->has_ticked = true;
    uint64_t elapsed_ms = now_ms - core->first_tick_ms;
    embedded_history_tick(&core->history, elapsed_ms);
    core->presence.now_us = core->history.start_us + elapsed_ms * 1000;
    if (core->server)
        resp_server_tick(core->server, now_ms);
}

int embedded_core_init(EmbeddedCore *core, const char *prefix, uint64_t start_us, size_t history_total_bytes,
                       const BackendEvents *events, void *context) {
    size_t n_prefix = strlen(prefix) + 1;
    char *texts = malloc(n_prefix + n_prefix + CHANNEL_NAME_MAX);
    if (!texts)
        return error_origin(-ENOMEM);
    *core = (EmbeddedCore){.events = events, .context = context, .prefix = texts, .key = texts + n_prefix};
    memcpy(core->prefix, prefix, n_prefix);
    channel_keys_init(&core->keys, core->prefix);
    map_init(&core->heard);
    embedded_history_init(&core->history, start_us, history_total_bytes);
    embedded_presence_init(&core->presence, &core_presence_ops, core);
    core->presence.now_us = start_us;
    return 0;
}

void embedded_core_finish(EmbeddedCore *core) {
    if (!core->prefix)
        return;
    map_each(&core->heard, core_forget, core);
    map_finish(&core->heard);
    embedded_history_finish(&core->history);
    embedded_presence_finish(&core->presence);
    free(core->prefix);
    free(core->envelope);
}
