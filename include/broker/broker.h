/* Broker: what carries messages between nodes, as the layers above it see it. Owner: each worker, of its port. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "hub/message.h"

typedef enum BrokerResult {
    BROKER_OK,
    BROKER_UNAVAILABLE, /* no link: try again later */
    BROKER_OVERLOADED,  /* the queue towards the broker is full: try again later */
    BROKER_REFUSED,     /* the broker answered with an error */
} BrokerResult;

/* BrokerPort: a worker's way to the bus thread; each call returns at once and the answers come back on the worker's thread.
   Owner: one worker. */
typedef struct BrokerPort BrokerPort;

typedef struct BrokerPortOps {
    void (*want)(BrokerPort *port, const char *channel, size_t n_channel, uint64_t token);
    void (*unwant)(BrokerPort *port, const char *channel, size_t n_channel);
    /* Takes its own reference. BROKER_OK: the answer follows. BROKER_OVERLOADED: nothing was sent. */
    BrokerResult (*publish)(BrokerPort *port, Message *message, uint64_t session_id, uint64_t request_id);
} BrokerPortOps;

struct BrokerPort {
    const BrokerPortOps *ops;
};
