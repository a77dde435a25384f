#include "session/reaper.h"

#include <stdlib.h>

#include "session/identity.h"
#include "session/session.h"
#include "session/table.h"

/* CLOSED: no deadline is armed and no flush waits any more. */
static void free_session(Session *session) {
    SessionTable *table = session->table;
    if (session->transport)
        session->transport->ops->terminate(session->transport);
    outbox_finish(&session->outbox);
    free(session->identity);
    token_free(session->token);
    list_unlink(&session->member);
    slots_release(&table->slots, session->id);
    counter_subtract(&table->counters.in_state[session->state], 1);
    if (session->dialect)
        counter_subtract(&table->counters.in_dialect[session->dialect->encoder.index], 1);
    free(session);
}

void reaper_run(SessionTable *table) {
    ListNode ended, *node;
    list_init(&ended);
    list_take(&ended, &table->ending);
    while ((node = list_pop(&ended)) != NULL) {
        Session *session = container_of(node, Session, ending);
        hub_unsubscribe_all(&table->hub, &session->subscriber);
        identity_end(session);
        buf_finish(&session->gathered);
        if (session->state == READY_STATE_CLOSED)
            free_session(session);
    }
}
