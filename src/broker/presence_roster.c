#include "broker/presence_roster.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"

typedef struct RosterUser {
    MapNode node;
    uint64_t version;    /* of the last event about this user; 0: lists alone told of him */
    uint64_t missing_ms; /* since when lists lack him; 0: they do not */
    uint32_t n_connections;
    uint32_t n_text;
    bool is_gone;
    bool is_listed; /* by the list that is being read */
    char bytes[];   /* the name, the text */
} RosterUser;

typedef struct RosterMember {
    const char *user;
    size_t n_user;
    const char *text;
    size_t n_text;
} RosterMember;

static RosterUser *user_of(MapNode *node) {
    return node ? container_of(node, RosterUser, node) : NULL;
}

static const char *user_text(const RosterUser *user) {
    return user->bytes + user->node.n_key;
}

static RosterUser *roster_find(const Roster *roster, const char *name, size_t n_name) {
    return user_of(map_find(&roster->users, name, n_name));
}

static void roster_found(Roster *roster, RosterUser *user) {
    roster->n_missing -= user->missing_ms > 0;
    user->missing_ms = 0;
}

static RosterUser *roster_remove(Roster *roster, RosterUser *user) {
    roster->n_gone -= user->is_gone;
    roster_found(roster, user);
    map_remove(&roster->users, &user->node);
    free(user);
    return NULL;
}

static RosterUser *roster_add(Roster *roster, const RosterMember *member) {
    RosterUser *user = calloc(1, sizeof *user + member->n_user + member->n_text);
    if (!user)
        return NULL;
    memcpy(user->bytes, member->user, member->n_user);
    if (member->n_text)
        memcpy(user->bytes + member->n_user, member->text, member->n_text);
    user->n_text = (uint32_t)member->n_text;
    user->n_connections = 1;
    user->node.key = user->bytes;
    user->node.n_key = member->n_user;
    if (map_insert(&roster->users, &user->node) != MAP_OK) {
        free(user);
        return NULL;
    }
    return user;
}

/* The user with this text: as it is, or made anew; NULL without memory, and then what was there stays. */
static RosterUser *roster_put(Roster *roster, RosterUser *user, const RosterMember *member) {
    if (user && user->n_text == member->n_text &&
        (member->n_text == 0 || memcmp(user_text(user), member->text, member->n_text) == 0))
        return user;
    if (!user)
        return roster_add(roster, member);
    map_remove(&roster->users, &user->node);
    RosterUser *made = roster_add(roster, member);
    if (!made) {
        map_insert(&roster->users, &user->node); /* the buckets have room for what was there */
        return NULL;
    }
    made->version = user->version;
    made->missing_ms = user->missing_ms;
    made->is_gone = user->is_gone;
    free(user);
    return made;
}

static void roster_announce(Roster *roster, MessageKind kind, const char *text, size_t n_text) {
    roster->ops->announce(roster->context, kind, text, n_text);
}

void roster_init(Roster *roster, const RosterOps *ops, void *context) {
    *roster = (Roster){.ops = ops, .context = context};
    map_init(&roster->users);
}

static void roster_forget(MapNode *node, void *context) {
    roster_remove(context, user_of(node));
}

void roster_finish(Roster *roster) {
    map_each(&roster->users, roster_forget, roster);
    map_finish(&roster->users);
}

void roster_subscribed(Roster *roster) {
    roster->heard = roster->whole_from = roster->replay_until = 0;
    roster->is_current = roster->is_listing = false;
}

static void roster_unversion(MapNode *node, void *context) {
    user_of(node)->version = 0;
}

/* The versions that were are another count's. */
static void roster_rewind(Roster *roster) {
    map_each(&roster->users, roster_unversion, roster);
    roster->version = roster->heard = roster->whole_from = roster->replay_until = roster->begun = 0;
    roster->is_rewound = true;
    roster->is_spoilt = true;
}

