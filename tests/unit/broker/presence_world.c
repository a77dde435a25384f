#include "presence_world.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

enum { QUEUE = 1 << 12, NAME = BROKER_NAME };

typedef enum CallKind { CALL_PRESENT, CALL_MEMBERS, CALL_LEASE, CALL_BURY } CallKind;

typedef struct Call {
    CallKind kind;
    void *cookie;
    unsigned channel, user;
    uint32_t n_connections;
    LeaseRequest request;
    char node[NAME];
    BrokerResult result;
    PresenceList list;
    BrokerLease lease;
} Call;

typedef struct Event {
    unsigned channel, user;
    MessageKind kind;
    uint64_t version;
} Event;

/* First in, first out. */
typedef struct Queue {
    void *items[QUEUE];
    size_t first, n_items;
} Queue;

typedef struct Node {
    World *world;
    Backend backend;
    Presence *presence;
    bool is_up;
    Queue asked, answers, events;
    unsigned connections[WORLD_CHANNELS][WORLD_USERS];
    uint32_t told[WORLD_CHANNELS], answered[WORLD_CHANNELS];
    bool is_told[WORLD_CHANNELS];
    BrokerResult last_result;
    unsigned n_joins, n_leaves, n_broken;
} Node;

struct World {
    uint64_t now_ms;
    Node nodes[WORLD_NODES];
    PresenceBroker broker;
    unsigned n_calls;
    bool is_refused;
    bool has_small_versions;
};

static void queue_push(Queue *queue, void *item) {
    ck_assert(queue->n_items < QUEUE);
    queue->items[(queue->first + queue->n_items++) % QUEUE] = item;
}

static void *queue_pop(Queue *queue) {
    if (!queue->n_items)
        return NULL;
    void *item = queue->items[queue->first];
    queue->first = (queue->first + 1) % QUEUE;
    queue->n_items--;
    return item;
}

static void queue_clear(Queue *queue) {
    while (queue->n_items)
        free(queue_pop(queue));
}

static Node *node_of(Backend *backend) {
    return container_of(backend, Node, backend);
}

static unsigned number_of(const char *name) {
    return (unsigned)strtoul(name + 1, NULL, 10);
}

static Call *node_ask(Node *node, CallKind kind, void *cookie) {
    Call *call = calloc(1, sizeof *call);
    call->kind = kind;
    call->cookie = cookie;
    node->world->n_calls++;
    return call;
}

/* A call without a link is answered before it returns. */
static void node_send(Node *node, Call *call) {
    if (node->is_up) {
        queue_push(&node->asked, call);
        return;
    }
    CallKind kind = call->kind;
    void *cookie = call->cookie;
    free(call);
    if (kind == CALL_PRESENT)
        presence_on_presented(node->presence, cookie, BROKER_UNAVAILABLE);
    else if (kind == CALL_MEMBERS)
        presence_on_members(node->presence, cookie, BROKER_UNAVAILABLE, NULL);
    else if (kind == CALL_LEASE)
        presence_on_leased(node->presence, cookie, BROKER_UNAVAILABLE, NULL);
    else
        presence_on_buried(node->presence, cookie, BROKER_UNAVAILABLE);
}

static bool fake_is_reachable(Backend *backend, const char *channel, size_t n_channel) {
    return node_of(backend)->is_up;
}

static void fake_present(Backend *backend, const PresenceEntry *entry, void *cookie) {
    Call *call = node_ask(node_of(backend), CALL_PRESENT, cookie);
    char name[NAME], member[2 * NAME];
    snprintf(name, sizeof name, "%.*s", (int)entry->n_channel, entry->channel);
    call->channel = number_of(name);
    snprintf(name, sizeof name, "%.*s", (int)entry->n_user, entry->user);
    call->user = number_of(name);
    snprintf(member, sizeof member, "{\"user\":\"%s\"}", name);
    ck_assert_uint_eq(entry->n_member, strlen(member));
    ck_assert_mem_eq(entry->member, member, entry->n_member);
    call->n_connections = entry->n_connections;
    snprintf(call->node, sizeof call->node, "%s", entry->node);
    node_send(node_of(backend), call);
}

static void fake_members(Backend *backend, const char *channel, size_t n_channel, void *cookie) {
    Call *call = node_ask(node_of(backend), CALL_MEMBERS, cookie);
    call->channel = number_of(channel);
    node_send(node_of(backend), call);
}

