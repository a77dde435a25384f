/* Roster: who is in one channel, as this node's subscribers have been told. Owner: the bus thread. It asks nobody: it is told
   events and lists, announces what they change, and says when it needs a list.

   An event that is heard is applied at once. A list tells the state at its version, so what it says of a user counts unless an
   event behind that version spoke of him; those who went while a list was under way are remembered until it has come. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "broker/backend.h"
#include "broker/envelope.h"

enum {
    ROSTER_OK,
    ROSTER_DOUBT, /* something was missed: a list must be asked for */
};

enum {
    ROSTER_GONE_MAX = 1024,  /* users who went while a list is under way; over it the list is asked for again */
    ROSTER_JUMP = 1000000,   /* no channel has so many events in an outage: its versions begin anew, at the time in µs */
    ROSTER_SETTLE_MS = 2000, /* how long a user must be lacking in lists to be gone */
    ROSTER_SETTLE_REWOUND_MS = 10000 /* when the broker has lost data: each node needs its time to say its members again */
};

typedef struct RosterOps {
    void (*announce)(void *context, MessageKind kind, const char *member, size_t n_member);
    /* A user whom this node tells the broker itself: no list makes him go. */
    bool (*is_ours)(void *context, const char *user, size_t n_user);
} RosterOps;

typedef struct Roster {
    Map users;
    const RosterOps *ops;
    void *context;
    uint64_t version;      /* up to which it knows */
    uint64_t heard;        /* version of the last event since it was subscribed; 0: none */
    uint64_t whole_from;   /* the events from this one to the last were heard without a hole */
    uint64_t replay_until; /* events up to this one were in the first list, but nobody has been told of them yet */
    uint64_t begun;        /* version when the list that is under way was asked for */
    uint32_t n_gone;
    uint32_t n_missing; /* users whom the last list lacked, and who are not believed gone yet */
    bool is_known;      /* a list has ever come */
    bool is_current;    /* one has come since it was subscribed */
    bool is_listing;    /* one is under way */
    bool is_rewound;    /* the broker's versions have begun anew: it has lost data */
    bool is_spoilt;     /* the list that is under way will not do */
} Roster;

void roster_init(Roster *roster, const RosterOps *ops, void *context);
void roster_finish(Roster *roster);

/* The channel is heard from here on, perhaps anew: a list that is under way counts for nothing, and a new one is needed. */
void roster_subscribed(Roster *roster);
int roster_hear(Roster *roster, const Envelope *event); /* ROSTER_OK or ROSTER_DOUBT */
void roster_list_begins(Roster *roster);
void roster_list_fails(Roster *roster);
/* ROSTER_OK; ROSTER_DOUBT, also without memory. The first list of all is announced to nobody: it is what is there already. */
int roster_list_comes(Roster *roster, const PresenceList *list, uint64_t now_ms);

/* All who are in it; NULL without memory. */
PresenceReply *roster_reply(Roster *roster);
/* When a list should be asked for again to see who is lacking still; 0: no need. */
uint32_t roster_settle_ms(const Roster *roster);
