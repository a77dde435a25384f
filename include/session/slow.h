/* Slow: what is done for a connection that reads more slowly than it is sent to, by the policy of each channel's namespace.
   Owner: the connection's worker.
   A full outbox first: SLOW_CLOSE closes (1013). SLOW_LATEST drops what a newer message of its channel has overtaken, and goes
   on as SLOW_DROP_OLDEST, which drops the oldest messages that may go; where that is not enough the connection is closed. Each
   subscription that has lost its oldest messages is told so once, ahead of all that still waits, as soon as the transport takes
   bytes again; what a newer message has overtaken is no loss. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/frame.h"

typedef struct Session Session;

/* outbox_push has refused next: whether there is room for it now. Time grows with the frames walked, and for each frame that is
   lost with the connection's subscriptions. */
bool slow_make_room(Session *session, const Frame *next);

typedef struct SlowNotices {
    size_t n_bytes;
    uint32_t n_frames;
} SlowNotices;

/* Writes the gap notices that are due into scratch, as many as fit, each once. -ENOMEM: the client cannot be told. */
int slow_gather_notices(Session *session, uint8_t *scratch, size_t n_scratch, SlowNotices *notices);
