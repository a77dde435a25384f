/* Entries: the users of this node in channels, as the broker is to know them. Owner: the bus thread.
   Each is said to the broker under the node's lease until it is acknowledged, one call of an entry under way at a time; what
   changes meanwhile is said after it. At most ENTRIES_UNDER_WAY calls are under way, the rest waits in order. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/metrics.h"
#include "base/wheel.h"
#include "broker/backend.h"

enum {
    ENTRIES_UNDER_WAY = 512,
    ENTRIES_BUDGET = 4096,     /* calls of one round, when they are answered at once */
    ENTRIES_RETRY_MS = 1000,   /* what could not be said */
    ENTRIES_REFUSED_MS = 10000 /* what the broker refused */
};

typedef struct Entries {
    Map map;
    ListNode waiting;
    Wheel retries;
    Backend *backend;
    const char *node; /* the lease under which they are said; NULL: none, nothing is said */
    uint64_t n_leases;
    uint32_t n_under_way;
    bool is_pumping;
    Counter *members; /* gauge */
    Counter *failures;
} Entries;

void entries_init(Entries *entries, Backend *backend, Counter *members, Counter *failures);
void entries_finish(Entries *entries);

void entries_change(Entries *entries, const PresenceChange *change);
bool entries_has(const Entries *entries, const char *channel, size_t n_channel, const char *user, size_t n_user);

/* A new lease: nothing has been said under it yet. The name is borrowed until the next call of these. */
void entries_begin(Entries *entries, const char *node);
void entries_suspend(Entries *entries);
void entries_resume(Entries *entries, const char *node); /* the same lease */
/* Whatever was said may be lost. */
void entries_say_again(Entries *entries);
/* The same, of the channels that became unreachable, once they are reachable again. To be called at each such change. */
void entries_look(Entries *entries);

void entries_tick(Entries *entries, uint64_t now_ms);
void entries_on_presented(Entries *entries, void *cookie, BrokerResult result);

/* The broker knows everything as it is. */
bool entries_are_said(const Entries *entries);
