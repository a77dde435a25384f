#include "broker/presence_entries.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRY_KEY_MAX = 1 + CHANNEL_NAME_MAX + PRESENCE_USER_MAX };

typedef struct Entry {
    MapNode node;
    ListNode waiting;
    WheelEntry retry;
    uint64_t lease; /* the one under which the call that is under way says it */
    char *member;   /* of the connection that entered first */
    uint32_t n_member;
    uint32_t n_connections;
    uint32_t n_said; /* as the broker has acknowledged, or is being told */
    bool is_certain; /* that the broker has n_said */
    bool is_under_way;
    uint8_t n_channel;
    uint8_t n_user;
    char key[]; /* the size of the channel's name in one byte, the name, the user's name */
} Entry;

static void entries_pump(Entries *entries);

static Entry *entry_of(MapNode *node) {
    return node ? container_of(node, Entry, node) : NULL;
}

static size_t entry_key(char key[static ENTRY_KEY_MAX], const char *channel, size_t n_channel, const char *user,
                        size_t n_user) {
    key[0] = (char)(uint8_t)n_channel;
    memcpy(key + 1, channel, n_channel);
    memcpy(key + 1 + n_channel, user, n_user);
    return 1 + n_channel + n_user;
}

static Entry *entries_find(const Entries *entries, const char *channel, size_t n_channel, const char *user, size_t n_user) {
    char key[ENTRY_KEY_MAX];
    if (n_channel == 0 || n_channel > CHANNEL_NAME_MAX || n_user == 0 || n_user > PRESENCE_USER_MAX)
        return NULL;
    return entry_of(map_find(&entries->map, key, entry_key(key, channel, n_channel, user, n_user)));
}

static Entry *entry_new(Entries *entries, const PresenceChange *change) {
    Entry *entry = calloc(1, sizeof *entry + 1 + change->n_channel + change->n_user);
    if (!entry)
        return NULL;
    list_init(&entry->waiting);
    wheel_entry_init(&entry->retry);
    entry->is_certain = true;
    entry->n_channel = (uint8_t)change->n_channel;
    entry->n_user = (uint8_t)change->n_user;
    char key[ENTRY_KEY_MAX];
    size_t n_key = entry_key(key, change->channel, change->n_channel, change->user, change->n_user);
    memcpy(entry->key, key, n_key);
    entry->node.key = entry->key;
    entry->node.n_key = n_key;
    if (map_insert(&entries->map, &entry->node) != MAP_OK) {
        free(entry);
        return NULL;
    }
    return entry;
}

static Entry *entry_free(Entries *entries, Entry *entry) {
    list_unlink(&entry->waiting);
    wheel_disarm(&entries->retries, &entry->retry);
    map_remove(&entries->map, &entry->node);
    free(entry->member);
    free(entry);
    return NULL;
}

/* Each entry is in one place: waiting, put off, under way, at rest, or gone. */
static void entry_settle(Entries *entries, Entry *entry) {
    if (entry->is_under_way)
        return;
    if (!entry->is_certain || entry->n_said != entry->n_connections) {
        if (!list_is_linked(&entry->waiting) && !wheel_is_armed(&entry->retry))
            list_append(&entries->waiting, &entry->waiting);
        return;
    }
    list_unlink(&entry->waiting);
    wheel_disarm(&entries->retries, &entry->retry);
    if (entry->n_connections == 0)
        entry_free(entries, entry);
}

void entries_init(Entries *entries, Backend *backend, Counter *members, Counter *failures) {
    *entries = (Entries){.backend = backend, .members = members, .failures = failures};
    map_init(&entries->map);
    list_init(&entries->waiting);
    wheel_init(&entries->retries, 0);
}

static void entries_forget(MapNode *node, void *context) {
    entry_free(context, entry_of(node));
}

void entries_finish(Entries *entries) {
    map_each(&entries->map, entries_forget, entries);
    map_finish(&entries->map);
}

/* The first connection's member stands for the user for as long as he stays. */
static int entry_take_member(Entry *entry, const PresenceChange *change) {
    char *member = malloc(change->n_member ? change->n_member : 1);
    if (!member)
        return 1;
    if (change->n_member)
        memcpy(member, change->member, change->n_member);
    free(entry->member);
    entry->member = member;
    entry->n_member = (uint32_t)change->n_member;
    return 0;
}

static void entries_enter(Entries *entries, const PresenceChange *change) {
    Entry *entry = entries_find(entries, change->channel, change->n_channel, change->user, change->n_user);
    if (!entry)
        entry = entry_new(entries, change);
    if (!entry || (entry->n_connections == 0 && entry_take_member(entry, change) && !entry->member)) {
        counter_add(entries->failures, 1);
        if (entry)
            entry_free(entries, entry);
        return;
    }
    counter_add(entries->members, entry->n_connections == 0);
    entry->n_connections++;
    entry_settle(entries, entry);
}

