#include "broker/embedded_presence.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

typedef struct PresentChannel {
    MapNode node;
    ListNode empty;
    EmbeddedPresence *presence;
    Map users;
    uint64_t version;
    char name[];
} PresentChannel;

typedef struct PresentUser {
    MapNode node;
    ListNode shares; /* never empty outside of these functions */
    size_t n_member;
    char bytes[]; /* the name, the member */
} PresentUser;

typedef struct PresentShare {
    ListNode link;
    uint32_t n_connections;
    char node[];
} PresentShare;

static PresentChannel *channel_find(const EmbeddedPresence *presence, const char *name, size_t n_name) {
    MapNode *node = map_find(&presence->channels, name, n_name);
    return node ? container_of(node, PresentChannel, node) : NULL;
}

static void channel_free(PresentChannel *channel) {
    EmbeddedPresence *presence = channel->presence;
    if (list_is_linked(&channel->empty)) {
        list_unlink(&channel->empty);
        presence->n_empty--;
    }
    map_finish(&channel->users);
    map_remove(&presence->channels, &channel->node);
    free(channel);
}

static void channel_mark_if_empty(PresentChannel *channel) {
    if (channel->users.n_nodes || list_is_linked(&channel->empty))
        return;
    list_append(&channel->presence->empty, &channel->empty);
    channel->presence->n_empty++;
}

static void presence_trim_empty(EmbeddedPresence *presence) {
    while (presence->n_empty > PRESENCE_EMPTY_MAX)
        channel_free(container_of(presence->empty.next, PresentChannel, empty));
}

static void channel_unmark(PresentChannel *channel) {
    if (!list_is_linked(&channel->empty))
        return;
    list_unlink(&channel->empty);
    channel->presence->n_empty--;
}

static int channel_get(PresentChannel **out, EmbeddedPresence *presence, const char *name, size_t n_name) {
    *out = channel_find(presence, name, n_name);
    if (*out)
        return 0;
    PresentChannel *channel = calloc(1, sizeof *channel + n_name);
    if (!channel)
        return error_origin(-ENOMEM);
    channel->presence = presence;
    memcpy(channel->name, name, n_name);
    channel->node.key = channel->name;
    channel->node.n_key = n_name;
    int r = map_insert(&presence->channels, &channel->node);
    if (r < 0) {
        free(channel);
        return error_trace(r);
    }
    list_init(&channel->empty);
    map_init(&channel->users);
    *out = channel;
    return 0;
}

static const char *user_member(const PresentUser *user) {
    return user->bytes + user->node.n_key;
}

static PresentUser *user_find(const PresentChannel *channel, const char *name, size_t n_name) {
    MapNode *node = map_find(&channel->users, name, n_name);
    return node ? container_of(node, PresentUser, node) : NULL;
}

static int user_new(PresentUser **out, PresentChannel *channel, const PresenceEntry *entry) {
    PresentUser *user = calloc(1, sizeof *user + entry->n_user + entry->n_member);
    if (!user)
        return error_origin(-ENOMEM);
    memcpy(user->bytes, entry->user, entry->n_user);
    if (entry->n_member)
        memcpy(user->bytes + entry->n_user, entry->member, entry->n_member);
    list_init(&user->shares);
    user->n_member = entry->n_member;
    user->node.key = user->bytes;
    user->node.n_key = entry->n_user;
    int r = map_insert(&channel->users, &user->node);
    if (r < 0) {
        free(user);
        return error_trace(r);
    }
    *out = user;
    return 0;
}

static PresentShare *share_find(const PresentUser *user, const char *name) {
    for (ListNode *node = user->shares.next; node != &user->shares; node = node->next) {
        PresentShare *share = container_of(node, PresentShare, link);
        if (strcmp(share->node, name) == 0)
            return share;
    }
    return NULL;
}

static void share_free(EmbeddedPresence *presence, PresentShare *share) {
    list_unlink(&share->link);
    presence->n_shares--;
    free(share);
}

static int share_set(EmbeddedPresence *presence, PresentUser *user, const char *node, uint32_t n_connections) {
    PresentShare *share = share_find(user, node);
    if (!share) {
        size_t n_node = strlen(node);
        share = presence->n_shares < PRESENCE_SHARES_MAX ? malloc(sizeof *share + n_node + 1) : NULL;
        if (!share)
            return error_origin(-ENOMEM);
        presence->n_shares++;
        memcpy(share->node, node, n_node + 1);
        list_append(&user->shares, &share->link);
    }
    share->n_connections = n_connections;
    return 0;
}

static void user_free(PresentChannel *channel, PresentUser *user) {
    while (!list_is_empty(&user->shares))
        share_free(channel->presence, container_of(user->shares.next, PresentShare, link));
    map_remove(&channel->users, &user->node);
    free(user);
}

static void channel_announce(PresentChannel *channel, MessageKind kind, const PresentUser *user) {
    EmbeddedPresence *presence = channel->presence;
    if (channel->version == 0)
        channel->version = presence->now_us > presence->last_version ? presence->now_us : presence->last_version;
    channel->version++;
    if (channel->version > presence->last_version)
        presence->last_version = channel->version;
    const PresenceEvent event = {
        .channel = channel->name,
        .n_channel = channel->node.n_key,
        .kind = kind,
        .version = channel->version,
        .user = user->bytes,
        .n_user = user->node.n_key,
        .member = user_member(user),
        .n_member = user->n_member,
    };
    presence->ops->announce(presence->context, &event);
}

