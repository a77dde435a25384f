/* Control of sessions: what a command for a user or a connection means here. Owner: the table's worker. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "broker/control.h"

typedef struct Session Session;
typedef struct SessionTable SessionTable;

/* Carries it out on every session of the user, or on the one connection; on a crowd, or behind one, in several ticks
   (session/errands.h). Returns on how many so far. */
size_t session_table_control(SessionTable *table, const Control *control);
/* On one session, whomever it is for. False: there was nothing to do. */
bool control_session(Session *session, const Control *control);
