#include "session/control.h"

#include <string.h>

#include "hub/hub.h"
#include "session/drop.h"
#include "session/errands.h"
#include "session/session.h"
#include "session/table.h"

enum { CODE_UNSUBSCRIBED = 4404 };

/* What a command says besides whom it is for, with what it leaves out. */
typedef struct Order {
    const Control *control;
    uint16_t code;
    char reason[CONTROL_REASON_MAX + 1];
} Order;

static void take_order(Order *order, const Control *control, uint16_t code, const char *reason) {
    size_t n_reason = control->n_reason ? control->n_reason : strlen(reason);
    if (n_reason > CONTROL_REASON_MAX)
        n_reason = CONTROL_REASON_MAX;
    order->control = control;
    order->code = control->code ? control->code : code;
    memcpy(order->reason, control->n_reason ? control->reason : reason, n_reason);
    order->reason[n_reason] = '\0';
}

static bool disconnect(Session *session, const Order *order) {
    if (session->state >= READY_STATE_CLOSING)
        return false;
    session_close_with(session, CAUSE_DISCONNECTED, order->code, order->reason);
    return true;
}

static bool unsubscribe(Session *session, const Order *order) {
    const Control *control = order->control;
    if (session->state != READY_STATE_OPEN)
        return false;
    Subscription *subscription = hub_find(&session->table->hub, &session->subscriber, control->channel, control->n_channel);
    if (subscription)
        session_drop(session, subscription, order->code, order->reason);
    return subscription != NULL;
}

/* The subscription that is there already is kept from now on, whatever its client's next token says. */
static bool subscribe(Session *session, const Order *order) {
    const Control *control = order->control;
    const SubscriptionRequest request = {.is_kept = true, .is_given = true};
    Hub *hub = &session->table->hub;
    if (session->state != READY_STATE_OPEN)
        return false;
    Subscription *subscription = hub_find(hub, &session->subscriber, control->channel, control->n_channel);
    if (subscription) {
        subscription->is_kept = true;
        return false;
    }
    if (hub_subscribe(hub, &session->subscriber, control->channel, control->n_channel, &request) == HUB_OK)
        return true;
    session_close(session, CAUSE_OUT_OF_MEMORY); /* nobody would tell the client, or the backend, that it lacks the channel */
    return false;
}

static bool carry_out(Session *session, const Order *order) {
    bool is_done = false;
    switch (order->control->kind) {
    case CONTROL_DISCONNECT:
        is_done = disconnect(session, order);
        break;
    case CONTROL_UNSUBSCRIBE:
        is_done = unsubscribe(session, order);
        break;
    case CONTROL_SUBSCRIBE:
        is_done = subscribe(session, order);
        break;
    }
    counter_add(&session->table->counters.controlled, is_done);
    return is_done;
}

bool control_session(Session *session, const Control *control) {
    Order order;
    if (control->kind == CONTROL_DISCONNECT)
        take_order(&order, control, cause_code(CAUSE_DISCONNECTED), cause_reason(CAUSE_DISCONNECTED));
    else
        take_order(&order, control, CODE_UNSUBSCRIBED, "unsubscribed by the backend");
    return carry_out(session, &order);
}

size_t session_table_control(SessionTable *table, const Control *control) {
    return errands_begin(table, control);
}
