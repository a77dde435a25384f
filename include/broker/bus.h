/* Bus: which workers of this node want which channel, and the broker that serves them. Owner: the bus thread.
   A node takes one copy of a message from the broker however many workers it has. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/metrics.h"
#include "base/wheel.h"
#include "broker/backend.h"
#include "broker/broker.h"
#include "broker/presence.h"
#include "hub/namespace.h"

enum { BUS_WORKERS_MAX = 64 };

/* Upward calls, on the bus thread. For one channel and worker they come in the order in which the worker must see them. None of
   them may call the bus. */
typedef struct BusOps {
    void (*deliver)(void *context, uint32_t worker, Message *message); /* borrows the message */
    /* BROKER_OK: what is published behind position (epoch 0: no history yet, or none at all) will be delivered.
       BROKER_REFUSED: the broker does not let the node hear that channel; BROKER_UNAVAILABLE: it could not be asked in time;
       BROKER_OVERLOADED: there was no memory. In these the want is gone and needs no unwant. With token 0 it takes away a
       channel that had been granted (a broker's permissions changed). */
    void (*acknowledged)(void *context, uint32_t worker, const char *channel, size_t n_channel, uint64_t token,
                         BrokerResult result, Position position);
    void (*published)(void *context, const BrokerReturn *to, BrokerResult result, Position position);
    /* Messages of that channel may have been lost; it is heard again, from position on. */
    void (*gap)(void *context, uint32_t worker, const char *channel, size_t n_channel, Position position);
    /* These two borrow the reply. A resume that was recovered ends where what this worker is handed next begins. */
    void (*history)(void *context, const BrokerReturn *to, const char *channel, size_t n_channel, HistoryReply *reply);
    void (*presence)(void *context, const BrokerReturn *to, const char *channel, size_t n_channel, PresenceReply *reply);
    /* The broker is heard, or not: then reason is for the log, and comes again when it changes. */
    void (*link)(void *context, bool is_up, const char *reason);
    void (*complained)(void *context, const BrokerComplaint *complaint); /* for the log; borrowed */
} BusOps;

typedef struct BusOptions {
    uint32_t n_workers;
    uint32_t linger_ms;
    uint32_t subscribe_ms;        /* a want that the broker could not be asked about by then is answered BROKER_UNAVAILABLE */
    uint32_t hold_limit_bytes;    /* of messages held back for one channel while its history is read; over it the oldest are
                                     dropped and read again, and in the end that is a gap */
    uint32_t history_limit;       /* messages that a channel is caught up with after an outage, at most; more are a gap */
    const char *node_id;          /* borrowed */
    const Namespaces *namespaces; /* borrowed; NULL: every channel is live, without presence */
} BusOptions;

typedef struct BusCounters {
    Counter up;       /* gauge: 1 while the broker is heard */
    Counter channels; /* gauge: subscribed at the broker, those that linger included */
    Counter received; /* messages from the broker */
    Counter published;
    Counter publish_failures;
    Counter histories;        /* that were asked for: resumes and pages */
    Counter presences;        /* lists of members that were asked for */
    Counter unwanted;         /* messages for a channel that only lingers */
    Counter duplicates;       /* messages that had been delivered already, by their place in the history */
    Counter caught_up;        /* messages that were lost on the way and read from the history */
    Counter reads_waiting;    /* gauge: channels that wait for their turn to be read */
    Counter gaps;             /* channels that may have lost messages */
    Counter history_failures; /* histories that the broker refused to read: such a channel is live only */
    Counter links_lost;
} BusCounters;

/* The channels whose history is to be read: all of them at once after an outage. Few are under way, so that what else goes by the
   same links, the canary above all, never waits behind more than the window holds. */
typedef struct CatchUpWindow {
    ListNode waiting;      /* of Track, in the order in which they came */
    unsigned n_under_way;  /* those that were cancelled included, until they are answered */
    size_t expected_bytes; /* of one answer */
    bool is_opening;
} CatchUpWindow;

typedef struct Bus {
    BusOptions options;
    Map interests;
    Wheel wheel;
    Backend *backend;
    CatchUpWindow window;
    Presence *presence; /* NULL: no namespace has presence */
    bool is_up;
    bool is_looking, has_changed; /* at all interests, after events->changed; once more */
    bool has_ticked;
    uint64_t first_ms;                          /* the first tick */
    uint64_t now_ms;                            /* the last tick, counted from the first */
    unsigned n_unsubscribes;                    /* that this tick may still send */
    HistoryReply *failures[BROKER_REFUSED + 1]; /* by result, made at init: an answer needs no memory */
    PresenceReply *no_presence;
    const BusOps *ops;
    void *context;
    BusCounters counters;
} Bus;

/* The backend is created by the caller with bus_backend_events and the bus as its context, and outlives the bus. */
int bus_init(Bus *bus, const BusOptions *options, const BusOps *ops, void *context); /* -ENOMEM */
int bus_attach(Bus *bus, Backend *backend);                                          /* 0 or -ENOMEM */
void bus_finish(Bus *bus); /* after the backend has closed, and so answered everything; answers nothing any more */

/* From now on the bus goes by these: the namespaces, borrowed likewise, and the times. Whether a channel has a history, and which
   kind, changes once it is not subscribed any more, at once where it only lingers; all else at once. -ENOMEM: as it was. */
int bus_configure(Bus *bus, const Namespaces *namespaces, uint32_t linger_ms, uint32_t subscribe_ms);

/* The worker's calls, as in BrokerPortOps. token is not 0 and comes back in ops->acknowledged, perhaps before the return.
   Acknowledged at once when the node is subscribed already, else when the broker has acknowledged. */
void bus_want(Bus *bus, uint32_t worker, const char *channel, size_t n_channel, uint64_t token);
void bus_unwant(Bus *bus, uint32_t worker, const char *channel, size_t n_channel);
void bus_publish(Bus *bus, Message *message, const BrokerReturn *to); /* ops->published always follows */
/* ops->history always follows, once. HISTORY_RESUME: behind the acknowledgement of the worker's want; when the worker does not
   want the channel, not recovered. A channel without any history: BROKER_REFUSED. */
void bus_read(Bus *bus, const char *channel, size_t n_channel, const HistoryQuery *query, const BrokerReturn *to);
void bus_presence(Bus *bus, const char *channel, size_t n_channel, const BrokerReturn *to);
void bus_present(Bus *bus, uint32_t worker, const PresenceChange *change);

/* The orderly end: presence hands back what it told the broker; ticks and answers go on until it has. */
void bus_stop(Bus *bus);
bool bus_has_stopped(const Bus *bus);

void bus_tick(Bus *bus, uint64_t now_ms); /* every 100 ms: deadlines, and what has lingered */
