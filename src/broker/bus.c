#include "broker/bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { BUS_UNSUBSCRIBE_BUDGET = 4096, BUS_PUT_OFF_MS = 100 };

typedef enum InterestState {
    INTEREST_WAITING, /* for the link */
    INTEREST_SUBSCRIBING,
    INTEREST_SUBSCRIBED,
} InterestState;

/* A worker that is still to be told that its want is granted. */
typedef struct Waiter {
    ListNode link;
    uint32_t worker;
    uint64_t token;
} Waiter;

typedef struct Interest {
    MapNode node;
    uint64_t workers; /* a bit for each that wants it; while 0 it lingers */
    InterestState state;
    bool is_resubscribing; /* counted in the bus's n_resubscribing */
    ListNode waiters;
    ListNode lingering;
    uint64_t due_ms; /* lingering: when it is unsubscribed */
    char name[];
} Interest;

static uint64_t worker_bit(uint32_t worker) {
    return (uint64_t)1 << worker;
}

static Interest *interest_of(MapNode *node) {
    return node ? container_of(node, Interest, node) : NULL;
}

static void interest_set_state(Bus *bus, Interest *interest, InterestState state) {
    if (interest->state == INTEREST_SUBSCRIBED)
        counter_subtract(&bus->counters.channels, 1);
    interest->state = state;
    if (state == INTEREST_SUBSCRIBED)
        counter_add(&bus->counters.channels, 1);
}

static int interest_new(Interest **out, Bus *bus, const char *channel, size_t n_channel) {
    Interest *interest = calloc(1, sizeof *interest + n_channel + 1);
    if (!interest)
        return error_origin(-ENOMEM);
    memcpy(interest->name, channel, n_channel);
    interest->node.key = interest->name;
    interest->node.n_key = n_channel;
    list_init(&interest->waiters);
    list_init(&interest->lingering);
    int r = map_insert(&bus->interests, &interest->node);
    if (r < 0) {
        free(interest);
        return error_trace(r);
    }
    *out = interest;
    return 0;
}

static Interest *interest_free(Bus *bus, Interest *interest) {
    ListNode *node;
    while ((node = list_pop(&interest->waiters)))
        free(container_of(node, Waiter, link));
    interest_set_state(bus, interest, INTEREST_WAITING);
    list_unlink(&interest->lingering);
    map_remove(&bus->interests, &interest->node);
    free(interest);
    return NULL;
}

static int interest_add_waiter(Interest *interest, uint32_t worker, uint64_t token) {
    Waiter *waiter = malloc(sizeof *waiter);
    if (!waiter)
        return error_origin(-ENOMEM);
    *waiter = (Waiter){.worker = worker, .token = token};
    list_append(&interest->waiters, &waiter->link);
    return 0;
}

static void interest_drop_waiters(Interest *interest, uint32_t worker) {
    ListNode keep;
    list_init(&keep);
    ListNode *node;
    while ((node = list_pop(&interest->waiters))) {
        Waiter *waiter = container_of(node, Waiter, link);
        if (waiter->worker == worker)
            free(waiter);
        else
            list_append(&keep, &waiter->link);
    }
    list_take(&interest->waiters, &keep);
}

/* Tells all who wait; returns the workers that waited. */
static uint64_t interest_answer(Bus *bus, Interest *interest, bool is_granted) {
    uint64_t workers = 0;
    ListNode *node;
    while ((node = list_pop(&interest->waiters))) {
        Waiter *waiter = container_of(node, Waiter, link);
        workers |= worker_bit(waiter->worker);
        bus->ops->acknowledged(bus->context, waiter->worker, interest->name, interest->node.n_key, waiter->token, is_granted);
        free(waiter);
    }
    return workers;
}

/* The workers that have been told that they hear this channel. */
static uint64_t interest_granted(const Interest *interest) {
    uint64_t workers = interest->workers;
    for (const ListNode *node = interest->waiters.next; node != &interest->waiters; node = node->next)
        workers &= ~worker_bit(container_of(node, Waiter, link)->worker);
    return workers;
}

static void interest_subscribe(Bus *bus, Interest *interest) {
    interest_set_state(bus, interest, INTEREST_SUBSCRIBING);
    bus->backend->ops->subscribe(bus->backend, interest->name, interest->node.n_key);
}

