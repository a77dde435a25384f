/* Authenticate: the token that a connection shows, and what follows from it: its user, its deadline, its grants.
   Owner: the connection's worker. */
#pragma once

#include <stddef.h>

#include "auth/token.h"

typedef struct Session Session;

/* Beside a TokenResult. */
enum { AUTHENTICATE_OTHER_USER = TOKEN_N_RESULTS, AUTHENTICATE_USER_LIMIT };

/* In CONNECTING or OPEN. TOKEN_OK: from now on the token's user, grants and expiry are the session's, in place of those of the
   last token, and so are its limits; subscriptions that it does not permit are dropped. AUTHENTICATE_OTHER_USER: the session's
   token names another user, or none. AUTHENTICATE_USER_LIMIT: its user has as many connections as it may. With these and every
   other result nothing has changed. -ENOMEM. The text is borrowed. */
int session_authenticate(Session *session, const char *text, size_t n_text);
/* A token that is shown for one thing alone; as token_verify. */
int session_verify(Session *session, Token **token, const char *text, size_t n_text);
const char *authenticate_result_name(int result); /* one word: token_result_name's, "other_user" or "user_limit" */

void authenticate_opened(
    Session *session); /* the session has just become OPEN: arms what its token, or the lack of one, asks for */
