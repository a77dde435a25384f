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

    /* The session has just become OPEN. channels: the ones asked for in the request, each NUL-terminated, n_channels bytes
       in all. */
    void (*opened)(Session *session, const char *channels, size_t n_channels);
    /* One whole message; text is valid UTF-8. bytes is writable scratch, gone after the call, and bytes[n_bytes] is 0. */
    void (*received)(Session *session, char *bytes, size_t n_bytes, bool is_binary);
    void (*subscribed)(Session *session, const char *channel, uint64_t request_id);
    void (*subscribe_refused)(Session *session, const char *channel, uint64_t request_id);
    void (*published)(Session *session, uint64_t request_id, BrokerResult result);
    /* The notice that messages of the channel may have been lost, which the session sends. -ENOMEM. NULL: this dialect has no
       way to say it. */
    int (*gap_frame)(Frame **out, const char *channel, GapReason reason);
    /* The last chance to send before the close frame; may be NULL. Not called when the peer closed, nor for a slow consumer. */
    void (*closing)(Session *session, uint16_t code, const char *reason);
} DialectOps;
