#include "base/inbox.h"

#include <sched.h>
#include <semaphore.h>

#include "suite.h"

enum { N_PUSHERS = 4, N_PER_PUSHER = 20000 };

typedef struct Item {
    InboxItem link; /* first, so that a link is its item */
    int pusher;
    int number;
} Item;

static void count_wake(void *context) {
    ++*(int *)context;
}

static int count_items(const InboxItem *item) {
    int n = 0;
    for (; item; item = item->next)
        n++;
    return n;
}

START_TEST(items_come_out_in_the_order_they_went_in) {
    Inbox inbox;
    Item items[3] = {0};
    int n_wakes = 0;
    ck_assert_int_eq(inbox_init(&inbox, 100, count_wake, &n_wakes), 0);
    ck_assert_ptr_null(inbox_take(&inbox));
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(inbox_push(&inbox, &items[i].link), INBOX_OK);
    InboxItem *item = inbox_take(&inbox);
    for (int i = 0; i < 3; i++, item = item->next)
        ck_assert_ptr_eq(item, &items[i].link);
    ck_assert_ptr_null(item);
    ck_assert_ptr_null(inbox_take(&inbox));
    inbox_finish(&inbox);
}
END_TEST

START_TEST(the_owner_is_woken_only_when_the_inbox_was_empty) {
    Inbox inbox;
    Item items[3] = {0};
    int n_wakes = 0;
    inbox_init(&inbox, 100, count_wake, &n_wakes);
    inbox_push(&inbox, &items[0].link);
    ck_assert_int_eq(n_wakes, 1);
    inbox_push(&inbox, &items[1].link);
    ck_assert_int_eq(n_wakes, 1);
    inbox_take(&inbox);
    inbox_push(&inbox, &items[2].link);
    ck_assert_int_eq(n_wakes, 2);
    inbox_finish(&inbox);
}
END_TEST

START_TEST(a_push_past_the_limit_is_refused_and_the_limit_itself_is_not) {
    Inbox inbox;
    Item items[3] = {{.link.n_charged = 60}, {.link.n_charged = 41}, {.link.n_charged = 40}};
    int n_wakes = 0;
    inbox_init(&inbox, 100, count_wake, &n_wakes);
    ck_assert_int_eq(inbox_push(&inbox, &items[0].link), INBOX_OK);
    ck_assert_int_eq(inbox_push(&inbox, &items[1].link), INBOX_FULL);
    ck_assert_int_eq(inbox_push(&inbox, &items[2].link), INBOX_OK);
    ck_assert_int_eq(count_items(inbox_take(&inbox)), 2);
    ck_assert_int_eq(inbox_push(&inbox, &items[1].link), INBOX_OK);
    inbox_take(&inbox);
    inbox_finish(&inbox);
}
END_TEST

START_TEST(a_refused_push_wakes_nobody) {
    Inbox inbox;
    Item item = {.link.n_charged = 101};
    int n_wakes = 0;
    inbox_init(&inbox, 100, count_wake, &n_wakes);
    ck_assert_int_eq(inbox_push(&inbox, &item.link), INBOX_FULL);
    ck_assert_int_eq(n_wakes, 0);
    inbox_finish(&inbox);
}
END_TEST

START_TEST(an_item_without_a_charge_is_never_refused) {
    Inbox inbox;
    Item full = {.link.n_charged = 100}, control = {0}, in_batch = {0};
    InboxBatch batch = {0};
    int n_wakes = 0;
    inbox_init(&inbox, 100, count_wake, &n_wakes);
    inbox_push(&inbox, &full.link);
    ck_assert_int_eq(inbox_push(&inbox, &control.link), INBOX_OK);
    inbox_batch_add(&batch, &in_batch.link);
    ck_assert_int_eq(inbox_push_batch(&inbox, &batch), INBOX_OK);
    ck_assert_int_eq(count_items(inbox_take(&inbox)), 3);
    inbox_finish(&inbox);
}
END_TEST

START_TEST(a_batch_arrives_whole_with_one_wake_and_is_empty_then) {
    Inbox inbox;
    Item items[4] = {0};
    InboxBatch batch = {0};
    int n_wakes = 0;
    inbox_init(&inbox, 100, count_wake, &n_wakes);
    for (int i = 0; i < 3; i++)
        inbox_batch_add(&batch, &items[i].link);
    ck_assert_int_eq(inbox_push_batch(&inbox, &batch), INBOX_OK);
    ck_assert_ptr_null(batch.first);
    ck_assert_uint_eq(batch.n_charged, 0);
    inbox_batch_add(&batch, &items[3].link);
    ck_assert_int_eq(inbox_push_batch(&inbox, &batch), INBOX_OK);
    ck_assert_int_eq(n_wakes, 1);
    ck_assert_int_eq(count_items(inbox_take(&inbox)), 4);
    inbox_finish(&inbox);
}
END_TEST

