#include "session/commands.h"

#include "session/authenticate.h"
#include "session/limits.h"
#include "session/permit.h"
#include "session/table.h"

static CommandResult check(const Session *session, const char *channel, size_t n_channel) {
    SessionTable *table = session->table;
    uint32_t limit_bytes = table->options.channel_limit_bytes;
    if ((limit_bytes > 0 && n_channel > limit_bytes) || !channel_name_is_valid(channel, n_channel)) {
        counter_add(&table->counters.refused_channels, 1);
        return COMMAND_BAD_CHANNEL;
    }
    return session->state == READY_STATE_OPEN ? COMMAND_OK : COMMAND_FORBIDDEN;
}

static CommandResult subscribe(Session *session, const char *channel, size_t n_channel, const SubscriptionRequest *request,
                               const Token *shown) {
    SessionTable *table = session->table;
    Subscriber *subscriber = &session->subscriber;
    CommandResult result = check(session, channel, n_channel);
    if (result == COMMAND_OK)
        result = permit_subscribe(session, channel, n_channel, shown);
    if (result != COMMAND_OK)
        return result;
    if (subscriber->n_subscriptions >= limits_of_subscriptions(session)) {
        if (hub_find(&table->hub, subscriber, channel, n_channel))
            return COMMAND_EXISTS;
        counter_add(&table->counters.refused_subscriptions, 1);
        return COMMAND_LIMIT;
    }
    int r = hub_subscribe(&table->hub, subscriber, channel, n_channel, request);
    if (r < 0)
        return COMMAND_NO_MEMORY;
    return r == HUB_EXISTS ? COMMAND_EXISTS : COMMAND_OK;
}

/* For what may be asked of a channel without being in it. */
static CommandResult check_reading(Session *session, const char *channel, size_t n_channel) {
    CommandResult result = check(session, channel, n_channel);
    if (result == COMMAND_OK && !hub_find(&session->table->hub, &session->subscriber, channel, n_channel))
        result = permit_subscribe(session, channel, n_channel, NULL);
    return result;
}

CommandResult command_subscribe(Session *session, const char *channel, size_t n_channel, uint64_t request_id) {
    return subscribe(session, channel, n_channel, &(SubscriptionRequest){.id = request_id}, NULL);
}

/* The namespace of a channel; NULL: one that keeps nothing. */
static const Namespace *namespace_of(const SessionTable *table, const char *channel, size_t n_channel) {
    const Namespaces *namespaces = table->options.namespaces;
    return namespaces ? namespaces_find(namespaces, channel, n_channel) : NULL;
}

static bool has_history(const SessionTable *table, const char *channel, size_t n_channel) {
    const Namespace *namespace = namespace_of(table, channel, n_channel);
    return namespace && (namespace->history_limit > 0 || namespace->local_limit > 0);
}

static BrokerResult read_history(Session *session, const char *channel, size_t n_channel, HistoryQuery query,
                                 uint64_t request_id) {
    SessionTable *table = session->table;
    const SessionOptions *options = &table->options;
    if (query.limit > options->history_limit)
        query.limit = options->history_limit;
    query.limit_bytes = options->outbox_limit_bytes / 2;
    return table->broker->ops->read(table->broker, channel, n_channel, &query,
                                    &(BrokerReturn){.session_id = session->id, .request_id = request_id});
}

static CommandResult resume(Session *session, const char *channel, size_t n_channel, uint64_t request_id, Position since,
                            const Token *shown) {
    SessionTable *table = session->table;
    SubscriptionRequest request = {.id = request_id, .resume_token = table->next_resume_token++};
    request.is_kept = shown != NULL;
    request.is_held = since.epoch != 0 && has_history(table, channel, n_channel);
    CommandResult result = subscribe(session, channel, n_channel, &request, shown);
    if (result != COMMAND_OK || !request.is_held)
        return result;
    Subscription *subscription = hub_find(&table->hub, &session->subscriber, channel, n_channel);
    if (!subscription)
        return COMMAND_OK; /* refused at once */
    HistoryQuery query = {.since = since, .limit = UINT32_MAX, .order = HISTORY_RESUME};
    if (read_history(session, channel, n_channel, query, request.resume_token) == BROKER_OK)
        return COMMAND_OK;
    hub_unsubscribe(&table->hub, subscription);
    return COMMAND_OVERLOADED;
}

