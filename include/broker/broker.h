/* Broker: what carries messages between nodes, as the layers above it see it. Owner: each worker, of its port. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ref.h"
#include "hub/message.h"

typedef enum BrokerResult {
    BROKER_OK,
    BROKER_UNAVAILABLE, /* no link: try again later */
    BROKER_OVERLOADED,  /* the queue towards the broker is full: try again later */
    BROKER_REFUSED,     /* the broker answered with an error */
} BrokerResult;

/* Who asked, given back with the answer. worker is filled in by the port. */
typedef struct BrokerReturn {
    uint32_t worker;
    uint64_t session_id;
    uint64_t request_id;
} BrokerReturn;

typedef enum HistoryOrder {
    HISTORY_RESUME,  /* all that follows since, in order, up to what this worker has been handed live; or nothing at all */
    HISTORY_FORWARD, /* oldest first: the first limit behind since, or the newest limit when there is no since */
    HISTORY_REVERSE, /* newest first, down to since */
} HistoryOrder;

typedef struct HistoryQuery {
    Position since;     /* epoch 0: none; HISTORY_RESUME has one */
    uint32_t limit;     /* messages; a resume of more is not recovered */
    size_t limit_bytes; /* of their payloads, likewise; 0: no bound. A history stops there and has more */
    HistoryOrder order;
} HistoryQuery;

/* An answer, immutable. Shared by threads through its reference count. */
typedef struct HistoryReply {
    Ref ref;
    BrokerResult result; /* unless it is BROKER_OK, nothing below counts */
    bool is_recovered;   /* the messages join since without a hole. Without a since: true */
    bool has_more;       /* history: cut at a limit */
    Position position;   /* the newest message's place; of a resume: behind its last message. Epoch 0: there is no history */
    uint32_t n_messages;
    Message *messages[]; /* one reference each; each with its own position */
} HistoryReply;

HistoryReply *history_reply_new(uint32_t n_messages); /* zeroed, n_messages set; NULL without memory */
HistoryReply *history_reply_ref(HistoryReply *reply);
HistoryReply *history_reply_unref(HistoryReply *reply); /* drops the messages with the last one; NULL, also for NULL */

/* Who is in a channel, on all nodes. */
enum { PRESENCE_USER_MAX = 255, PRESENCE_MEMBER_MAX = 4096 }; /* bytes */

typedef struct PresenceMember {
    uint32_t n_connections;
    uint32_t n_user;
    uint32_t n_text;
    const char *user; /* its name, no two alike; within the reply's own memory, as the text is */
    const char *text; /* a JSON object, {"user":…,"info":…} */
} PresenceMember;

typedef struct PresenceReply {
    Ref ref;
    BrokerResult result;
    uint32_t n_members;
    PresenceMember *members;
} PresenceReply;

PresenceReply *presence_reply_new(uint32_t n_members, size_t n_texts); /* one allocation; NULL without memory */
char *presence_reply_texts(PresenceReply *reply);                      /* n_texts bytes, for the members' names and texts */
PresenceReply *presence_reply_ref(PresenceReply *reply);
PresenceReply *presence_reply_unref(PresenceReply *reply); /* NULL, also for NULL */

/* A connection that enters or leaves a channel with presence. */
typedef struct PresenceChange {
    const char *channel;
    size_t n_channel;
    const char *user; /* any bytes, 1 to PRESENCE_USER_MAX */
    size_t n_user;
    const char *member; /* the JSON object of this user, up to PRESENCE_MEMBER_MAX */
    size_t n_member;
    bool has_entered;
} PresenceChange;

/* BrokerPort: a worker's way to the bus thread; each call returns at once and the answers come back on the worker's thread.
   Owner: one worker. */
typedef struct BrokerPort BrokerPort;

typedef struct BrokerPortOps {
    void (*want)(BrokerPort *port, const char *channel, size_t n_channel, uint64_t token);
    void (*unwant)(BrokerPort *port, const char *channel, size_t n_channel);
    /* Takes its own reference. BROKER_OK: the answer follows. BROKER_OVERLOADED: nothing was sent. */
    BrokerResult (*publish)(BrokerPort *port, Message *message, const BrokerReturn *to);
    /* BROKER_OK: the answer follows, once, behind the acknowledgement of a want that came before. BROKER_OVERLOADED: nothing was
       sent. HISTORY_RESUME only while the worker wants the channel. */
    BrokerResult (*read)(BrokerPort *port, const char *channel, size_t n_channel, const HistoryQuery *query,
                         const BrokerReturn *to);
    BrokerResult (*presence)(BrokerPort *port, const char *channel, size_t n_channel, const BrokerReturn *to);
    /* Each entry is followed by exactly one leave of the same user. Answered by nothing. */
    void (*present)(BrokerPort *port, const PresenceChange *change);
} BrokerPortOps;

struct BrokerPort {
    const BrokerPortOps *ops;
};
