#include "session/errands.h"

#include <stdlib.h>
#include <string.h>

#include "session/control.h"
#include "session/session.h"
#include "session/table.h"
#include "session/users.h"

enum { COST_OF_SEARCH = 1, COST_OF_SESSION = ERRANDS_SEARCHES, BUDGET = (ERRANDS_SESSIONS + 1) * COST_OF_SESSION };

/* Keeps no pointer to a user or a session: these may go between two ticks. Who joined the user before the command came has a number
   up to last; who has been seen to, one up to done. */
typedef struct Errand {
    ListNode link;
    Control control; /* without references */
    uint64_t last;
    uint64_t done;
    char texts[]; /* the control's, once it waits */
} Errand;

void errands_init(Errands *errands) {
    *errands = (Errands){.budget = BUDGET};
    list_init(&errands->list);
}

static Errand *errand_free(Errands *errands, Errand *errand) {
    list_unlink(&errand->link);
    errands->n--;
    free(errand);
    return NULL;
}

void errands_finish(Errands *errands) {
    while (!list_is_empty(&errands->list))
        errand_free(errands, container_of(errands->list.next, Errand, link));
}

static bool spend(SessionTable *table, uint64_t cost) {
    if (table->errands.budget < cost)
        return false;
    table->errands.budget -= cost;
    return true;
}

/* No session leaves its user before the turn's end. */
static bool go_on_with_user(SessionTable *table, Errand *errand, size_t *n_done) {
    const Control *control = &errand->control;
    const User *user = users_find(table, control->user, control->n_user);
    const ListNode *head = user ? &user->sessions : NULL;
    for (const ListNode *node = user ? head->next : head; node != head; node = node->next) {
        Session *session = container_of(node, Session, fellow);
        if (session->joined > errand->last)
            break;
        if (session->joined <= errand->done)
            continue;
        if (!spend(table, COST_OF_SESSION))
            return false;
        errand->done = session->joined;
        *n_done += control_session(session, control);
    }
    return true;
}

/* False: the budget is spent. */
static bool go_on(SessionTable *table, Errand *errand, size_t *n_done) {
    if (!spend(table, COST_OF_SEARCH))
        return false;
    if (errand->control.connection == 0)
        return go_on_with_user(table, errand, n_done);
    Session *session = session_table_find(table, errand->control.connection);
    if (session && !spend(table, COST_OF_SESSION))
        return false;
    if (session)
        *n_done += control_session(session, &errand->control);
    return true;
}

static size_t go_on_at_once(SessionTable *table, Errand *errand) {
    uint64_t budget = table->errands.budget;
    size_t n_done = 0;
    table->errands.budget = UINT64_MAX;
    go_on(table, errand, &n_done);
    table->errands.budget = budget;
    return n_done;
}

static const char *copy(char **at, const char *text, size_t n_text) {
    char *copied = *at;
    if (n_text > 0)
        memcpy(copied, text, n_text);
    *at += n_text;
    return copied;
}

static bool keep(Errands *errands, const Errand *errand) {
    const Control *control = &errand->control;
    Errand *kept = malloc(sizeof(*kept) + control->n_user + control->n_channel + control->n_reason);
    if (!kept)
        return false;
    *kept = *errand;
    char *at = kept->texts;
    kept->control.user = copy(&at, control->user, control->n_user);
    kept->control.channel = copy(&at, control->channel, control->n_channel);
    kept->control.reason = copy(&at, control->reason, control->n_reason);
    list_init(&kept->link);
    list_append(&errands->list, &kept->link);
    errands->n++;
    return true;
}

/* All but the reference count, which is other threads' too. */
static Control said_by(const Control *control) {
    return (Control){.kind = control->kind,
                     .connection = control->connection,
                     .code = control->code,
                     .n_user = control->n_user,
                     .n_channel = control->n_channel,
                     .n_reason = control->n_reason,
                     .user = control->user,
                     .channel = control->channel,
                     .reason = control->reason};
}

size_t errands_begin(SessionTable *table, const Control *control) {
    Errands *errands = &table->errands;
    Errand errand = {.control = said_by(control), .last = table->n_joined};
    size_t n_done = 0;
    if (list_is_empty(&errands->list) && go_on(table, &errand, &n_done))
        return n_done;
    if (errands->n >= ERRANDS_MAX) {
        Errand *first = container_of(errands->list.next, Errand, link);
        go_on_at_once(table, first);
        errand_free(errands, first);
    }
    return keep(errands, &errand) ? n_done : n_done + go_on_at_once(table, &errand);
}

void errands_tick(SessionTable *table) {
    Errands *errands = &table->errands;
    size_t n_done = 0;
    errands->budget = BUDGET;
    while (!list_is_empty(&errands->list)) {
        Errand *errand = container_of(errands->list.next, Errand, link);
        if (!go_on(table, errand, &n_done))
            return;
        errand_free(errands, errand);
    }
}