CommandResult command_resume(Session *session, const char *channel, size_t n_channel, uint64_t request_id, Position since) {
    return resume(session, channel, n_channel, request_id, since, NULL);
}

static CommandResult result_of_token(int r) {
    if (r < 0)
        return COMMAND_NO_MEMORY;
    return r == TOKEN_EXPIRED ? COMMAND_TOKEN_EXPIRED : COMMAND_BAD_TOKEN;
}

CommandResult command_subscribe_by(Session *session, const char *channel, size_t n_channel, uint64_t request_id, Position since,
                                   const char *token, size_t n_token) {
    Token *shown = NULL;
    int r = session_verify(session, &shown, token, n_token);
    if (r != TOKEN_OK)
        return result_of_token(r);
    CommandResult result = since.epoch == 0 ? subscribe(session, channel, n_channel,
                                                        &(SubscriptionRequest){.id = request_id, .is_kept = true}, shown)
                                            : resume(session, channel, n_channel, request_id, since, shown);
    token_free(shown);
    return result;
}

CommandResult command_history(Session *session, const char *channel, size_t n_channel, const HistoryQuery *query,
                              uint64_t request_id) {
    const SessionTable *table = session->table;
    CommandResult result = check_reading(session, channel, n_channel);
    if (result != COMMAND_OK)
        return result;
    if (!has_history(table, channel, n_channel))
        return COMMAND_NOT_KEPT;
    return read_history(session, channel, n_channel, *query, request_id) == BROKER_OK ? COMMAND_OK : COMMAND_OVERLOADED;
}

CommandResult command_presence(Session *session, const char *channel, size_t n_channel, uint64_t request_id) {
    const SessionTable *table = session->table;
    CommandResult result = check_reading(session, channel, n_channel);
    if (result != COMMAND_OK)
        return result;
    const Namespace *namespace = namespace_of(table, channel, n_channel);
    if (!namespace || !namespace->has_presence)
        return COMMAND_NOT_KEPT;
    BrokerReturn to = {.session_id = session->id, .request_id = request_id};
    return table->broker->ops->presence(table->broker, channel, n_channel, &to) == BROKER_OK ? COMMAND_OK : COMMAND_OVERLOADED;
}

CommandResult command_unsubscribe(Session *session, const char *channel, size_t n_channel) {
    Hub *hub = &session->table->hub;
    CommandResult result = check(session, channel, n_channel);
    if (result != COMMAND_OK)
        return result;
    Subscription *subscription = hub_find(hub, &session->subscriber, channel, n_channel);
    if (!subscription)
        return COMMAND_EXISTS;
    hub_unsubscribe(hub, subscription);
    return COMMAND_OK;
}

CommandResult command_publish(Session *session, const char *channel, size_t n_channel, const void *payload, size_t n_payload,
                              uint64_t request_id) {
    SessionTable *table = session->table;
    CommandResult result = check(session, channel, n_channel);
    if (result == COMMAND_OK)
        result = permit_publish(session, channel, n_channel);
    if (result != COMMAND_OK)
        return result;
    if (n_payload > table->options.message_limit_bytes)
        return COMMAND_LIMIT;
    Message *message;
    if (message_new(&message, channel, n_channel, payload, n_payload) < 0)
        return COMMAND_NO_MEMORY;
    BrokerResult taken = table->broker->ops->publish(table->broker, message,
                                                     &(BrokerReturn){.session_id = session->id, .request_id = request_id});
    message_unref(message);
    return taken == BROKER_OK ? COMMAND_OK : COMMAND_OVERLOADED;
}
