/* Users: the sessions of each user of one worker, by the name that session_identify gave them. Owner: the worker. */
#pragma once

#include <stddef.h>

#include "base/list.h"
#include "base/map.h"

typedef struct Session Session;
typedef struct SessionTable SessionTable;

/* Lives while it has sessions. */
typedef struct User {
    MapNode node;
    ListNode sessions; /* by their fellow */
    char name[];       /* not NUL-terminated */
} User;

/* The user of that name, made when it is the first time. NULL: no memory. One that nobody joins is left to users_drop. */
User *users_take(SessionTable *table, const char *name, size_t n_name);
User *users_find(const SessionTable *table, const char *name, size_t n_name); /* NULL: nobody here is called so */
void users_join(User *user, Session *session);                                /* the session is nobody's */
void users_leave(Session *session);               /* frees the user with the last of its sessions. Idempotent */
void users_drop(SessionTable *table, User *user); /* frees it when it has no session */
