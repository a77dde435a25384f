/* Identity: which user a connection is in presence, and when it enters and leaves a channel. Owner: the connection's worker. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "hub/subscription.h"

typedef struct Session Session;

enum { IDENTIFY_OK, IDENTIFY_LIMIT };

/* Who it is, 1 to PRESENCE_USER_MAX bytes, and the JSON object that tells others, up to PRESENCE_MEMBER_MAX. Copied. When it is
   OPEN already, presence learns in each of its channels that who it was has left and who it is has come. -ENOMEM. Without it the
   connection is a user of its own: the node's id, "-" and the session's. IDENTIFY_LIMIT, and counted: nothing has changed, for that
   user has as many connections on this node as SessionOptions.user_limit. */
int session_identify(Session *session, const char *user, size_t n_user, const char *member, size_t n_member);
/* The same with another limit; 0: none. */
int session_identify_within(Session *session, const char *user, size_t n_user, const char *member, size_t n_member,
                            uint32_t user_limit);

void identity_end(Session *session); /* the session's end has begun: it is its user's no more. Idempotent */
/* Its subscription has been granted. Tells the broker where the channel has presence, unless the session's end has begun. */
void identity_enter(Session *session, Subscription *subscription);
void identity_leave(Session *session, Subscription *subscription); /* takes back what identity_enter has told, once */
void identity_look(Session *session);                              /* its channels may have got presence, or lost it */
