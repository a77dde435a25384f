/* CatchUp: how a channel with history comes to a known place in it, and is brought back to it when messages are missing.
   The history is read while the channel is heard already: what comes meanwhile is held back, and joins the answer by its
   numbers. Owner: the bus thread. */
#pragma once

#include "broker/interest.h"

/* What may be under way at once. An answer's weight is known once it has come: until then it counts as a heavy one. */
enum {
    CATCH_UP_READS_MAX = 256,
    CATCH_UP_WINDOW_BYTES = 1024 * 1024,
    CATCH_UP_FIRST_BYTES = CATCH_UP_WINDOW_BYTES / 8,
};

void catch_up_init(Bus *bus);

/* It is heard, or was and has lost something: reads, and grants it in the end. */
void catch_up_begin(Bus *bus, Interest *interest);
void catch_up_go_on(Bus *bus, Interest *interest);                  /* reading, unless it is under way or waits for its turn */
void catch_up_hear(Bus *bus, Interest *interest, Message *message); /* a message with a number */
void catch_up_lose(Bus *bus, Interest *interest);   /* a message with a number was heard, and there was no memory for it */
void catch_up_cancel(Bus *bus, Interest *interest); /* it is not heard any more; its position stays */
void catch_up_answered(Bus *bus, Read *read, HistoryReply *reply); /* frees the read */