static void fake_lease(Backend *backend, const LeaseRequest *request, void *cookie) {
    Call *call = node_ask(node_of(backend), CALL_LEASE, cookie);
    call->request = *request;
    snprintf(call->node, sizeof call->node, "%s", request->node);
    node_send(node_of(backend), call);
}

static void fake_bury(Backend *backend, const char *name, void *cookie) {
    Call *call = node_ask(node_of(backend), CALL_BURY, cookie);
    snprintf(call->node, sizeof call->node, "%s", name);
    node_send(node_of(backend), call);
}

static const BackendOps world_backend_ops = {
    .is_reachable = fake_is_reachable,
    .present = fake_present,
    .members = fake_members,
    .lease = fake_lease,
    .bury = fake_bury,
};

static void on_announce(void *context, const char *channel, size_t n_channel, MessageKind kind, const char *member,
                        size_t n_member) {
    Node *node = context;
    unsigned c = number_of(channel), u = (unsigned)strtoul(member + strlen("{\"user\":\"u"), NULL, 10);
    bool is_here = node->told[c] >> u & 1;
    if (kind == MESSAGE_JOIN)
        node->n_joins++;
    else
        node->n_leaves++;
    if (node->is_told[c] && is_here == (kind == MESSAGE_JOIN))
        node->n_broken++;
    node->told[c] = kind == MESSAGE_JOIN ? node->told[c] | 1U << u : node->told[c] & ~(1U << u);
}

static void on_answered(void *context, const BrokerReturn *to, const char *channel, size_t n_channel, PresenceReply *reply) {
    Node *node = context;
    unsigned c = number_of(channel);
    node->last_result = reply->result;
    if (reply->result != BROKER_OK)
        return;
    node->answered[c] = 0;
    for (uint32_t i = 0; i < reply->n_members; i++) {
        const PresenceMember *member = &reply->members[i];
        char name[NAME];
        snprintf(name, sizeof name, "%.*s", (int)member->n_user, member->user);
        ck_assert(member->n_text > 0 && member->text[0] == '{');
        ck_assert_uint_gt(member->n_connections, 0);
        node->answered[c] |= 1U << number_of(name);
    }
    if (!node->is_told[c])
        node->told[c] = node->answered[c];
    node->is_told[c] = true;
}

static const PresenceOps world_presence_ops = {.announce = on_announce, .answered = on_answered};

static void world_publish(void *context, unsigned channel, unsigned user, MessageKind kind, uint64_t version) {
    World *world = context;
    for (unsigned i = 0; i < WORLD_NODES; i++) {
        Node *node = &world->nodes[i];
        Event *event = node->is_up && node->presence ? calloc(1, sizeof *event) : NULL;
        if (!event)
            continue;
        *event = (Event){.channel = channel, .user = user, .kind = kind, .version = version};
        queue_push(&node->events, event);
    }
}

World *world_new(void) {
    World *world = calloc(1, sizeof *world);
    world->now_ms = WORLD_START_MS;
    world->broker.publish = world_publish;
    world->broker.context = world;
    return world;
}

static void node_clear(Node *node) {
    for (Call *call; (call = queue_pop(&node->answers)); free(call))
        presence_reply_unref(call->list.reply);
    queue_clear(&node->asked);
    queue_clear(&node->events);
    node->presence = presence_free(node->presence);
}

World *world_free(World *world) {
    for (unsigned i = 0; i < WORLD_NODES; i++)
        node_clear(&world->nodes[i]);
    free(world);
    return NULL;
}

static void node_subscribe(Node *node) {
    for (unsigned c = 0; c < WORLD_CHANNELS; c++) {
        char name[NAME];
        int n_name = snprintf(name, sizeof name, "c%u", c);
        presence_subscribed(node->presence, name, (size_t)n_name);
    }
}

void world_start_node(World *world, unsigned i) {
    Node *node = &world->nodes[i];
    memset(node, 0, sizeof *node);
    node->world = world;
    node->backend.ops = &world_backend_ops;
    node->is_up = true;
    const char *const ids[WORLD_NODES] = {"node0", "node1", "node2"};
    ck_assert_int_eq(presence_new(&node->presence, &node->backend, ids[i], &world_presence_ops, node), 0);
    presence_tick(node->presence, world->now_ms);
    node_subscribe(node);
}

