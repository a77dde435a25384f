/* Backend: one kind of broker under the bus (Redis, embedded). Owner: the bus thread.
   Channel names here are the clients': the backend adds and strips the prefix. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "broker/broker.h"

typedef struct Backend Backend;

/* Calls down, from the bus. */
typedef struct BackendOps {
    void (*subscribe)(Backend *backend, const char *channel, size_t n_channel); /* answered by events->subscribed */
    void (*unsubscribe)(Backend *backend, const char *channel, size_t n_channel);
    /* cookie comes back in events->published, exactly once, perhaps before the return. */
    void (*publish)(Backend *backend, Message *message, void *cookie);
    void (*tick)(Backend *backend, uint64_t now_ms); /* every 100 ms, by the backend's owner: deadlines */
    void (*close)(Backend *backend); /* ends its links; the loop then runs dry of its handles, and the owner frees it */
} BackendOps;

/* Calls up, to the bus. */
typedef struct BackendEvents {
    void (*up)(void *context); /* publishes are taken; the bus subscribes all it wants anew */
    /* Every subscription is gone; publishes under way are still answered, each once. It comes again while down when the
       reason changes, and before the first up. reason is for the log. */
    void (*down)(void *context, const char *reason);
    void (*subscribed)(void *context, const char *channel, size_t n_channel);
    void (*refused)(void *context, const char *channel, size_t n_channel); /* the broker does not let us hear it */
    void (*message)(void *context, const char *channel, size_t n_channel, const void *payload, size_t n_payload);
    void (*published)(void *context, void *cookie, BrokerResult result);
} BackendEvents;

struct Backend {
    const BackendOps *ops;
    const BackendEvents *events;
    void *context;
};

extern const BackendEvents bus_backend_events; /* context: the Bus */
