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
    COMMAND_FORBIDDEN, /* this client may not; nor may anyone whose session is not OPEN */
    COMMAND_LIMIT,     /* too many subscriptions, or a payload over the limit */
    COMMAND_OVERLOADED,
    COMMAND_NO_MEMORY,
} CommandResult;

/* COMMAND_OK: dialect->subscribed or subscribe_refused follows, perhaps before the return. */
CommandResult command_subscribe(Session *session, const char *channel, size_t n_channel, uint64_t request_id);
CommandResult command_unsubscribe(Session *session, const char *channel, size_t n_channel);
/* COMMAND_OK: dialect->published follows. */
CommandResult command_publish(Session *session, const char *channel, size_t n_channel, const void *payload, size_t n_payload,
                              uint64_t request_id);
