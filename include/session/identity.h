/* Identity: which user a connection is in presence, and when it enters and leaves a channel. Owner: the connection's worker. */
#pragma once

#include <stddef.h>

#include "hub/subscription.h"

typedef struct Session Session;

/* Who it is, 1 to PRESENCE_USER_MAX bytes, and the JSON object that tells others, up to PRESENCE_MEMBER_MAX. Copied. When it is
   OPEN already, presence learns in each of its channels that who it was has left and who it is has come. -ENOMEM. Without it the
   connection is a user of its own: the node's id, "-" and the session's. */
int session_identify(Session *session, const char *user, size_t n_user, const char *member, size_t n_member);

/* Its subscription has been granted. Tells the broker where the channel has presence, unless the session's end has begun. */
void identity_enter(Session *session, Subscription *subscription);
void identity_leave(Session *session, Subscription *subscription); /* takes back what identity_enter has told, once */
