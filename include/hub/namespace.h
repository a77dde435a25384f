/* Namespaces: what holds for the channels whose names begin alike, "chat" for "chat:room-7". Read-only once loaded, so any
   thread may read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What becomes of a connection that reads too slowly, when its outbox is full. */
typedef enum SlowPolicy {
    SLOW_CLOSE,       /* it is closed with 1013 */
    SLOW_DROP_OLDEST, /* its oldest waiting messages go, and it is told of the gap */
    SLOW_LATEST,      /* of each channel only the newest message is kept */
} SlowPolicy;

enum { SLOW_POLICIES = 3 };

/* Who may do something with a channel. A connection that shows no token is nobody's in particular. */
typedef enum Access {
    ACCESS_NOBODY,
    ACCESS_TOKEN, /* who has a token that says so */
    ACCESS_USER,  /* who has a token with a user in it */
    ACCESS_ANYONE,
} Access;

typedef struct Namespace {
    char name[64]; /* NUL-terminated, 1 to 63 bytes; "" in the fallback */
    SlowPolicy slow;
    uint32_t history_limit;   /* messages kept in the broker for each channel; 0: live only */
    uint32_t history_age_ms;  /* and for how long at most, at least 1 s */
    uint32_t local_limit;     /* history.local: messages kept in this node's memory for each channel that somebody here wants;
                                   0: none. It counts only where history_limit is 0 */
    uint32_t local_linger_ms; /* and how long after the last subscriber has left */
    bool has_presence;
    bool is_own; /* a name with a '#' is for the user alone whose name stands behind the last one */
    Access subscribe;
    Access publish; /* by clients */
} Namespace;

typedef struct Namespaces {
    Namespace fallback;
    Namespace *items; /* no name twice */
    uint32_t n_items;
} Namespaces;

/* The namespace that the part before the first ':' of the channel's name tells; the fallback without a colon or with a part
   that is no namespace's name. */
const Namespace *namespaces_find(const Namespaces *namespaces, const char *channel, size_t n_channel);