void bus_init(Bus *bus, uint32_t n_workers, uint32_t linger_ms, const BusOps *ops, void *context) {
    *bus = (Bus){.n_workers = n_workers, .linger_ms = linger_ms, .ops = ops, .context = context};
    map_init(&bus->interests);
    list_init(&bus->lingering);
}

void bus_attach(Bus *bus, Backend *backend) {
    bus->backend = backend;
}

static void bus_forget(MapNode *node, void *context) {
    interest_free(context, interest_of(node));
}

void bus_finish(Bus *bus) {
    map_each(&bus->interests, bus_forget, bus);
    map_finish(&bus->interests);
}

void bus_want(Bus *bus, uint32_t worker, const char *channel, size_t n_channel, uint64_t token) {
    Interest *interest = interest_of(map_find(&bus->interests, channel, n_channel));
    if (!interest && interest_new(&interest, bus, channel, n_channel) < 0) {
        bus->ops->acknowledged(bus->context, worker, channel, n_channel, token, false);
        return;
    }
    if (interest->state == INTEREST_SUBSCRIBED) {
        interest->workers |= worker_bit(worker);
        list_unlink(&interest->lingering);
        bus->ops->acknowledged(bus->context, worker, channel, n_channel, token, true);
        return;
    }
    if (interest_add_waiter(interest, worker, token) < 0) {
        if (interest->state == INTEREST_WAITING && !interest->workers)
            interest_free(bus, interest);
        bus->ops->acknowledged(bus->context, worker, channel, n_channel, token, false);
        return;
    }
    interest->workers |= worker_bit(worker);
    list_unlink(&interest->lingering);
    if (interest->state == INTEREST_WAITING && bus->is_up)
        interest_subscribe(bus, interest);
}

static void bus_linger(Bus *bus, Interest *interest, uint64_t due_ms) {
    interest->due_ms = due_ms;
    list_append(&bus->lingering, &interest->lingering);
}

void bus_unwant(Bus *bus, uint32_t worker, const char *channel, size_t n_channel, uint64_t now_ms) {
    Interest *interest = interest_of(map_find(&bus->interests, channel, n_channel));
    if (!interest || !(interest->workers & worker_bit(worker)))
        return;
    interest_drop_waiters(interest, worker);
    interest->workers &= ~worker_bit(worker);
    if (interest->workers)
        return;
    if (interest->state == INTEREST_WAITING)
        interest_free(bus, interest);
    else
        bus_linger(bus, interest, now_ms + bus->linger_ms);
}

void bus_publish(Bus *bus, Message *message, const BusReturn *to) {
    BusReturn *cookie = bus->is_up ? malloc(sizeof *cookie) : NULL;
    if (!cookie) {
        counter_add(&bus->counters.publish_failures, 1);
        bus->ops->published(bus->context, to, bus->is_up ? BROKER_OVERLOADED : BROKER_UNAVAILABLE);
        return;
    }
    *cookie = *to;
    bus->backend->ops->publish(bus->backend, message, cookie);
}

/* One that is being subscribed is put off: its acknowledgement must not be taken for that of a later subscription. */
void bus_tick(Bus *bus, uint64_t now_ms) {
    for (unsigned budget = BUS_UNSUBSCRIBE_BUDGET; budget > 0 && !list_is_empty(&bus->lingering); budget--) {
        Interest *interest = container_of(bus->lingering.next, Interest, lingering);
        if (now_ms < interest->due_ms)
            break;
        list_unlink(&interest->lingering);
        if (interest->state == INTEREST_SUBSCRIBING) {
            bus_linger(bus, interest, now_ms + (bus->linger_ms > BUS_PUT_OFF_MS ? bus->linger_ms : BUS_PUT_OFF_MS));
            continue;
        }
        bus->backend->ops->unsubscribe(bus->backend, interest->name, interest->node.n_key);
        interest_free(bus, interest);
    }
}

/* Everything that was lost with the link is heard again: whoever had been promised it may have missed something. */
static void bus_report_gap(Bus *bus) {
    uint64_t workers = bus->gap_workers;
    if (bus->n_resubscribing || !workers)
        return;
    bus->gap_workers = 0;
    counter_add(&bus->counters.gaps, 1);
    for (; workers; workers &= workers - 1)
        bus->ops->gap(bus->context, (uint32_t)__builtin_ctzll(workers));
}

