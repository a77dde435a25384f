/* Lease: this node's right to have members, and the burial of those nodes whose right has run out. Owner: the bus thread.
   A lease is kept or lost for good: the next one has another name. What the broker says of others counts only once this node has
   kept its own for a whole lease without a break, for in an outage of the broker everybody's lease runs out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/metrics.h"
#include "broker/backend.h"

enum {
    LEASE_GRAVES_MAX = 1024, /* nodes that are being buried; more are reported again */
    LEASE_BURY_AGAIN_MS =
        120000, /* our own old name a second time: what was on its way when the link was lost has come by then */
};

typedef struct LeaseOps {
    void (*taken)(void *context, const char *node); /* a new one; the name is as it is until it is suspended */
    void (*suspended)(void *context);               /* it may have run out: under it nothing may be said */
    /* It is still held. has_healed: behind an outage, and what was said before it may be lost. */
    void (*restored)(void *context, const char *node, bool has_healed);
    bool (*may_bury_ours)(void *context); /* everything has been said anew: nobody leaves with the old name */
} LeaseOps;

typedef enum LeaseState {
    LEASE_NONE,
    LEASE_TAKING,
    LEASE_HELD,
    LEASE_BURYING,   /* the orderly end: all members leave */
    LEASE_GIVING_UP, /* and the lease is given back */
    LEASE_STOPPED,
} LeaseState;

typedef struct Lease {
    Backend *backend;
    const LeaseOps *ops;
    void *context;
    LeaseState state;
    bool is_asked;   /* a call about it is under way */
    bool is_trusted; /* no doubt since the last answer */
    bool is_stopping;
    uint64_t kept_since_ms; /* without a break; 0: not kept */
    uint64_t due_ms;        /* the next call */
    uint64_t now_ms;
    ListNode graves;
    uint32_t n_graves;
    Counter *lost;
    Counter *buried;
    size_t n_node_id;
    char *name; /* node id, '.', 16 hexadecimal digits */
} Lease;

int lease_init(Lease *lease, Backend *backend, const char *node_id, const LeaseOps *ops, void *context); /* -ENOMEM */
void lease_finish(Lease *lease);

void lease_tick(Lease *lease, uint64_t now_ms);
void lease_doubt(Lease *lease); /* links have come or gone: it is asked for at once, and suspended until the answer */
/* The members leave and the lease is given back, when nothing is under way any more that would enter others. */
void lease_stop(Lease *lease);
void lease_on_leased(Lease *lease, BrokerResult result, const LeaseReply *reply);
void lease_on_buried(Lease *lease, void *cookie, BrokerResult result);
