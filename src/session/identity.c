#include "session/identity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "session/session.h"
#include "session/table.h"
#include "session/users.h"

enum { OWN_USER_MAX = 128 }; /* a node's id has at most 63 bytes */

static char *identity_new(const char *user, size_t n_user, const char *member, size_t n_member) {
    char *identity = malloc(n_user + n_member);
    if (!identity)
        return NULL;
    memcpy(identity, user, n_user);
    memcpy(identity + n_user, member, n_member);
    return identity;
}

/* A user that stays the same is not told to leave. */
static bool is_known_as(const Session *session, const char *user, size_t n_user, const char *member, size_t n_member) {
    return session->identity && session->n_user == n_user && session->n_member == n_member &&
           memcmp(session->identity, user, n_user) == 0 && memcmp(session->identity + n_user, member, n_member) == 0;
}

static void each_subscription(Session *session, void (*tell)(Session *session, Subscription *subscription)) {
    const ListNode *head = &session->subscriber.subscriptions;
    for (ListNode *node = head->next; node != head; node = node->next)
        tell(session, container_of(node, Subscription, link));
}

static void enter_granted(Session *session, Subscription *subscription) {
    if (!subscription_is_waiting(subscription))
        identity_enter(session, subscription);
}

static uint64_t hash_of(const Session *session) {
    return hash_bytes(session->identity, session->n_user);
}

/* False: the node has as many of that user as it may. */
static bool count(Session *session, const char *user, size_t n_user, uint32_t limit) {
    const SessionOptions *options = &session->table->options;
    uint64_t hash = hash_bytes(user, n_user);
    if (!options->users || tally_add(options->users, hash) <= limit || limit == 0)
        return true;
    tally_remove(options->users, hash);
    counter_add(&session->table->counters.refused_users, 1);
    return false;
}

void identity_end(Session *session) {
    users_leave(session);
    if (session->is_counted)
        tally_remove(session->table->options.users, hash_of(session));
    session->is_counted = false;
}

static void become(Session *session, User *user, char *identity, size_t n_user, size_t n_member) {
    char *before = session->identity;
    bool is_counted = session->table->options.users != NULL;
    each_subscription(session, identity_leave);
    if (user != session->user) {
        identity_end(session);
        users_join(user, session);
        session->is_counted = is_counted;
    }
    session->identity = identity;
    session->n_user = (uint32_t)n_user;
    session->n_member = (uint32_t)n_member;
    each_subscription(session, enter_granted);
    free(before);
}

int session_identify_within(Session *session, const char *user, size_t n_user, const char *member, size_t n_member,
                            uint32_t user_limit) {
    if (is_known_as(session, user, n_user, member, n_member))
        return IDENTIFY_OK;
    char *identity = identity_new(user, n_user, member, n_member);
    User *named = identity ? users_take(session->table, user, n_user) : NULL;
    int r = named ? IDENTIFY_OK : error_origin(-ENOMEM);
    if (named && named != session->user && !count(session, user, n_user, user_limit)) {
        users_drop(session->table, named);
        r = IDENTIFY_LIMIT;
    }
    if (r == IDENTIFY_OK)
        become(session, named, identity, n_user, n_member);
    else
        free(identity);
    return r;
}

int session_identify(Session *session, const char *user, size_t n_user, const char *member, size_t n_member) {
    uint32_t user_limit = session->table->options.user_limit;
    int r = session_identify_within(session, user, n_user, member, n_member, user_limit);
    return r < 0 ? error_trace(r) : r;
}

static void tell(Session *session, const Channel *channel, PresenceChange *change) {
    BrokerPort *broker = session->table->broker;
    change->channel = channel->name;
    change->n_channel = channel->node.n_key;
    broker->ops->present(broker, change);
}

/* The ids of sessions begin anew in each process: the node's makes them differ from those of other nodes. Its letters need no
   escapes. */
static void tell_own(Session *session, const Channel *channel, bool has_entered) {
    char id[SESSION_ID_TEXT], user[OWN_USER_MAX], member[OWN_USER_MAX + 16];
    int n_user = snprintf(user, sizeof(user), "%s-%s", session->table->options.node_id, session_id_text(session, id));
    int n_member = snprintf(member, sizeof(member), "{\"user\":\"%s\"}", user);
    PresenceChange change = {
        .user = user, .n_user = (size_t)n_user, .member = member, .n_member = (size_t)n_member, .has_entered = has_entered};
    tell(session, channel, &change);
}

static void tell_named(Session *session, const Channel *channel, bool has_entered) {
    PresenceChange change = {.user = session->identity,
                             .n_user = session->n_user,
                             .member = session->identity + session->n_user,
                             .n_member = session->n_member,
                             .has_entered = has_entered};
    tell(session, channel, &change);
}

void identity_enter(Session *session, Subscription *subscription) {
    const Channel *channel = subscription->channel;
    if (!channel->namespace->has_presence || session->state != READY_STATE_OPEN)
        return;
    subscription->is_present = true;
    (session->identity ? tell_named : tell_own)(session, channel, true);
}

void identity_leave(Session *session, Subscription *subscription) {
    if (!subscription->is_present)
        return;
    subscription->is_present = false;
    (session->identity ? tell_named : tell_own)(session, subscription->channel, false);
}

static void look_at(Session *session, Subscription *subscription) {
    bool has_presence = subscription->channel->namespace->has_presence;
    if (has_presence && !subscription->is_present && !subscription_is_waiting(subscription))
        identity_enter(session, subscription);
    else if (!has_presence)
        identity_leave(session, subscription);
}

void identity_look(Session *session) {
    each_subscription(session, look_at);
}
