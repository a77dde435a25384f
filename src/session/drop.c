#include "session/drop.h"

#include <string.h>

#include "session/permit.h"
#include "session/session.h"
#include "session/table.h"

enum { CODE_NOT_PERMITTED = 1008 };

void session_drop(Session *session, Subscription *subscription, uint16_t code, const char *reason) {
    char name[CHANNEL_NAME_MAX + 1];
    const Channel *channel = subscription->channel;
    uint64_t request_id = subscription_is_waiting(subscription) ? subscription->request_id : 0;
    memcpy(name, channel->name, channel->node.n_key + 1);
    hub_unsubscribe(&session->table->hub, subscription);
    session->dialect->unsubscribed(session, name, request_id, code, reason);
}

void session_judge_again(Session *session) {
    const ListNode *head = &session->subscriber.subscriptions;
    for (ListNode *node = head->next, *next; node != head && session->state == READY_STATE_OPEN; node = next) {
        Subscription *subscription = container_of(node, Subscription, link);
        const Channel *channel = subscription->channel;
        next = node->next;
        if (!subscription->is_kept && permit_subscribe(session, channel->name, channel->node.n_key, NULL) != COMMAND_OK)
            session_drop(session, subscription, CODE_NOT_PERMITTED, "the new token does not permit it");
    }
}
