/* Flush: how waiting frames reach the transport. Owner: the connection's worker. */
#pragma once

typedef struct Session Session;

void session_mark_dirty(Session *session); /* frames wait: the end of the turn writes them, unless the transport is blocked */
/* Writes until nothing waits or the transport is blocked: one write when all frames fit the scratch. A failure terminates with
   CAUSE_WRITE_FAILED. */
void session_flush(Session *session);
