#include "session/identity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "session/session.h"
#include "session/table.h"

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

int session_identify(Session *session, const char *user, size_t n_user, const char *member, size_t n_member) {
    char *before = session->identity;
    if (is_known_as(session, user, n_user, member, n_member))
        return 0;
    char *identity = identity_new(user, n_user, member, n_member);
    if (!identity)
        return error_origin(-ENOMEM);
    each_subscription(session, identity_leave);
    session->identity = identity;
    session->n_user = (uint32_t)n_user;
    session->n_member = (uint32_t)n_member;
    each_subscription(session, enter_granted);
    free(before);
    return 0;
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
