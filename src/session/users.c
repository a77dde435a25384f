#include "session/users.h"

#include <stdlib.h>
#include <string.h>

#include "session/session.h"
#include "session/table.h"

User *users_find(const SessionTable *table, const char *name, size_t n_name) {
    MapNode *node = map_find(&table->users, name, n_name);
    return node ? container_of(node, User, node) : NULL;
}

User *users_take(SessionTable *table, const char *name, size_t n_name) {
    User *user = users_find(table, name, n_name);
    if (user)
        return user;
    user = malloc(sizeof(*user) + n_name);
    if (!user)
        return NULL;
    *user = (User){.node = {.key = user->name, .n_key = n_name}};
    memcpy(user->name, name, n_name);
    list_init(&user->sessions);
    if (map_insert(&table->users, &user->node) < 0) {
        free(user);
        return NULL;
    }
    return user;
}

void users_drop(SessionTable *table, User *user) {
    if (!list_is_empty(&user->sessions))
        return;
    map_remove(&table->users, &user->node);
    free(user);
}

void users_join(User *user, Session *session) {
    session->user = user;
    session->joined = ++session->table->n_joined;
    list_append(&user->sessions, &session->fellow);
}

void users_leave(Session *session) {
    User *user = session->user;
    if (!user)
        return;
    session->user = NULL;
    list_unlink(&session->fellow);
    users_drop(session->table, user);
}
