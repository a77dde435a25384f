#include "session/commands.h"

#include "session/table.h"

static CommandResult check(const Session *session, const char *channel, size_t n_channel, bool is_permitted) {
    if (!channel_name_is_valid(channel, n_channel))
        return COMMAND_BAD_CHANNEL;
    if (session->state != READY_STATE_OPEN || !is_permitted)
        return COMMAND_FORBIDDEN;
    return COMMAND_OK;
}

CommandResult command_subscribe(Session *session, const char *channel, size_t n_channel, uint64_t request_id) {
    SessionTable *table = session->table;
    Subscriber *subscriber = &session->subscriber;
    CommandResult result = check(session, channel, n_channel, table->options.clients_may_subscribe);
    if (result != COMMAND_OK)
        return result;
    if (subscriber->n_subscriptions >= table->options.subscriptions_limit)
        return hub_find(&table->hub, subscriber, channel, n_channel) ? COMMAND_EXISTS : COMMAND_LIMIT;
    int r = hub_subscribe(&table->hub, subscriber, channel, n_channel, request_id);
    if (r < 0)
        return COMMAND_NO_MEMORY;
    return r == HUB_EXISTS ? COMMAND_EXISTS : COMMAND_OK;
}

CommandResult command_unsubscribe(Session *session, const char *channel, size_t n_channel) {
    Hub *hub = &session->table->hub;
    CommandResult result = check(session, channel, n_channel, true);
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
    CommandResult result = check(session, channel, n_channel, table->options.clients_may_publish);
    if (result != COMMAND_OK)
        return result;
    if (n_payload > table->options.message_limit_bytes)
        return COMMAND_LIMIT;
    Message *message;
    if (message_new(&message, channel, n_channel, payload, n_payload) < 0)
        return COMMAND_NO_MEMORY;
    BrokerResult taken = table->broker->ops->publish(table->broker, message, session->id, request_id);
    message_unref(message);
    return taken == BROKER_OK ? COMMAND_OK : COMMAND_OVERLOADED;
}
