/* Namespaces: what holds for the channels whose names begin alike, "chat" for "chat:room-7". Read-only once loaded, so any
   thread may read. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What becomes of a connection that reads too slowly, when its outbox is full. */
typedef enum SlowPolicy {
    SLOW_CLOSE,       /* it is closed with 1013 */
    SLOW_DROP_OLDEST, /* its oldest waiting messages go, and it is told of the gap */
    SLOW_LATEST,      /* of each channel only the newest message is kept */
} SlowPolicy;

enum { SLOW_POLICIES = 3 };

typedef struct Namespace {
    char name[64]; /* NUL-terminated, 1 to 63 bytes; "" in the fallback */
    SlowPolicy slow;
} Namespace;

typedef struct Namespaces {
    Namespace fallback;
    Namespace *items; /* no name twice */
    uint32_t n_items;
} Namespaces;

/* The namespace that the part before the first ':' of the channel's name tells; the fallback without a colon or with a part
   that is no namespace's name. */
const Namespace *namespaces_find(const Namespaces *namespaces, const char *channel, size_t n_channel);
