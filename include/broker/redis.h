/* Redis backend: one link that subscribes and one that publishes, each terminated and replaced rather than waited for.
   Owner: the bus thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "broker/backend.h"
#include "broker/redis_url.h"

typedef struct RedisOptions {
    RedisUrl url;            /* borrowed, outlives the backend */
    const char *prefix;      /* borrowed; before every channel name in Redis */
    uint32_t connect_ms;     /* deadline for connect, AUTH and SELECT */
    uint32_t reply_ms;       /* deadline for the answer to a PING or PUBLISH */
    uint32_t backoff_min_ms; /* full jitter: a random time up to min(max, min << attempts) */
    uint32_t backoff_max_ms;
    size_t publish_limit_bytes;  /* unanswered publishes, at most and one more; over it BROKER_OVERLOADED */
    uint32_t canary_ms;          /* the publisher sends its canary this often */
    uint32_t canary_deadline_ms; /* and the subscriber has heard it within this time, or both links are replaced */
} RedisOptions;

/* Starts connecting as soon as the loop runs. Ticks bring clock_now_ms(). 0, -ENOMEM or another -errno.
   Up while both links are ready. A lost subscriber is down at once; a lost publisher refuses publishes (BROKER_UNAVAILABLE)
   and is down when the canary has not been heard in time, since a node that hears need not be told otherwise. */
int redis_backend_new(Backend **out, uv_loop_t *loop, const RedisOptions *options, const BackendEvents *events, void *context);
Backend *redis_backend_free(Backend *backend); /* after ops->close and once the loop has run dry; NULL */