START_TEST(an_empty_batch_wakes_nobody) {
    Inbox inbox;
    InboxBatch batch = {0};
    int n_wakes = 0;
    inbox_init(&inbox, 100, count_wake, &n_wakes);
    ck_assert_int_eq(inbox_push_batch(&inbox, &batch), INBOX_OK);
    ck_assert_int_eq(n_wakes, 0);
    ck_assert_ptr_null(inbox_take(&inbox));
    inbox_finish(&inbox);
}
END_TEST

START_TEST(a_batch_is_accepted_below_the_limit_and_refused_at_it) {
    Inbox inbox;
    Item first = {.link.n_charged = 99}, second = {.link.n_charged = 50}, third = {.link.n_charged = 1};
    InboxBatch batch = {0};
    int n_wakes = 0;
    inbox_init(&inbox, 100, count_wake, &n_wakes);
    inbox_push(&inbox, &first.link);
    inbox_batch_add(&batch, &second.link);
    ck_assert_int_eq(inbox_push_batch(&inbox, &batch), INBOX_OK);
    inbox_batch_add(&batch, &third.link);
    ck_assert_int_eq(inbox_push_batch(&inbox, &batch), INBOX_FULL);
    ck_assert_ptr_eq(batch.first, &third.link);
    ck_assert_uint_eq(batch.n_charged, 1);
    ck_assert_int_eq(inbox_push(&inbox, &third.link), INBOX_FULL);
    ck_assert_int_eq(count_items(inbox_take(&inbox)), 2);
    ck_assert_int_eq(inbox_push_batch(&inbox, &batch), INBOX_OK);
    inbox_take(&inbox);
    inbox_finish(&inbox);
}
END_TEST

typedef struct Pusher {
    Inbox *inbox;
    int index;
} Pusher;

static void post(void *context) {
    sem_post(context);
}

static Item *new_item(int pusher, int number) {
    Item *item = malloc(sizeof(*item));
    *item = (Item){.link.n_charged = number % 5 ? 100 : 0, .pusher = pusher, .number = number};
    return item;
}

/* Items alone and in batches of three; a full inbox is tried again. */
static void *push_all(void *context) {
    const Pusher *pusher = context;
    for (int number = 0; number < N_PER_PUSHER;) {
        InboxBatch batch = {0};
        for (int n = number % 2 ? 3 : 1; n > 0 && number < N_PER_PUSHER; n--)
            inbox_batch_add(&batch, &new_item(pusher->index, number++)->link);
        bool is_alone = batch.first == batch.last;
        while ((is_alone ? inbox_push(pusher->inbox, batch.first) : inbox_push_batch(pusher->inbox, &batch)) == INBOX_FULL)
            sched_yield();
    }
    return NULL;
}

START_TEST(four_pushers_lose_nothing_and_keep_their_order) {
    Inbox inbox;
    sem_t semaphore;
    pthread_t threads[N_PUSHERS];
    Pusher pushers[N_PUSHERS];
    int next[N_PUSHERS] = {0};
    sem_init(&semaphore, 0, 0);
    inbox_init(&inbox, 10000, post, &semaphore);
    for (int i = 0; i < N_PUSHERS; i++) {
        pushers[i] = (Pusher){&inbox, i};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, push_all, &pushers[i]), 0);
    }
    for (int n_left = N_PUSHERS * N_PER_PUSHER; n_left > 0;) {
        sem_wait(&semaphore); /* a wake that is lost ends in the timeout */
        for (InboxItem *link = inbox_take(&inbox), *following; link; link = following, n_left--) {
            Item *item = (Item *)link;
            following = link->next;
            ck_assert_int_eq(item->number, next[item->pusher]++);
            free(item);
        }
    }
    for (int i = 0; i < N_PUSHERS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_ptr_null(inbox_take(&inbox));
    inbox_finish(&inbox);
    sem_destroy(&semaphore);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        items_come_out_in_the_order_they_went_in,
        the_owner_is_woken_only_when_the_inbox_was_empty,
        a_push_past_the_limit_is_refused_and_the_limit_itself_is_not,
        a_refused_push_wakes_nobody,
        an_item_without_a_charge_is_never_refused,
        a_batch_arrives_whole_with_one_wake_and_is_empty_then,
        an_empty_batch_wakes_nobody,
        a_batch_is_accepted_below_the_limit_and_refused_at_it,
        four_pushers_lose_nothing_and_keep_their_order,
    };
    return run_suite("inbox", tests, N_ELEMENTS(tests));
}