static void entries_leave(Entries *entries, const PresenceChange *change) {
    Entry *entry = entries_find(entries, change->channel, change->n_channel, change->user, change->n_user);
    if (!entry || entry->n_connections == 0)
        return;
    entry->n_connections--;
    counter_subtract(entries->members, entry->n_connections == 0);
    entry_settle(entries, entry);
}

void entries_change(Entries *entries, const PresenceChange *change) {
    bool is_good = change->n_channel > 0 && change->n_channel <= CHANNEL_NAME_MAX && change->n_user > 0 &&
                   change->n_user <= PRESENCE_USER_MAX && change->n_member <= PRESENCE_MEMBER_MAX;
    if (!is_good)
        return;
    if (change->has_entered)
        entries_enter(entries, change);
    else
        entries_leave(entries, change);
    entries_pump(entries);
}

bool entries_has(const Entries *entries, const char *channel, size_t n_channel, const char *user, size_t n_user) {
    const Entry *entry = entries_find(entries, channel, n_channel, user, n_user);
    return entry && entry->n_connections > 0;
}

static void entries_start_anew(MapNode *node, void *context) {
    Entries *entries = context;
    Entry *entry = entry_of(node);
    entry->n_said = 0;
    entry->is_certain = true;
    wheel_disarm(&entries->retries, &entry->retry);
    entry_settle(entries, entry);
}

void entries_begin(Entries *entries, const char *node) {
    entries->node = node;
    entries->n_leases++;
    map_each(&entries->map, entries_start_anew, entries);
    entries_pump(entries);
}

void entries_suspend(Entries *entries) {
    entries->node = NULL;
}

void entries_resume(Entries *entries, const char *node) {
    entries->node = node;
    entries_pump(entries);
}

static void entries_doubt(MapNode *node, void *context) {
    Entries *entries = context;
    Entry *entry = entry_of(node);
    entry->is_certain = false;
    wheel_disarm(&entries->retries, &entry->retry);
    entry_settle(entries, entry);
}

void entries_say_again(Entries *entries) {
    map_each(&entries->map, entries_doubt, entries);
    entries_pump(entries);
}

static void entries_look_at(MapNode *node, void *context) {
    Entries *entries = context;
    Entry *entry = entry_of(node);
    if (!entries->backend->ops->is_reachable(entries->backend, entry->key + 1, entry->n_channel))
        entry->is_certain = false;
    else if (!entry->is_certain)
        entries_doubt(node, context);
}

void entries_look(Entries *entries) {
    map_each(&entries->map, entries_look_at, entries);
    entries_pump(entries);
}

static void entry_say(Entries *entries, Entry *entry) {
    entry->is_under_way = true;
    entry->is_certain = false;
    entry->n_said = entry->n_connections;
    entry->lease = entries->n_leases;
    entries->n_under_way++;
    PresenceEntry said = {
        .channel = entry->key + 1,
        .n_channel = entry->n_channel,
        .node = entries->node,
        .user = entry->key + 1 + entry->n_channel,
        .n_user = entry->n_user,
        .member = entry->member,
        .n_member = entry->n_member,
        .n_connections = entry->n_connections,
    };
    entries->backend->ops->present(entries->backend, &said, entry);
}

static void entries_pump(Entries *entries) {
    if (entries->is_pumping)
        return;
    entries->is_pumping = true;
    for (unsigned budget = ENTRIES_BUDGET; budget > 0 && entries->node && entries->n_under_way < ENTRIES_UNDER_WAY; budget--) {
        ListNode *node = list_pop(&entries->waiting);
        if (!node)
            break;
        entry_say(entries, container_of(node, Entry, waiting));
    }
    entries->is_pumping = false;
}

static void entries_retry(WheelEntry *retry, uint64_t now_ms, void *context) {
    entry_settle(context, container_of(retry, Entry, retry));
}

void entries_tick(Entries *entries, uint64_t now_ms) {
    wheel_advance(&entries->retries, now_ms, entries_retry, entries);
    entries_pump(entries);
}

/* The answer about a lease that is over tells nothing about the new one; and nothing is gained by telling a broker again what it
   refused of a user who has gone. */
void entries_on_presented(Entries *entries, void *cookie, BrokerResult result) {
    Entry *entry = cookie;
    entries->n_under_way--;
    entry->is_under_way = false;
    bool is_moot = entry->lease != entries->n_leases || (result == BROKER_REFUSED && entry->n_connections == 0);
    if (is_moot)
        entry->n_said = 0;
    entry->is_certain = is_moot || result == BROKER_OK;
    if (!entry->is_certain) {
        uint64_t now_ms = entries->retries.tick * WHEEL_TICK_MS;
        wheel_arm(&entries->retries, &entry->retry,
                  now_ms + (result == BROKER_REFUSED ? ENTRIES_REFUSED_MS : ENTRIES_RETRY_MS));
    }
    entry_settle(entries, entry);
    entries_pump(entries);
}

bool entries_are_said(const Entries *entries) {
    return list_is_empty(&entries->waiting) && entries->n_under_way == 0 && entries->retries.n_armed == 0;
}
