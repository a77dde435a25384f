/* DialectOps: what a session calls upwards into its dialect. Owner: the connection's worker. Each dialect is one constant
   struct; what it needs per connection is in the session and its subscriptions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/broker.h"
#include "hub/channel.h"
#include "hub/frame.h"

typedef struct Session Session;

/* None of the callbacks but opened and received may subscribe or unsubscribe. Any may send, close or terminate the session,
   which stays valid until the turn ends. */
typedef struct DialectOps {
    const char *name;
    FrameEncoder encoder;
    bool takes_tokens; /* a client may say who it is after the handshake */

    /* The session has just become OPEN. channels: the ones asked for in the request, each NUL-terminated, n_channels bytes
       in all. */
    void (*opened)(Session *session, const char *channels, size_t n_channels);
    /* One whole message; text is valid UTF-8. bytes is writable scratch, gone after the call, and bytes[n_bytes] is 0. */
    void (*received)(Session *session, char *bytes, size_t n_bytes, bool is_binary);
    /* The same of a message that is over the rate and not carried out: an error to try again. NULL: the dialect has no way to say
       it, and the connection is closed. */
    void (*limited)(Session *session, char *bytes, size_t n_bytes, bool is_binary);
    /* position: what follows it will come (epoch 0: the channel has no history, or none yet, or its end is not known). */
    void (*subscribed)(Session *session, const char *channel, uint64_t request_id, Position position);
    /* The same for a subscribe with a resume: the dialect sends the answer alone. When reply is recovered the session sends its
       messages behind it; they end at reply->position. Else it has none, and what follows reply->position will come (epoch 0 as
       above). NULL: this dialect cannot resume. */
    void (*resumed)(Session *session, const char *channel, uint64_t request_id, const HistoryReply *reply);
    /* The backend has subscribed the connection to a channel; position as in subscribed. */
    void (*given)(Session *session, const char *channel, Position position);
    /* The subscription has ended, and not by the client's wish. request_id: of the subscribe that still awaited its answer, and gets
       it here; 0: none did. The code as of a close frame. */
    void (*unsubscribed)(Session *session, const char *channel, uint64_t request_id, uint16_t code, const char *reason);
    void (*subscribe_refused)(Session *session, const char *channel, uint64_t request_id, BrokerResult result);
    void (*published)(Session *session, uint64_t request_id, BrokerResult result, Position position);
    /* The answers to command_history and command_presence, failures too; NULL: this dialect asks for neither. */
    void (*history)(Session *session, const char *channel, uint64_t request_id, const HistoryReply *reply);
    void (*presence)(Session *session, const char *channel, uint64_t request_id, const PresenceReply *reply);
    /* The notice that messages of the channel may have been lost, which the session sends. Unless the reason is GAP_SLOW, what
       follows channel->position will come (epoch 0: not known). -ENOMEM. NULL: this dialect has no way to say it. */
    int (*gap_frame)(Frame **out, const Channel *channel, GapReason reason);
    /* The last chance to send before the close frame; may be NULL. Not called when the peer closed, nor for a slow consumer.
       reconnect_after_ms: the client is asked to stay away for so long; 0: it is not asked to. */
    void (*closing)(Session *session, uint16_t code, const char *reason, uint32_t reconnect_after_ms);
} DialectOps;
