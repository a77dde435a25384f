/* Inbox: the one place where threads meet. Any thread pushes; the owner takes everything at once.
   Items are allocated by the sender and freed by the owner. What may pile up is charged in bytes and bounded. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { INBOX_OK, INBOX_FULL };

typedef struct InboxItem InboxItem;
struct InboxItem {
    InboxItem *next;
    size_t n_charged; /* bytes that this item counts for; 0 for control items, which are never refused */
};

/* A chain of items that one sender gathers during its loop turn, so that the owner wakes once and sees them together. */
typedef struct InboxBatch {
    InboxItem *first;
    InboxItem *last;
    size_t n_charged;
} InboxBatch;

typedef void InboxWake(void *context); /* called by the pusher's thread, without the mutex, when the inbox was empty */

typedef struct Inbox {
    pthread_mutex_t mutex;
    InboxBatch waiting;
    size_t n_limit; /* bytes waiting, at most */
    InboxWake *wake;
    void *wake_context;
} Inbox;

int inbox_init(Inbox *inbox, size_t n_limit, InboxWake *wake, void *wake_context); /* 0 or -errno */
void inbox_finish(Inbox *inbox);                                                   /* the owner has taken and freed all items */

/* INBOX_OK, or INBOX_FULL when a charged item would pass the limit (the item stays the caller's). Any thread. */
int inbox_push(Inbox *inbox, InboxItem *item);
InboxItem *inbox_take(Inbox *inbox); /* all waiting items in order, linked by next; NULL when none. Owner only. */

void inbox_batch_add(InboxBatch *batch, InboxItem *item);
/* Pushes the whole batch and empties it. A batch is accepted whole while what waits is below the limit, so what waits is
   at most the limit and one batch; INBOX_FULL leaves the batch the caller's. Any thread. */
int inbox_push_batch(Inbox *inbox, InboxBatch *batch);
