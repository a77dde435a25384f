/* What the broker says to the sessions of one worker. */
#include <string.h>

#include "base/clock.h"
#include "session/identity.h"
#include "session/session.h"
#include "session/table.h"

void session_table_deliver(SessionTable *table, const Message *message) {
    uint64_t n_before = counter_read(&table->hub.counters.deliveries);
    uint64_t began_ns = clock_now_ns();
    hub_deliver(&table->hub, message);
    histogram_add(&table->counters.fan_out_us, clock_us_since(began_ns));
    histogram_add(&table->counters.fan_out_deliveries, counter_read(&table->hub.counters.deliveries) - n_before);
}

void session_table_acknowledged(SessionTable *table, const char *channel, size_t n_channel, uint64_t token, BrokerResult result,
                                Position position) {
    hub_acknowledge(&table->hub, channel, n_channel, token, (int)result, position);
}

void session_table_gap(SessionTable *table, const char *channel, size_t n_channel, Position position) {
    hub_gap(&table->hub, channel, n_channel, position);
}

void session_table_overloaded(SessionTable *table) {
    hub_overloaded(&table->hub);
}

static Session *find_open(SessionTable *table, const BrokerReturn *to) {
    Session *session = session_table_find(table, to->session_id);
    return session && session->state == READY_STATE_OPEN ? session : NULL;
}

void session_table_published(SessionTable *table, const BrokerReturn *to, BrokerResult result, Position position) {
    Session *session = find_open(table, to);
    if (session)
        session->dialect->published(session, to->request_id, result, position);
}

/* The answer, then what was missed, then whatever is delivered from now on. */
static void resume(Session *session, Subscription *subscription, const HistoryReply *reply) {
    Channel *channel = subscription->channel;
    const HistoryReply lost = {.position = channel->position};
    if (!reply->is_recovered)
        reply = &lost;
    subscription->resume_token = 0;
    session->dialect->resumed(session, channel->name, subscription->request_id, reply);
    for (uint32_t i = 0; i < reply->n_messages && session->state == READY_STATE_OPEN; i++)
        (void)session_send_message(session, channel, reply->messages[i]); /* it counts what it refuses */
    hub_activate(&session->table->hub, subscription);
    identity_enter(session, subscription);
}

static void answer_resume(Session *session, const BrokerReturn *to, const char *channel, size_t n_channel,
                          const HistoryReply *reply) {
    Hub *hub = &session->table->hub;
    Subscription *subscription = hub_find(hub, &session->subscriber, channel, n_channel);
    if (!subscription || subscription->resume_token != to->request_id)
        return; /* it has unsubscribed meanwhile */
    if (reply->result == BROKER_OK) {
        resume(session, subscription, reply);
        return;
    }
    session->dialect->subscribe_refused(session, subscription->channel->name, subscription->request_id, reply->result);
    hub_unsubscribe(hub, subscription);
}

static const char *name_of(char name[CHANNEL_NAME_MAX + 1], const char *channel, size_t n_channel) {
    memcpy(name, channel, n_channel);
    name[n_channel] = '\0';
    return name;
}

void session_table_history(SessionTable *table, const BrokerReturn *to, const char *channel, size_t n_channel,
                           const HistoryReply *reply) {
    char name[CHANNEL_NAME_MAX + 1];
    Session *session = find_open(table, to);
    if (!session)
        return;
    if (to->request_id >> 63)
        answer_resume(session, to, channel, n_channel, reply);
    else
        session->dialect->history(session, name_of(name, channel, n_channel), to->request_id, reply);
}

void session_table_presence(SessionTable *table, const BrokerReturn *to, const char *channel, size_t n_channel,
                            const PresenceReply *reply) {
    char name[CHANNEL_NAME_MAX + 1];
    Session *session = find_open(table, to);
    if (session)
        session->dialect->presence(session, name_of(name, channel, n_channel), to->request_id, reply);
}
