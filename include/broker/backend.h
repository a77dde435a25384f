/* Backend: one kind of broker under the bus (Redis, embedded). Owner: the bus thread.
   Channel names here are the clients': the backend adds and strips the prefix. Whatever takes a cookie is answered exactly once,
   perhaps before the return, and with BROKER_UNAVAILABLE when the link is lost or closed before the broker has answered. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/broker.h"

typedef struct Backend Backend;

/* What a channel's history may hold, of its namespace. */
typedef struct HistoryLimits {
    uint32_t n_messages;
    uint32_t age_ms;
} HistoryLimits;

enum { HISTORY_ID_AGE_MS = 300 * 1000 }; /* how long an idempotency key is known */

/* How many connections of this user a node has in a channel: set, not added, so that it may be said twice. */
typedef struct PresenceEntry {
    const char *channel;
    size_t n_channel;
    const char *node; /* NUL-terminated: the lease under which it is said */
    const char *user;
    size_t n_user;
    const char *member; /* of the user's first connection anywhere */
    size_t n_member;
    uint32_t n_connections; /* 0: none any more */
} PresenceEntry;

typedef struct LeaseRequest {
    const char *node; /* NUL-terminated */
    uint32_t lease_ms;
    bool is_new;      /* take it; else keep it, if it has not run out */
    bool is_given_up; /* hand it back: the node stops in order, and has no members any more */
} LeaseRequest;

/* Calls down, from the bus. */
typedef struct BackendOps {
    /* Whether the channel could be subscribed to and published to now. */
    bool (*is_reachable)(Backend *backend, const char *channel, size_t n_channel);
    /* Answered by events->subscribed, refused or lost. Ignored unless it is reachable. */
    void (*subscribe)(Backend *backend, const char *channel, size_t n_channel);
    void (*unsubscribe)(Backend *backend, const char *channel, size_t n_channel);
    /* limits NULL: live; else it takes the next place in the channel's history, or that of the message with its idempotency key. Borrows
       the message. */
    void (*publish)(Backend *backend, Message *message, const HistoryLimits *limits, void *cookie);
    void (*read)(Backend *backend, const char *channel, size_t n_channel, const HistoryQuery *query, void *cookie);

    void (*present)(Backend *backend, const PresenceEntry *entry, void *cookie);
    void (*members)(Backend *backend, const char *channel, size_t n_channel, void *cookie);
    void (*lease)(Backend *backend, const LeaseRequest *request, void *cookie);
    void (*bury)(Backend *backend, const char *node, void *cookie); /* of a lease that ran out: all its members leave */

    void (*tick)(Backend *backend, uint64_t now_ms); /* every 100 ms, by the backend's owner: deadlines */
    void (*close)(Backend *backend); /* ends its links; the loop then runs dry of its handles, and the owner frees it */
} BackendOps;

/* An error with which the broker answered a command of ours; who asked for it is told BROKER_REFUSED or BROKER_UNAVAILABLE. */
typedef struct BrokerComplaint {
    const char *command; /* as the broker knows it, or a function of ours */
    char code[24];       /* the error's first word, such as NOPERM; "": it has none */
    const char *words;   /* the others; NULL where they might quote what a client sent */
} BrokerComplaint;

typedef struct PresenceList {
    uint64_t version;     /* events up to this one are in it */
    PresenceReply *reply; /* borrowed */
} PresenceList;

typedef struct LeaseReply {
    bool is_kept;
    const char *const *dead; /* nodes whose leases have run out, NULL-terminated; borrowed */
} LeaseReply;

/* Calls up, to the bus. */
typedef struct BackendEvents {
    /* Some channels have become reachable, or unreachable: whoever keeps channels looks at each of them. A subscription to one
       that became unreachable is gone. */
    void (*changed)(void *context);
    /* Every server is up and heard, or not: then reason is for the log, and comes again when it changes, and before the first
       up. */
    void (*link)(void *context, bool is_up, const char *reason);
    void (*complained)(void *context, const BrokerComplaint *complaint); /* for the log; borrowed */
    void (*subscribed)(void *context, const char *channel, size_t n_channel);
    void (*refused)(void *context, const char *channel, size_t n_channel); /* the broker does not let us hear it */
    /* This one subscription is gone (its slot has moved): subscribe anew when it is reachable. */
    void (*lost)(void *context, const char *channel, size_t n_channel);
    /* The payload as it was published, with its envelope (broker/envelope.h) if it has one. */
    void (*message)(void *context, const char *channel, size_t n_channel, const void *payload, size_t n_payload);
    void (*published)(void *context, void *cookie, BrokerResult result, Position position); /* epoch 0 when it was live */
    void (*read)(void *context, void *cookie, HistoryReply *reply);                         /* borrowed */
    void (*presented)(void *context, void *cookie, BrokerResult result);
    void (*members)(void *context, void *cookie, BrokerResult result, const PresenceList *list); /* NULL unless BROKER_OK */
    void (*leased)(void *context, void *cookie, BrokerResult result, const LeaseReply *reply);   /* NULL unless BROKER_OK */
    void (*buried)(void *context, void *cookie, BrokerResult result);
} BackendEvents;

struct Backend {
    const BackendOps *ops;
    const BackendEvents *events;
    void *context;
};

extern const BackendEvents bus_backend_events; /* context: the Bus */