void world_kill_node(World *world, unsigned i) {
    node_clear(&world->nodes[i]);
    memset(&world->nodes[i], 0, sizeof world->nodes[i]);
}

void world_stop_node(World *world, unsigned i) {
    presence_stop(world->nodes[i].presence);
    memset(world->nodes[i].connections, 0, sizeof world->nodes[i].connections);
}

bool world_node_has_stopped(const World *world, unsigned i) {
    return presence_has_stopped(world->nodes[i].presence);
}

Presence *world_presence(World *world, unsigned i) {
    return world->nodes[i].presence;
}

static void world_change(World *world, unsigned i, unsigned channel, unsigned user, bool has_entered) {
    char channel_name[NAME], user_name[NAME], member[2 * NAME];
    snprintf(channel_name, sizeof channel_name, "c%u", channel);
    snprintf(user_name, sizeof user_name, "u%u", user);
    snprintf(member, sizeof member, "{\"user\":\"%s\"}", user_name);
    PresenceChange change = {
        .channel = channel_name,
        .n_channel = strlen(channel_name),
        .user = user_name,
        .n_user = strlen(user_name),
        .member = member,
        .n_member = strlen(member),
        .has_entered = has_entered,
    };
    presence_change(world->nodes[i].presence, &change);
}

void world_enter(World *world, unsigned i, unsigned channel, unsigned user) {
    world->nodes[i].connections[channel][user]++;
    world_change(world, i, channel, user, true);
}

void world_leave(World *world, unsigned i, unsigned channel, unsigned user) {
    if (!world->nodes[i].connections[channel][user])
        return;
    world->nodes[i].connections[channel][user]--;
    world_change(world, i, channel, user, false);
}

void world_ask(World *world, unsigned i, unsigned channel) {
    char name[NAME];
    int n_name = snprintf(name, sizeof name, "c%u", channel);
    presence_ask(world->nodes[i].presence, name, (size_t)n_name, &(BrokerReturn){.worker = 1});
}

static void world_do(World *world, Call *call) {
    call->result = world->is_refused ? BROKER_REFUSED : BROKER_OK;
    if (world->is_refused)
        return;
    call->request.node = call->node;
    world->broker.first_version = world->has_small_versions ? 0 : world->now_ms * 1000;
    if (call->kind == CALL_PRESENT)
        broker_set(&world->broker, call->node, call->channel, call->user, call->n_connections);
    else if (call->kind == CALL_MEMBERS)
        call->list = broker_members(&world->broker, call->channel);
    else if (call->kind == CALL_LEASE)
        broker_lease(&world->broker, &call->request, world->now_ms, &call->lease);
    else
        broker_bury(&world->broker, call->node);
}

bool world_execute(World *world, unsigned i) {
    Call *call = queue_pop(&world->nodes[i].asked);
    if (!call)
        return false;
    world_do(world, call);
    queue_push(&world->nodes[i].answers, call);
    return true;
}

static void node_answer(Node *node, Call *call) {
    bool is_ok = call->result == BROKER_OK;
    const char *dead[BROKER_LEASES + 1] = {NULL};
    for (unsigned i = 0; i < call->lease.n_dead; i++)
        dead[i] = call->lease.dead[i];
    LeaseReply leased = {.is_kept = call->lease.is_kept, .dead = dead};
    if (call->kind == CALL_PRESENT)
        presence_on_presented(node->presence, call->cookie, call->result);
    else if (call->kind == CALL_MEMBERS)
        presence_on_members(node->presence, call->cookie, call->result, is_ok ? &call->list : NULL);
    else if (call->kind == CALL_LEASE)
        presence_on_leased(node->presence, call->cookie, call->result, is_ok ? &leased : NULL);
    else
        presence_on_buried(node->presence, call->cookie, call->result);
    presence_reply_unref(call->list.reply);
    free(call);
}

bool world_answer(World *world, unsigned i) {
    Call *call = queue_pop(&world->nodes[i].answers);
    if (!call)
        return false;
    node_answer(&world->nodes[i], call);
    return true;
}