static void bus_resubscribed(Bus *bus, Interest *interest) {
    if (!interest->is_resubscribing)
        return;
    interest->is_resubscribing = false;
    bus->n_resubscribing--;
}

static void bus_prepare_interest(MapNode *node, void *context) {
    Bus *bus = context;
    Interest *interest = interest_of(node);
    uint64_t granted = interest_granted(interest);
    if (!granted)
        return;
    bus->gap_workers |= granted;
    interest->is_resubscribing = true;
    bus->n_resubscribing++;
}

static void bus_subscribe_interest(MapNode *node, void *context) {
    interest_subscribe(context, interest_of(node));
}

static void bus_on_up(void *context) {
    Bus *bus = context;
    bus->is_up = true;
    bus->ops->link(bus->context, true, NULL);
    map_each(&bus->interests, bus_prepare_interest, bus); /* all are counted before the first is acknowledged */
    map_each(&bus->interests, bus_subscribe_interest, bus);
    bus_report_gap(bus);
}

static void bus_down_interest(MapNode *node, void *context) {
    Bus *bus = context;
    Interest *interest = interest_of(node);
    interest->is_resubscribing = false;
    interest_set_state(bus, interest, INTEREST_WAITING);
    if (!interest->workers)
        interest_free(bus, interest);
}

static void bus_on_down(void *context, const char *reason) {
    Bus *bus = context;
    if (bus->is_up) {
        bus->is_up = false;
        bus->n_resubscribing = 0;
        counter_add(&bus->counters.links_lost, 1);
        map_each(&bus->interests, bus_down_interest, bus);
    }
    bus->ops->link(bus->context, false, reason);
}

static void bus_on_subscribed(void *context, const char *channel, size_t n_channel) {
    Bus *bus = context;
    Interest *interest = interest_of(map_find(&bus->interests, channel, n_channel));
    if (!interest || interest->state != INTEREST_SUBSCRIBING)
        return;
    interest_set_state(bus, interest, INTEREST_SUBSCRIBED);
    interest_answer(bus, interest, true);
    bus_resubscribed(bus, interest);
    bus_report_gap(bus);
}

static void bus_on_refused(void *context, const char *channel, size_t n_channel) {
    Bus *bus = context;
    Interest *interest = interest_of(map_find(&bus->interests, channel, n_channel));
    if (!interest || interest->state != INTEREST_SUBSCRIBING)
        return;
    uint64_t workers = interest->workers & ~interest_answer(bus, interest, false);
    for (; workers; workers &= workers - 1)
        bus->ops->acknowledged(bus->context, (uint32_t)__builtin_ctzll(workers), channel, n_channel, 0, false);
    bus_resubscribed(bus, interest);
    interest_free(bus, interest);
    bus_report_gap(bus);
}

/* No memory for it: those who should have heard it are told. */
static void bus_lose(Bus *bus, const char *channel, size_t n_channel) {
    Interest *interest = interest_of(map_find(&bus->interests, channel, n_channel));
    bus->gap_workers |= interest ? interest->workers : 0;
    bus_report_gap(bus);
}

static void bus_on_message(void *context, const char *channel, size_t n_channel, const void *payload, size_t n_payload) {
    Bus *bus = context;
    Message *message;
    counter_add(&bus->counters.received, 1);
    if (message_new(&message, channel, n_channel, payload, n_payload) < 0) {
        bus_lose(bus, channel, n_channel);
        return;
    }
    Interest *interest = interest_of(map_find_hashed(&bus->interests, message->channel_hash, channel, n_channel));
    uint64_t workers = interest ? interest->workers : 0;
    if (!workers)
        counter_add(&bus->counters.unwanted, 1);
    for (; workers; workers &= workers - 1)
        bus->ops->deliver(bus->context, (uint32_t)__builtin_ctzll(workers), message);
    message_unref(message);
}

static void bus_on_published(void *context, void *cookie, BrokerResult result) {
    Bus *bus = context;
    BusReturn *to = cookie;
    counter_add(result == BROKER_OK ? &bus->counters.published : &bus->counters.publish_failures, 1);
    bus->ops->published(bus->context, to, result);
    free(to);
}

const BackendEvents bus_backend_events = {
    .up = bus_on_up,
    .down = bus_on_down,
    .subscribed = bus_on_subscribed,
    .refused = bus_on_refused,
    .message = bus_on_message,
    .published = bus_on_published,
};
