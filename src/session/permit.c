#include "session/permit.h"

#include "auth/grants.h"
#include "session/table.h"

static bool is_allowed(const Session *session, Access access, bool is_granted) {
    switch (access) {
    case ACCESS_ANYONE:
        return true;
    case ACCESS_USER:
        return session->token && session->token->user.n_text > 0;
    case ACCESS_TOKEN:
        return is_granted;
    case ACCESS_NOBODY:
        break;
    }
    return false;
}

/* A token helps where there is none yet, unless nobody may. */
static CommandResult refuse(const Session *session, Access access) {
    return session->token || access == ACCESS_NOBODY ? COMMAND_FORBIDDEN : COMMAND_UNAUTHORIZED;
}

static CommandResult judge(const Session *session, const Namespace *namespace, Access access, bool is_granted,
                           const char *channel, size_t n_channel) {
    if (session->table->options.is_auth_required && !session->token)
        return refuse(session, access);
    if (!is_allowed(session, access, is_granted))
        return refuse(session, access);
    if (namespace->is_own && grants_ownership(channel, n_channel, session->identity, session->n_user) == OWNED_BY_OTHER)
        return refuse(session, access);
    return COMMAND_OK;
}

static const Namespace *namespace_of(const Session *session, const char *channel, size_t n_channel) {
    static const Namespace closed = {.subscribe = ACCESS_NOBODY, .publish = ACCESS_NOBODY};
    const Namespaces *namespaces = session->table->options.namespaces;
    return namespaces ? namespaces_find(namespaces, channel, n_channel) : &closed;
}

CommandResult permit_subscribe(const Session *session, const char *channel, size_t n_channel, const Token *shown) {
    const Namespace *namespace = namespace_of(session, channel, n_channel);
    bool is_granted = grants_subscribe(session->token, channel, n_channel) ||
                      (shown && grants_opens(shown, session->identity, session->n_user, channel, n_channel));
    return judge(session, namespace, namespace->subscribe, is_granted, channel, n_channel);
}

CommandResult permit_publish(const Session *session, const char *channel, size_t n_channel) {
    const Namespace *namespace = namespace_of(session, channel, n_channel);
    bool is_granted = grants_publish(session->token, channel, n_channel);
    return judge(session, namespace, namespace->publish, is_granted, channel, n_channel);
}
