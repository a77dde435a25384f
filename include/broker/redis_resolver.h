/* RedisResolver: the addresses of the hosts that Redis is on. Owner: the bus thread.
   A look-up cannot be taken back once the system has begun it. While the network is away the system may hold on to it for half a
   minute, and libuv has two threads for all of them. So a host has one look-up at a time, whoever waits for it; what it brings
   counts, however late; and who has waited for a second, or hears that no name server answers, gets what it brought before. */
#pragma once

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/list.h"

enum {
    REDIS_FOUND = 1,
    REDIS_ADDRESSES_MAX = 16,    /* of one host; more are left out */
    REDIS_LOOKUP_LATE_MS = 1000, /* from here on the last good addresses serve */
    REDIS_HOSTS_KNOWN_MAX = 128, /* those that nobody waits for are forgotten beyond it, the oldest first */
};

typedef union RedisAddress {
    struct sockaddr any;
    struct sockaddr_in ip4;
    struct sockaddr_in6 ip6;
} RedisAddress;

/* One who waits. Embedded; cancel it before its memory goes. */
typedef struct RedisLookup RedisLookup;
struct RedisLookup {
    ListNode link;
    void (*done)(RedisLookup *lookup, int status); /* 0: found has one or more; or libuv's UV_EAI_… */
    unsigned port;
    unsigned n_found;
    RedisAddress found[REDIS_ADDRESSES_MAX];
};

typedef struct RedisResolver RedisResolver;

int redis_resolver_new(RedisResolver **out, uv_loop_t *loop); /* 0 or -ENOMEM */
/* Nobody may wait any more. What the system has begun is waited for by the loop. */
void redis_resolver_close(RedisResolver *resolver);
RedisResolver *
redis_resolver_free(RedisResolver *resolver); /* once the loop has run dry, or before it ran; NULL, also for NULL */
void redis_resolver_tick(RedisResolver *resolver, uint64_t now_ms);

void redis_lookup_init(RedisLookup *lookup, void (*done)(RedisLookup *lookup, int status));
/* REDIS_FOUND: a numeric address, which needs nobody to be asked (resolver may be NULL); done is not called. 0: done comes from
   the loop or from a tick, never before the return. Or -errno. */
int redis_lookup_start(RedisLookup *lookup, RedisResolver *resolver, const char *host, unsigned port);
void redis_lookup_cancel(RedisLookup *lookup); /* idempotent; done comes no more */
