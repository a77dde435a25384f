/* Rooms: the channels whose members this node asks the broker for, to keep a roster or to answer a client. Owner: the bus thread.
   One list of a channel is under way at a time, ROOMS_UNDER_WAY of all; the rest waits in order. An ask is answered by a list that
   was begun after it came. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/metrics.h"
#include "base/wheel.h"
#include "broker/backend.h"
#include "broker/envelope.h"

enum {
    ROOMS_UNDER_WAY = 256,
    ROOMS_BUDGET = 1024,     /* lists of one round, when they are answered at once */
    ROOMS_ASKS_MAX = 16384,  /* asks that wait for an answer */
    ROOMS_DOUBT_MS = 100,    /* a list that left a doubt */
    ROOMS_RETRY_MS = 1000,   /* one that did not come */
    ROOMS_REFUSED_MS = 10000 /* one that was refused */
};

typedef struct RoomsOps {
    void (*announce)(void *context, const char *channel, size_t n_channel, MessageKind kind, const char *member,
                     size_t n_member);
    bool (*is_ours)(void *context, const char *channel, size_t n_channel, const char *user, size_t n_user);
    void (*answered)(void *context, const BrokerReturn *to, const char *channel, size_t n_channel, PresenceReply *reply);
} RoomsOps;

typedef struct Rooms {
    Map map;
    ListNode waiting;
    Wheel retries;
    Backend *backend;
    const RoomsOps *ops;
    void *context;
    PresenceReply *failures[BROKER_REFUSED + 1]; /* made beforehand, so that there is always an answer; none for BROKER_OK */
    uint64_t now_ms;                             /* of the last tick; 0: there was none, nothing is asked */
    uint32_t n_under_way;
    uint32_t n_asks;
    bool is_pumping;
    Counter *lists_fetched;
} Rooms;

int rooms_init(Rooms *rooms, Backend *backend, const RoomsOps *ops, void *context); /* -ENOMEM */
void rooms_finish(Rooms *rooms);

void rooms_subscribed(Rooms *rooms, const char *channel, size_t n_channel);
void rooms_unsubscribed(Rooms *rooms, const char *channel, size_t n_channel);
void rooms_hear(Rooms *rooms, const char *channel, size_t n_channel, const Envelope *event);
void rooms_ask(Rooms *rooms, const char *channel, size_t n_channel, const BrokerReturn *to);
void rooms_look(Rooms *rooms); /* lists that did not come may come now */
void rooms_tick(Rooms *rooms, uint64_t now_ms);
void rooms_on_members(Rooms *rooms, void *cookie, BrokerResult result, const PresenceList *list);
