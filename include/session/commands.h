/* Commands: what a dialect may ask for a client, the same in every dialect: checked, limited, then carried out.
   Owner: the connection's worker. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "session/session.h"

typedef enum CommandResult {
    COMMAND_OK,     /* done, or under way: the dialect's callback brings the answer */
    COMMAND_EXISTS, /* subscribe: already subscribed; unsubscribe: not subscribed */
    COMMAND_BAD_CHANNEL,
    COMMAND_FORBIDDEN,     /* this client may not; nor may anyone whose session is not OPEN */
    COMMAND_UNAUTHORIZED,  /* it has shown no token, and some token would help */
    COMMAND_BAD_TOKEN,     /* the channel token is none that is good here */
    COMMAND_TOKEN_EXPIRED, /* it was good once */
    COMMAND_LIMIT,         /* too many subscriptions, or a payload over the limit */
    COMMAND_OVERLOADED,
    COMMAND_NOT_KEPT, /* history or presence of a channel whose namespace has none */
    COMMAND_NO_MEMORY,
} CommandResult;

/* A request_id is below 2^63. */

/* COMMAND_OK: dialect->subscribed or subscribe_refused follows, perhaps before the return. */
CommandResult command_subscribe(Session *session, const char *channel, size_t n_channel, uint64_t request_id);
/* The same behind a place in the channel's history. COMMAND_OK: dialect->resumed or subscribe_refused follows. Nothing of the
   channel is delivered before it. */
CommandResult command_resume(Session *session, const char *channel, size_t n_channel, uint64_t request_id, Position since);
/* The same two by a channel token: since.epoch 0 is a plain
   subscribe. The token is looked at once; the subscription outlives it. */
CommandResult command_subscribe_by(Session *session, const char *channel, size_t n_channel, uint64_t request_id, Position since,
                                   const char *token, size_t n_token);
CommandResult command_unsubscribe(Session *session, const char *channel, size_t n_channel);
/* COMMAND_OK: dialect->published follows. */
CommandResult command_publish(Session *session, const char *channel, size_t n_channel, const void *payload, size_t n_payload,
                              uint64_t request_id);
/* For who may subscribe to the channel, or is subscribed. COMMAND_NOT_KEPT: its namespace keeps none. COMMAND_OK: dialect->history or ->presence
   follows. */
CommandResult command_history(Session *session, const char *channel, size_t n_channel, const HistoryQuery *query,
                              uint64_t request_id);
CommandResult command_presence(Session *session, const char *channel, size_t n_channel, uint64_t request_id);
