#include "base/list.h"
#include "session/identity.h"
#include "session/session.h"
#include "session/table.h"

static bool has_presence(const Namespaces *namespaces) {
    bool has_any = namespaces && namespaces->fallback.has_presence;
    for (uint32_t i = 0; namespaces && i < namespaces->n_items; i++)
        has_any |= namespaces->items[i].has_presence;
    return has_any;
}

/* What waits already may be over a limit that has been lowered: the next that comes is refused then, as ever. */
static void configure(Session *session, const SessionOptions *options) {
    session->outbox.n_limit = options->outbox_limit_bytes;
    session->gathered.n_limit = (size_t)options->message_limit_bytes + 1;
    watchdog_reconsider(session, session->table->now_ms);
}

void session_table_configure(SessionTable *table, const SessionOptions *options) {
    bool is_presence_asked = has_presence(table->options.namespaces) || has_presence(options->namespaces);
    table->options = *options;
    hub_configure(&table->hub, options->namespaces);
    for (ReadyState state = READY_STATE_CONNECTING; state < READY_STATE_CLOSED; state++)
        for (ListNode *node = table->members[state].next; node != &table->members[state]; node = node->next) {
            Session *session = container_of(node, Session, member);
            configure(session, options);
            if (is_presence_asked)
                identity_look(session);
        }
}