static int roster_join(Roster *roster, const Envelope *event) {
    RosterUser *user = roster_find(roster, event->user, event->n_user);
    bool is_new = !user || user->is_gone;
    user = roster_put(
        roster, user,
        &(RosterMember){.user = event->user, .n_user = event->n_user, .text = event->payload, .n_text = event->n_payload});
    if (!user)
        return ROSTER_DOUBT;
    roster->n_gone -= user->is_gone;
    user->is_gone = false;
    user->version = event->version;
    roster_found(roster, user);
    if (is_new) {
        user->n_connections = 1;
        roster_announce(roster, MESSAGE_JOIN, event->payload, event->n_payload);
    }
    return ROSTER_OK;
}

/* A list that is under way may still have him. */
static void roster_bury(Roster *roster, RosterUser *user, const Envelope *event) {
    if (!roster->is_listing || roster->n_gone >= ROSTER_GONE_MAX) {
        roster->is_spoilt |= roster->is_listing;
        if (user)
            roster_remove(roster, user);
        return;
    }
    if (!user)
        user = roster_add(roster, &(RosterMember){.user = event->user, .n_user = event->n_user});
    if (!user) {
        roster->is_spoilt = true;
        return;
    }
    roster->n_gone += !user->is_gone;
    user->is_gone = true;
    user->version = event->version;
    roster_found(roster, user);
}

/* One whom the roster does not know went either unseen, or before the first list came: then he was told of by nobody but is
   known to who asked. */
static void roster_leave(Roster *roster, const Envelope *event) {
    RosterUser *user = roster_find(roster, event->user, event->n_user);
    if (user ? !user->is_gone : !roster->is_known)
        roster_announce(roster, MESSAGE_LEAVE, event->payload, event->n_payload);
    roster_bury(roster, user, event);
}

/* An event that the last list had in it already. */
static void roster_hear_late(Roster *roster, const Envelope *event) {
    RosterUser *user = roster_find(roster, event->user, event->n_user);
    bool is_lacking = event->kind == MESSAGE_LEAVE && user && user->missing_ms;
    if (event->version <= roster->replay_until || is_lacking)
        roster_announce(roster, event->kind, event->payload, event->n_payload);
    if (is_lacking)
        roster_remove(roster, user);
}

/* Whether a version that cannot be before old is of another count. */
static bool version_begins_anew(uint64_t old, uint64_t version) {
    return version < old || (old > 0 && version - old >= ROSTER_JUMP);
}

/* Events come in order; but the first of them may have been in a list that has come since it was subscribed. */
static bool roster_is_rewound_by(const Roster *roster, uint64_t version) {
    if (version > roster->version)
        return version_begins_anew(roster->version, version);
    return roster->heard ? version <= roster->heard : !roster->is_current;
}

int roster_hear(Roster *roster, const Envelope *event) {
    bool is_rewound = roster_is_rewound_by(roster, event->version);
    if (is_rewound)
        roster_rewind(roster);
    bool is_late = event->version <= roster->version;
    bool is_next = event->version == roster->version + 1;
    if (!roster->heard || event->version != roster->heard + 1)
        roster->whole_from = event->version;
    roster->heard = event->version;
    if (is_late) {
        roster_hear_late(roster, event);
        return ROSTER_OK;
    }
    roster->version = event->version;
    int r = ROSTER_OK;
    if (event->kind == MESSAGE_JOIN)
        r = roster_join(roster, event);
    else
        roster_leave(roster, event);
    return roster->is_current && (is_rewound || !is_next) ? ROSTER_DOUBT : r;
}

void roster_list_begins(Roster *roster) {
    roster->is_listing = true;
    roster->is_spoilt = false;
    roster->begun = roster->version;
}

void roster_list_fails(Roster *roster) {
    roster->is_listing = false;
}

typedef struct RosterApply {
    Roster *roster;
    uint64_t version;
    uint64_t now_ms;
    uint64_t settle_ms;
} RosterApply;

static int roster_apply_member(RosterApply *apply, const PresenceMember *member) {
    Roster *roster = apply->roster;
    RosterUser *user = roster_find(roster, member->user, member->n_user);
    bool is_new = !user || user->is_gone;
    if (user && user->version > apply->version) {
        user->is_listed = true;
        return ROSTER_OK;
    }
    user = roster_put(
        roster, user,
        &(RosterMember){.user = member->user, .n_user = member->n_user, .text = member->text, .n_text = member->n_text});
    if (!user)
        return ROSTER_DOUBT;
    roster->n_gone -= user->is_gone;
    user->is_gone = false;
    user->n_connections = member->n_connections;
    user->is_listed = true;
    if (is_new && roster->is_known)
        roster_announce(roster, MESSAGE_JOIN, member->text, member->n_text);
    return ROSTER_OK;
}