static int channel_join(PresentChannel *channel, const PresenceEntry *entry) {
    int r = channel->presence->ops->reserve(channel->presence->context, entry->n_user + entry->n_member);
    if (r < 0)
        return error_trace(r);
    PresentUser *user = NULL;
    r = user_new(&user, channel, entry);
    if (r < 0)
        return error_trace(r);
    r = share_set(channel->presence, user, entry->node, entry->n_connections);
    if (r < 0) {
        user_free(channel, user);
        return error_trace(r);
    }
    channel_unmark(channel);
    channel_announce(channel, MESSAGE_JOIN, user);
    return 1;
}

/* The node's share of the user goes, and with the last one the user. 0 or -ENOMEM. */
static int channel_leave(PresentChannel *channel, PresentUser *user, const char *node, bool *has_gone) {
    PresentShare *share = share_find(user, node);
    *has_gone = false;
    if (!share)
        return 0;
    bool is_last = user->shares.next == &share->link && share->link.next == &user->shares;
    int r = is_last ? channel->presence->ops->reserve(channel->presence->context, user->node.n_key + user->n_member) : 0;
    if (r < 0)
        return error_trace(r);
    share_free(channel->presence, share);
    if (is_last) {
        channel_announce(channel, MESSAGE_LEAVE, user);
        user_free(channel, user);
    }
    *has_gone = is_last;
    return 0;
}

static int channel_set(PresentChannel *channel, const PresenceEntry *entry, int *change) {
    PresentUser *user = user_find(channel, entry->user, entry->n_user);
    int r = 0;
    bool has_gone = false;
    if (entry->n_connections && !user)
        r = channel_join(channel, entry);
    else if (entry->n_connections)
        r = share_set(channel->presence, user, entry->node, entry->n_connections);
    else if (user)
        r = channel_leave(channel, user, entry->node, &has_gone);
    if (r < 0)
        return error_trace(r);
    *change = has_gone ? -1 : r;
    return 0;
}

int embedded_presence_set(EmbeddedPresence *presence, const PresenceEntry *entry, EmbeddedPresenceChange *out) {
    PresentChannel *channel;
    int r = channel_get(&channel, presence, entry->channel, entry->n_channel);
    if (r < 0)
        return error_trace(r);
    EmbeddedPresenceChange change = {0};
    r = channel_set(channel, entry, &change.change);
    change.version = channel->version;
    if (channel->version == 0)
        channel_free(channel);
    else
        channel_mark_if_empty(channel);
    presence_trim_empty(presence);
    if (r < 0)
        return error_trace(r);
    *out = change;
    return 0;
}

typedef struct Burial {
    PresentChannel *channel;
    const char *node;
    int n_gone;
    int error;
} Burial;

static void bury_user(MapNode *node, void *context) {
    Burial *burial = context;
    bool has_gone;
    int r = channel_leave(burial->channel, container_of(node, PresentUser, node), burial->node, &has_gone);
    if (r < 0)
        burial->error = r;
    burial->n_gone += has_gone;
}

static void bury_in_channel(MapNode *node, void *context) {
    Burial *burial = context;
    burial->channel = container_of(node, PresentChannel, node);
    map_each(&burial->channel->users, bury_user, burial);
}

static void presence_sweep(MapNode *node, void *context) {
    channel_mark_if_empty(container_of(node, PresentChannel, node));
}

int embedded_presence_bury(EmbeddedPresence *presence, const char *channel_name, size_t n_channel, const char *node) {
    Burial burial = {.node = node};
    PresentChannel *channel = channel_name ? channel_find(presence, channel_name, n_channel) : NULL;
    if (!channel_name) {
        map_each(&presence->channels, bury_in_channel, &burial);
        map_each(&presence->channels, presence_sweep, NULL);
    } else if (channel) {
        bury_in_channel(&channel->node, &burial);
        channel_mark_if_empty(channel);
    }
    presence_trim_empty(presence);
    return burial.error < 0 ? error_trace(burial.error) : burial.n_gone;
}

size_t embedded_presence_count(const EmbeddedPresence *presence, const char *channel_name, size_t n_channel,
                               uint64_t *version) {
    const PresentChannel *channel = channel_find(presence, channel_name, n_channel);
    *version = channel ? channel->version : 0;
    return channel ? channel->users.n_nodes : 0;
}

typedef struct MemberWalk {
    EmbeddedMemberVisit *visit;
    void *context;
} MemberWalk;

static void presence_visit(MapNode *node, void *context) {
    const MemberWalk *walk = context;
    const PresentUser *user = container_of(node, PresentUser, node);
    EmbeddedMember member = {
        .user = user->bytes,
        .n_user = user->node.n_key,
        .member = user_member(user),
        .n_member = user->n_member,
    };
    for (ListNode *share = user->shares.next; share != &user->shares; share = share->next)
        member.n_connections += container_of(share, PresentShare, link)->n_connections;
    walk->visit(&member, walk->context);
}

void embedded_presence_each(const EmbeddedPresence *presence, const char *channel_name, size_t n_channel,
                            EmbeddedMemberVisit *visit, void *context) {
    PresentChannel *channel = channel_find(presence, channel_name, n_channel);
    if (channel)
        map_each(&channel->users, presence_visit, &(MemberWalk){.visit = visit, .context = context});
}

void embedded_presence_init(EmbeddedPresence *presence, const EmbeddedPresenceOps *ops, void *context) {
    *presence = (EmbeddedPresence){.ops = ops, .context = context};
    map_init(&presence->channels);
    list_init(&presence->empty);
}

static void presence_drop_user(MapNode *node, void *context) {
    user_free(context, container_of(node, PresentUser, node));
}

static void presence_drop_channel(MapNode *node, void *context) {
    PresentChannel *channel = container_of(node, PresentChannel, node);
    map_each(&channel->users, presence_drop_user, channel);
    channel_free(channel);
}

void embedded_presence_finish(EmbeddedPresence *presence) {
    map_each(&presence->channels, presence_drop_channel, NULL);
    map_finish(&presence->channels);
}
