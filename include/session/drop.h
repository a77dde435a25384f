/* Drop: the end of a subscription that its client did not ask for, and the notice of it. Owner: the connection's worker. */
#pragma once

#include <stdint.h>

#include "hub/subscription.h"

typedef struct Session Session;

/* The session is OPEN. Frees the subscription, then calls dialect->unsubscribed. */
void session_drop(Session *session, Subscription *subscription, uint16_t code, const char *reason);
/* After a token: drops what it does not permit, but what a channel token or the backend has opened. */
void session_judge_again(Session *session);
