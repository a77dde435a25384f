/* RedisOnce: publishes one live message through a URL of any kind, on a loop of its own, and waits for the answer.
   Owner: the thread that calls it; nothing of the node is used. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "broker/redis_url.h"

typedef struct RedisOnce {
    const char *channel; /* with its prefix */
    const void *payload;
    size_t n_payload;
    uint32_t patience_ms; /* for each server that is asked */
} RedisOnce;

/* 0 with how many received it, as that server counts; else a negative error, with what is wrong in reason, n_reason bytes:
   -EACCES when a server does not let us in, -EHOSTUNREACH otherwise, or -ENOMEM. */
int redis_once_publish(const RedisUrl *url, const RedisOnce *once, long long *n_received, char *reason, size_t n_reason);
