/* SessionTable: the sessions of one worker and what they share. Owner: its worker.
   One loop turn: events change sessions; then session_table_turn flushes the dirty and reaps the ended. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "auth/keyring.h"
#include "auth/token.h"
#include "base/histogram.h"
#include "base/list.h"
#include "base/map.h"
#include "base/metrics.h"
#include "base/quota.h"
#include "base/tally.h"
#include "base/wheel.h"
#include "broker/broker.h"
#include "hub/frame.h"
#include "hub/hub.h"
#include "hub/namespace.h"
#include "hub/outbox.h"
#include "session/audit.h"
#include "session/cause.h"
#include "session/errands.h"
#include "session/readystate.h"
#include "session/slots.h"
#include "session/watchdog.h"

typedef struct Session Session;

typedef struct SessionOptions {
    WatchdogOptions watchdog;
    uint32_t audit_ms; /* a whole round of the audit */
    uint32_t outbox_limit_bytes;
    uint32_t message_limit_bytes; /* a client's message */
    uint32_t subscriptions_limit; /* per connection */
    uint32_t channel_limit_bytes; /* of a channel's name; 0: no other than its own */
    QuotaLimit message_rate;      /* from one client */
    QuotaLimit byte_rate;         /* of its data messages; the burst is at least message_limit_bytes */
    uint32_t user_limit;          /* connections of one user on this node; 0: none */
    Tally *users;                 /* what they are counted in: borrowed, shared by the workers; NULL: they are not counted */
    uint32_t history_limit;       /* messages of one history or resume */
    bool clients_may_name_themselves; /* user and info in the URL are believed; else each connection is a user of its own */
    bool is_auth_required;            /* who has shown no token may nothing else, and is closed after watchdog.auth_ms */
    const char *node_id;              /* borrowed, outlives the table */
    const Namespaces *namespaces;     /* the same; NULL: all channels are SLOW_CLOSE and for nobody */
    const Keyring *keyring;           /* the same; NULL: no token is good */
    TokenRules token_rules;           /* its texts are borrowed too */
    uint64_t (*wall_ms)(void);        /* milliseconds since 1970, for the times in tokens */
} SessionOptions;

struct SessionCounters {
    Counter in_state[READY_STATES];         /* gauges */
    Counter in_dialect[FRAME_ENCODERS_MAX]; /* the same, by the index of its encoder; those that are no longer CONNECTING */
    OutboxTotals waiting;
    Counter accepted;
    /* Each session counts once when its end begins: in closed when it becomes CLOSING (we or the peer said goodbye), in
       terminated when it becomes CLOSED at once (destroyed by us, or gone). One that was CLOSING and had to be destroyed counts
       once more, in terminated under what ended the wait. */
    Counter closed[CAUSE_COUNT];
    Counter terminated[CAUSE_COUNT];
    Counter refused_sends[READY_STATES];
    Counter evicted_frames[SLOW_POLICIES]; /* dropped to make room, by the policy of their own channel */
    Counter refused_tokens;                /* shown at the upgrade, by auth or by subscribe */
    Counter refused_users;                 /* connections over limits.connections_per_user, at the upgrade or by auth */
    Counter controlled;                    /* what control commands have done, by connections */
    Counter received_messages;
    Counter received_bytes;
    Counter refused_channels;      /* names that are bad, or over limits.channel_name */
    Counter refused_subscriptions; /* over the connection's limit */
    Counter limited_messages;      /* over the rate: thrown away, or the connection with them */
    Counter sent_frames;
    Counter sent_bytes;
    Counter writes;
    Counter pings;
    Histogram fan_out_us;         /* one message to all its subscribers here */
    Histogram fan_out_deliveries; /* how many these were */
    Histogram flush_us;           /* all dirty connections at the end of a turn; turns without any do not count */
};

struct SessionTable {
    Hub hub;
    Wheel wheel;
    Audit audit;
    uint64_t now_ms; /* this turn's time */
    SessionOptions options;
    BrokerPort *broker;
    uint64_t drain_ends_ms;     /* when the last connection is told to go; 0: none is */
    uint64_t next_resume_token; /* from 2^63 on: no client's request has such an id */
    ListNode members[READY_STATES];
    ListNode dirty;
    ListNode ending;
    Slots slots;
    Map users;
    uint64_t n_joined; /* sessions that have become some user's, ever */
    Errands errands;
    Frame *ping; /* shared by all pings */
    uint8_t *scratch;
    SessionCounters counters;
};

enum { SESSION_TABLE_SCRATCH = 64 * 1024 }; /* bytes gathered into one write */

/* Borrows the broker's port, which outlives the table. worker: its index, below 256, part of each session's id. -ENOMEM. */
int session_table_init(SessionTable *table, const SessionOptions *options, BrokerPort *broker, uint32_t worker,
                       uint64_t now_ms);
/* From now on the table goes by these, and so do its sessions: limits and permissions at what they do next, a deadline that is
   armed at its next arming, or earlier where it is further away than any may be now. Who is in a channel that has got presence
   enters, and leaves where presence has ended. What the options before borrowed is not looked at any more. */
void session_table_configure(SessionTable *table, const SessionOptions *options);
void session_table_finish(SessionTable *table); /* terminates what is left, with CAUSE_SHUTDOWN, and reaps it */

/* Every WHEEL_TICK_MS: sets now_ms, which the worker also sets at the start of each turn, and looks at the deadlines and at the
   next slots of the audit. */
void session_table_tick(SessionTable *table, uint64_t now_ms);
/* The end of a loop turn: one write per dirty connection, then the ended ones drop their subscriptions or are freed. No pointer
   to a session may be kept across it but the transport's own. */
void session_table_turn(SessionTable *table);
size_t session_table_count(const SessionTable *table); /* sessions not yet freed */

/* Tells every connection to go, with CAUSE_SHUTDOWN: evenly over the window, in the order in which they were opened, each client
   asked to come back a random while later. Window 0: all that are left go at once, and what is CONNECTING is terminated; where a
   window was under way the clients are asked to come back over what was left of it, but within about a minute.
   src/session/drain.c. */
void session_table_drain(SessionTable *table, uint32_t window_ms);
void session_table_terminate(SessionTable *table);  /* every connection, with CAUSE_SHUTDOWN. src/session/drain.c */
void session_table_drain_tick(SessionTable *table); /* for session_table_tick */

Session *session_table_find(SessionTable *table, uint64_t id); /* NULL when it has gone */

/* What the broker says, on the worker's thread; arguments as in BusOps. src/session/answers.c. */
void session_table_deliver(SessionTable *table, const Message *message);
void session_table_acknowledged(SessionTable *table, const char *channel, size_t n_channel, uint64_t token, BrokerResult result,
                                Position position);
void session_table_published(SessionTable *table, const BrokerReturn *to, BrokerResult result, Position position);
void session_table_gap(SessionTable *table, const char *channel, size_t n_channel, Position position);
void session_table_history(SessionTable *table, const BrokerReturn *to, const char *channel, size_t n_channel,
                           const HistoryReply *reply);
void session_table_presence(SessionTable *table, const BrokerReturn *to, const char *channel, size_t n_channel,
                            const PresenceReply *reply);
void session_table_overloaded(SessionTable *table); /* this worker's inbox was full: messages of any channel were dropped */
