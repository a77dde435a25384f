/* Interest: one channel that a worker of this node wants, or wanted a moment ago, and who waits in it for what.
   Owner: the bus thread. Within the broker only: bus.c, catch_up.c, resume.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "broker/bus.h"
#include "broker/ring.h"

typedef enum InterestState {
    INTEREST_WAITING, /* for the channel to be reachable */
    INTEREST_SUBSCRIBING,
    INTEREST_READING, /* it is heard; what is heard is held back until the history before it has been read */
    INTEREST_SUBSCRIBED,
} InterestState;

typedef struct BusTimer BusTimer;
struct BusTimer {
    WheelEntry entry;
    void (*expired)(Bus *bus, BusTimer *timer);
};

typedef struct Interest Interest;

/* What stands in an interest's line until it is subscribed, until its deadline at most: a want or a resume. */
typedef struct Waiting {
    ListNode link;
    BusTimer timer;
    Interest *interest;
    uint32_t worker;
    bool is_resume; /* a Read, else a Want */
} Waiting;

typedef struct Want {
    Waiting waiting;
    uint64_t token;
} Want;

typedef enum ReadKind {
    READ_HISTORY, /* a worker's: the answer passes through */
    READ_RESUME,
    READ_CATCH_UP, /* the interest's own */
} ReadKind;

/* A question to the backend, and its cookie there. waiting.interest is NULL when the interest has gone meanwhile. */
typedef struct Read {
    Waiting waiting; /* a resume's: in line, then among the track's resumes */
    ReadKind kind;
    BrokerReturn to;
    HistoryQuery query;
    HistoryReply *early; /* a resume's: the answer, which is ahead of what this node has heard */
    size_t n_channel;
    char channel[];
} Read;

/* Where a channel with numbered messages stands. */
typedef struct Track {
    Position position; /* of the newest message that the workers were handed */
    Ring kept;         /* local: the newest messages. Durable: those held back */
    /* Durable only. */
    Ring recent;      /* the newest messages that the workers were handed, while there are resumes */
    ListNode resumes; /* asked, or with an early answer */
    uint32_t n_early;
    Interest *interest;
    ListNode turn;     /* in the line of the bus's window, until it is asked */
    Read *reading;     /* under way; NULL while it waits, for its turn or for the timer */
    uint32_t n_stale;  /* of the messages held back those that came before the question: the answer covers them */
    uint32_t n_rounds; /* of reading, because there were holes */
    uint32_t n_retries;
    bool is_doubted; /* a message was lost here since the question: ask again */
    bool is_adrift;  /* the broker does not let us read: any number will do as the next */
    bool is_cut_off; /* control: the history does not join the position: what is newer in it is read */
} Track;

struct Interest {
    MapNode node;
    uint32_t local_limit; /* of its namespace */
    uint32_t local_linger_ms;
    uint32_t history_limit; /* 0 or not as it was at the beginning: what the interest has of a history is made for that */
    uint64_t workers;       /* a bit for each that wants it; while 0 it lingers */
    uint64_t granted;       /* of them those that have been told that they hear it */
    InterestState state;
    bool has_roster; /* presence knows of it */
    ListNode line;   /* of Waiting */
    BusTimer timer;  /* lingering: its end; else the next attempt to subscribe or to read */
    Track *track;    /* NULL: nothing is numbered here */
    char name[];
};

static inline bool interest_is_durable(const Interest *interest) {
    return interest->history_limit > 0;
}

bool interest_is_control(const Interest *interest);

static inline bool interest_is_heard(const Interest *interest) {
    return interest->state >= INTEREST_READING;
}

static inline uint64_t worker_bit(uint32_t worker) {
    return (uint64_t)1 << worker;
}

static inline Position interest_position(const Interest *interest) {
    return interest->track ? interest->track->position : (Position){0};
}

void interest_configure(const Bus *bus, Interest *interest); /* its namespace may be another */
const Namespace *bus_namespace(const Bus *bus, const char *channel, size_t n_channel);
Interest *interest_find(const Bus *bus, const char *channel, size_t n_channel);
Interest *interest_of(MapNode *node); /* NULL for NULL */
int interest_new(Interest **out, Bus *bus, const char *channel, size_t n_channel, void (*expired)(Bus *, BusTimer *));
/* What waits in line is freed unanswered: the caller has answered it. Resumes under way go on without it. */
Interest *interest_free(Bus *bus, Interest *interest);
void interest_set_state(Bus *bus, Interest *interest, InterestState state);

void interest_stand_in_line(Bus *bus, Interest *interest, Waiting *waiting);
Waiting *waiting_leave(Bus *bus, Waiting *waiting); /* out of the line or list it is in; its deadline is off. Returns it */
void waiting_free(Waiting *waiting);
bool interest_has_want(const Interest *interest, uint32_t worker); /* in line */

/* It is subscribed, and all numbers up to its position have been handed on: those in line get what they wait for. */
void interest_grant(Bus *bus, Interest *interest);
void interest_deliver(Bus *bus, Interest *interest, Message *message); /* to all that have been granted it */
void interest_gap(Bus *bus, Interest *interest);                       /* behind which its position stands */

void interest_restart_local(Interest *interest);                          /* a new epoch: something may have been missed */
void interest_hear_local(Bus *bus, Interest *interest, Message *message); /* not shared yet: it gets its number */

void bus_arm(Bus *bus, BusTimer *timer, uint32_t delay_ms);
void bus_disarm(Bus *bus, BusTimer *timer);