bool world_deliver(World *world, unsigned i) {
    Event *event = queue_pop(&world->nodes[i].events);
    if (!event)
        return false;
    char channel[NAME], user[NAME], member[2 * NAME];
    int n_channel = snprintf(channel, sizeof channel, "c%u", event->channel);
    int n_user = snprintf(user, sizeof user, "u%u", event->user);
    int n_member = snprintf(member, sizeof member, "{\"user\":\"%s\"}", user);
    Envelope envelope = {
        .kind = event->kind,
        .version = event->version,
        .user = user,
        .n_user = (size_t)n_user,
        .payload = member,
        .n_payload = (size_t)n_member,
    };
    free(event);
    presence_heard(world->nodes[i].presence, channel, (size_t)n_channel, &envelope);
    return true;
}

bool world_lose_event(World *world, unsigned i) {
    Event *event = queue_pop(&world->nodes[i].events);
    free(event);
    return event;
}

void world_cut(World *world, unsigned i, bool is_executed) {
    Node *node = &world->nodes[i];
    if (!node->is_up)
        return;
    node->is_up = false;
    queue_clear(&node->events);
    presence_reachable(node->presence);
    for (Call *call; (call = queue_pop(&node->asked)); queue_push(&node->answers, call))
        if (is_executed)
            world_do(world, call);
    for (size_t n = node->answers.n_items; n > 0; n--) {
        Call *call = queue_pop(&node->answers);
        call->result = BROKER_UNAVAILABLE;
        node_answer(node, call);
    }
}

void world_heal(World *world, unsigned i) {
    Node *node = &world->nodes[i];
    if (node->is_up || !node->presence)
        return;
    node->is_up = true;
    presence_reachable(node->presence);
    node_subscribe(node);
}

void world_wipe(World *world) {
    broker_wipe(&world->broker);
}

void world_refuse(World *world, bool is_refused) {
    world->is_refused = is_refused;
}

void world_count_small(World *world) {
    world->has_small_versions = true;
}

void world_settle(World *world) {
    for (bool is_busy = true; is_busy;) {
        is_busy = false;
        for (unsigned i = 0; i < WORLD_NODES; i++) {
            is_busy |= world_execute(world, i);
            is_busy |= world_answer(world, i);
            is_busy |= world_deliver(world, i);
        }
    }
}

void world_tick(World *world, uint64_t n_ms) {
    for (uint64_t end_ms = world->now_ms + n_ms; world->now_ms < end_ms;) {
        world->now_ms += 100;
        for (unsigned i = 0; i < WORLD_NODES; i++)
            if (world->nodes[i].presence)
                presence_tick(world->nodes[i].presence, world->now_ms);
    }
}

void world_run(World *world, uint64_t n_ms) {
    for (; n_ms >= 100; n_ms -= 100) {
        world_tick(world, 100);
        world_settle(world);
    }
}

uint32_t world_broker_has(const World *world, unsigned channel) {
    return broker_has(&world->broker, channel);
}

unsigned world_broker_connections(const World *world, unsigned channel, unsigned user) {
    return broker_connections(&world->broker, channel, user);
}

uint32_t world_truth(const World *world, unsigned channel) {
    uint32_t users = 0;
    for (unsigned i = 0; i < WORLD_NODES; i++)
        for (unsigned u = 0; u < WORLD_USERS; u++)
            users |= world->nodes[i].connections[channel][u] ? 1U << u : 0;
    return users;
}

uint32_t world_told(const World *world, unsigned i, unsigned channel) {
    return world->nodes[i].told[channel];
}

bool world_is_told(const World *world, unsigned i, unsigned channel) {
    return world->nodes[i].is_told[channel];
}

uint32_t world_answered(const World *world, unsigned i, unsigned channel) {
    return world->nodes[i].answered[channel];
}

unsigned world_n_joins(const World *world, unsigned i) {
    return world->nodes[i].n_joins;
}

unsigned world_n_leaves(const World *world, unsigned i) {
    return world->nodes[i].n_leaves;
}

unsigned world_n_broken(const World *world, unsigned i) {
    return world->nodes[i].n_broken;
}

unsigned world_n_calls(const World *world) {
    return world->n_calls;
}

BrokerResult world_last_result(const World *world, unsigned i) {
    return world->nodes[i].last_result;
}

void world_forget_counts(World *world) {
    world->n_calls = 0;
    for (unsigned i = 0; i < WORLD_NODES; i++)
        world->nodes[i].n_joins = world->nodes[i].n_leaves = world->nodes[i].n_broken = 0;
}
