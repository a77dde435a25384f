#include "base/inbox.h"

#include "base/error.h"

int inbox_init(Inbox *inbox, size_t n_limit, InboxWake *wake, void *wake_context) {
    int r = pthread_mutex_init(&inbox->mutex, NULL);
    if (r != 0)
        return error_origin(-r);
    inbox->waiting = (InboxBatch){0};
    inbox->n_limit = n_limit;
    inbox->wake = wake;
    inbox->wake_context = wake_context;
    return 0;
}

void inbox_finish(Inbox *inbox) {
    pthread_mutex_destroy(&inbox->mutex);
}

/* With the mutex held. True when the inbox was empty. */
static bool append(Inbox *inbox, const InboxBatch *batch) {
    bool was_empty = inbox->waiting.first == NULL;
    if (was_empty)
        inbox->waiting.first = batch->first;
    else
        inbox->waiting.last->next = batch->first;
    inbox->waiting.last = batch->last;
    inbox->waiting.n_charged += batch->n_charged;
    return was_empty;
}

int inbox_push(Inbox *inbox, InboxItem *item) {
    InboxBatch batch = {0};
    inbox_batch_add(&batch, item);
    pthread_mutex_lock(&inbox->mutex);
    size_t n_waiting = inbox->waiting.n_charged;
    bool is_full = item->n_charged > 0 && (n_waiting >= inbox->n_limit || item->n_charged > inbox->n_limit - n_waiting);
    bool was_empty = !is_full && append(inbox, &batch);
    pthread_mutex_unlock(&inbox->mutex);
    if (was_empty)
        inbox->wake(inbox->wake_context);
    return is_full ? INBOX_FULL : INBOX_OK;
}

InboxItem *inbox_take(Inbox *inbox) {
    pthread_mutex_lock(&inbox->mutex);
    InboxItem *first = inbox->waiting.first;
    inbox->waiting = (InboxBatch){0};
    pthread_mutex_unlock(&inbox->mutex);
    return first;
}

void inbox_batch_add(InboxBatch *batch, InboxItem *item) {
    item->next = NULL;
    if (batch->first)
        batch->last->next = item;
    else
        batch->first = item;
    batch->last = item;
    batch->n_charged += item->n_charged;
}

int inbox_push_batch(Inbox *inbox, InboxBatch *batch) {
    if (!batch->first)
        return INBOX_OK;
    pthread_mutex_lock(&inbox->mutex);
    bool is_full = batch->n_charged > 0 && inbox->waiting.n_charged >= inbox->n_limit;
    bool was_empty = !is_full && append(inbox, batch);
    pthread_mutex_unlock(&inbox->mutex);
    if (is_full)
        return INBOX_FULL;
    *batch = (InboxBatch){0};
    if (was_empty)
        inbox->wake(inbox->wake_context);
    return INBOX_OK;
}
