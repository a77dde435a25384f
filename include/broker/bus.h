/* Bus: which workers of this node want which channel, and the broker that serves them. Owner: the bus thread.
   A node takes one copy of a message from the broker however many workers it has. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/metrics.h"
#include "broker/backend.h"
#include "broker/broker.h"

enum { BUS_WORKERS_MAX = 64 };

/* Who asked for a publish, given back with the answer. */
typedef struct BusReturn {
    uint32_t worker;
    uint64_t session_id;
    uint64_t request_id;
} BusReturn;

/* Upward calls, on the bus thread. */
typedef struct BusOps {
    void (*deliver)(void *context, uint32_t worker, Message *message); /* borrows the message */
    /* Refused (is_granted false): the broker does not let the node hear that channel, or there was no memory; the want is gone
       and needs no unwant. With token 0 it takes away a channel that had been granted (a broker's permissions changed). */
    void (*acknowledged)(void *context, uint32_t worker, const char *channel, size_t n_channel, uint64_t token,
                         bool is_granted);
    void (*published)(void *context, const BusReturn *to, BrokerResult result);
    /* Messages may have been lost in every channel of that worker; all of them are heard again. */
    void (*gap)(void *context, uint32_t worker);
    /* The broker is heard, or not: then reason is for the log, and comes again when it changes. */
    void (*link)(void *context, bool is_up, const char *reason);
} BusOps;

typedef struct BusCounters {
    Counter channels; /* gauge: subscribed at the broker, those that linger included */
    Counter received; /* messages from the broker */
    Counter published;
    Counter publish_failures;
    Counter unwanted; /* messages for a channel that only lingers */
    Counter gaps;
    Counter links_lost;
} BusCounters;

typedef struct Bus {
    Map interests;
    ListNode lingering; /* wanted by nobody any more, oldest first */
    uint32_t linger_ms;
    uint32_t n_workers;
    Backend *backend;
    bool is_up;
    size_t n_resubscribing; /* channels that had been granted, not yet acknowledged since the link came back */
    uint64_t gap_workers;   /* who hears of a gap when that is 0 */
    const BusOps *ops;
    void *context;
    BusCounters counters;
} Bus;

/* The backend is created by the caller with bus_backend_events(bus) as its upward ops, and outlives the bus. */
void bus_init(Bus *bus, uint32_t n_workers, uint32_t linger_ms, const BusOps *ops, void *context);
void bus_attach(Bus *bus, Backend *backend);
void bus_finish(Bus *bus);

/* token is not 0 and comes back in ops->acknowledged, perhaps before the return. Acknowledged at once when the node is subscribed already, else when the broker has acknowledged. While the link is down it
   waits for the link. */
void bus_want(Bus *bus, uint32_t worker, const char *channel, size_t n_channel, uint64_t token);
void bus_unwant(Bus *bus, uint32_t worker, const char *channel, size_t n_channel, uint64_t now_ms);
/* Borrows the message; ops->published always follows, perhaps before the return. */
void bus_publish(Bus *bus, Message *message, const BusReturn *to);
void bus_tick(Bus *bus, uint64_t now_ms); /* unsubscribes what has lingered; every 100 ms */
