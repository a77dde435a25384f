/* Redis backend: the broker is Redis: one server, several sharded by name, Sentinel or Cluster (broker/redis_topology.h); each link
   is terminated and replaced rather than waited for. Owner: the bus thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "broker/backend.h"
#include "broker/redis_counters.h"
#include "broker/redis_resolver.h"
#include "broker/redis_url.h"

typedef struct RedisOptions {
    const RedisUrl *urls; /* borrowed, outlive the backend; more than one: standalone servers, sharded by channel */
    unsigned n_urls;
    const char *prefix;      /* borrowed; before every channel name in Redis */
    uint32_t connect_ms;     /* deadline for connect, and again for AUTH and what else comes first */
    uint32_t reply_ms;       /* deadline for the answer to a command, redirections included */
    uint32_t backoff_min_ms; /* full jitter: a random time up to min(max, min << attempts) */
    uint32_t backoff_max_ms;
    size_t publish_limit_bytes;  /* unanswered commands of one server, at most and one more; over it BROKER_OVERLOADED */
    uint32_t canary_ms;          /* the canary is sent this often */
    uint32_t canary_deadline_ms; /* and has been heard within this time, or both links are replaced */
    RedisCounters *counters;     /* set by the backend, to its own, as the next; who uses a link alone may leave both NULL */
    RedisResolver *resolver;
} RedisOptions;

/* Starts connecting as soon as the loop runs. Ticks bring clock_now_ms(). 0, -ENOMEM or another -errno.
   Up while every server is (broker/redis_server.h). */
int redis_backend_new(Backend **out, uv_loop_t *loop, const RedisOptions *options, const BackendEvents *events, void *context);
Backend *redis_backend_free(Backend *backend); /* after ops->close and once the loop has run dry; NULL */

/* Of all links together; the same struct as long as the backend lives. */
const RedisCounters *redis_backend_counters(const Backend *backend);
