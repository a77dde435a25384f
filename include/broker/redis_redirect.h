/* RedisRedirect: what an error reply of Redis means for the command that it answers. Any thread; no state. */
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>

#include "broker/redis_url.h"

typedef enum RedisVerdict {
    REDIS_VERDICT_REFUSED, /* for good */
    REDIS_VERDICT_MOVED,   /* its slot has another master: to be found out, and asked */
    REDIS_VERDICT_ASK,     /* this one command is for another, once */
    REDIS_VERDICT_PASSING, /* not now: loading, down, out of memory */
    REDIS_VERDICT_REPLICA, /* it is no master any more */
} RedisVerdict;

/* endpoint: filled in with MOVED and ASK; asked: of whom, which holds where the error names no host. */
RedisVerdict redis_redirect_judge(const redisReply *error, const RedisEndpoint *asked, RedisEndpoint *endpoint);