/* One of ours whom the list lacks is looked for again all the same: he may go before the broker has been told of him anew. */
static void roster_judge(MapNode *node, void *context) {
    RosterApply *apply = context;
    Roster *roster = apply->roster;
    RosterUser *user = user_of(node);
    bool is_here = user->is_listed || user->version > apply->version;
    user->is_listed = false;
    if (user->is_gone) {
        roster_remove(roster, user);
        return;
    }
    if (is_here) {
        roster_found(roster, user);
        return;
    }
    bool is_ours = roster->ops->is_ours(roster->context, node->key, node->n_key);
    if (!is_ours && user->missing_ms && apply->now_ms - user->missing_ms >= apply->settle_ms) {
        roster_announce(roster, MESSAGE_LEAVE, user_text(user), user->n_text);
        roster_remove(roster, user);
        return;
    }
    roster->n_missing += !user->missing_ms;
    if (is_ours || !user->missing_ms)
        user->missing_ms = apply->now_ms;
}

int roster_list_comes(Roster *roster, const PresenceList *list, uint64_t now_ms) {
    if (!roster->is_listing)
        return ROSTER_OK;
    roster->is_listing = false;
    /* Versions that were heard since it was asked for are of the count that is over. */
    bool is_rewound = version_begins_anew(roster->begun, list->version);
    bool is_spoilt = roster->is_spoilt || (is_rewound && roster->heard > roster->begun);
    if (is_rewound)
        roster_rewind(roster);
    int r = ROSTER_OK;
    RosterApply apply = {.roster = roster, .version = list->version, .now_ms = now_ms ? now_ms : 1};
    apply.settle_ms = roster->is_rewound ? ROSTER_SETTLE_REWOUND_MS : ROSTER_SETTLE_MS;
    for (uint32_t i = 0; i < list->reply->n_members; i++)
        r |= roster_apply_member(&apply, &list->reply->members[i]);
    map_each(&roster->users, roster_judge, &apply);
    if (!roster->is_known)
        roster->replay_until = list->version;
    if (roster->version < list->version)
        roster->version = list->version;
    roster->is_known = roster->is_current = true;
    if (!roster->n_missing)
        roster->is_rewound = false;
    bool has_hole = roster->heard > list->version && roster->whole_from > list->version + 1;
    return has_hole || is_spoilt ? ROSTER_DOUBT : r;
}

typedef struct RosterReply {
    PresenceReply *reply;
    char *at;
    uint32_t n_members;
    size_t n_texts;
} RosterReply;

static void roster_measure(MapNode *node, void *context) {
    RosterReply *built = context;
    const RosterUser *user = user_of(node);
    if (user->is_gone)
        return;
    built->n_members++;
    built->n_texts += node->n_key + user->n_text;
}

static void roster_copy(MapNode *node, void *context) {
    RosterReply *built = context;
    const RosterUser *user = user_of(node);
    if (user->is_gone)
        return;
    memcpy(built->at, user->bytes, node->n_key + user->n_text);
    built->reply->members[built->n_members++] = (PresenceMember){
        .n_connections = user->n_connections,
        .n_user = (uint32_t)node->n_key,
        .n_text = user->n_text,
        .user = built->at,
        .text = built->at + node->n_key,
    };
    built->at += node->n_key + user->n_text;
}

PresenceReply *roster_reply(Roster *roster) {
    RosterReply built = {0};
    map_each(&roster->users, roster_measure, &built);
    built.reply = presence_reply_new(built.n_members, built.n_texts);
    if (!built.reply)
        return NULL;
    built.at = presence_reply_texts(built.reply);
    built.n_members = 0;
    map_each(&roster->users, roster_copy, &built);
    return built.reply;
}

uint32_t roster_settle_ms(const Roster *roster) {
    if (!roster->n_missing)
        return 0;
    return roster->is_rewound ? ROSTER_SETTLE_REWOUND_MS : ROSTER_SETTLE_MS;
}
