#include "lifetimes_broker.h"

#include <string.h>

#include "session/control.h"

const char *const lifetimes_channels[N_CHANNELS] = {"a:", "b:", "c:", "d:"}; /* each a namespace of its own */

#define OPEN_TO_ALL .subscribe = ACCESS_ANYONE, .publish = ACCESS_ANYONE
static Namespace namespace_items[] = {
    {.name = "b", .slow = SLOW_DROP_OLDEST, .history_limit = 10, .has_presence = true, OPEN_TO_ALL},
    {.name = "c", .slow = SLOW_LATEST, .local_limit = 10, OPEN_TO_ALL},
    {.name = "d", .slow = SLOW_LATEST, .has_presence = true, OPEN_TO_ALL}};
const Namespaces lifetimes_namespaces = {
    .fallback = {OPEN_TO_ALL}, .items = namespace_items, .n_items = sizeof(namespace_items) / sizeof(namespace_items[0])};

static uint64_t tokens[N_CHANNELS];
static bool is_granted[N_CHANNELS]; /* the last want has been answered */

static void port_want(BrokerPort *port, const char *channel, size_t n_channel, uint64_t token) {
    lifetimes_broker.n_wants++;
    tokens[channel[0] - 'a'] = token;
    is_granted[channel[0] - 'a'] = false;
}

static void port_unwant(BrokerPort *port, const char *channel, size_t n_channel) {
    lifetimes_broker.n_unwants++;
}

static BrokerResult port_publish(BrokerPort *port, Message *message, const BrokerReturn *to) {
    return lifetimes_pick(2) ? BROKER_OK : BROKER_OVERLOADED;
}

/* A reading that the broker has taken; it answers each once, in whatever order. */
typedef struct Reading {
    BrokerReturn to;
    char channel;
    uint64_t token; /* of the interest that it came behind */
} Reading;

enum { READINGS_MAX = 64 };
static Reading readings[READINGS_MAX];
static uint32_t n_readings;

static BrokerResult port_read(BrokerPort *port, const char *channel, size_t n_channel, const HistoryQuery *query,
                              const BrokerReturn *to) {
    lifetimes_must(query->limit <= HISTORY_LIMIT && query->limit_bytes > 0, "a reading is bounded");
    if (n_readings == READINGS_MAX || lifetimes_pick(10) == 0)
        return BROKER_OVERLOADED;
    readings[n_readings++] = (Reading){.to = *to, .channel = channel[0], .token = tokens[channel[0] - 'a']};
    return BROKER_OK;
}

static BrokerResult port_presence(BrokerPort *port, const char *channel, size_t n_channel, const BrokerReturn *to) {
    return BROKER_OVERLOADED;
}

static void port_present(BrokerPort *port, const PresenceChange *change) {
    lifetimes_must(change->channel[0] == 'b' || change->channel[0] == 'd', "only where there is presence");
    lifetimes_must(change->n_user > 0 && change->n_member > change->n_user, "whoever enters has a name");
    lifetimes_broker.n_entered += change->has_entered;
    lifetimes_broker.n_left += !change->has_entered;
    lifetimes_must(lifetimes_broker.n_left <= lifetimes_broker.n_entered, "nobody leaves who has not entered");
}

static const BrokerPortOps port_ops = {.want = port_want,
                                       .unwant = port_unwant,
                                       .publish = port_publish,
                                       .read = port_read,
                                       .presence = port_presence,
                                       .present = port_present};
LifetimesBroker lifetimes_broker = {.port = {&port_ops}};

void lifetimes_deliver(SessionTable *table, const char *channel) {
    char text[LIFETIMES_TEXT];
    Message *message;
    size_t n_text = lifetimes_number(text);
    if (message_new(&message, channel, NAME_BYTES, text, n_text) < 0)
        return;
    message->kind = (MessageKind)lifetimes_pick(3);
    session_table_deliver(table, message);
    message_unref(message);
}

static char reply_space[sizeof(HistoryReply) + HISTORY_LIMIT * sizeof(Message *)] __attribute__((aligned(16)));

/* Of a resume, with messages numbered anew: what was delivered before is older on each wire. */
void lifetimes_answer_reading(SessionTable *table) {
    if (n_readings == 0)
        return;
    uint32_t i = lifetimes_pick(n_readings);
    Reading reading = readings[i];
    const char *name = lifetimes_channels[reading.channel - 'a'];
    HistoryReply *reply = (HistoryReply *)reply_space;
    if (!is_granted[reading.channel - 'a'] && reading.token == tokens[reading.channel - 'a'])
        return; /* the broker keeps its order: the want first */
    readings[i] = readings[--n_readings];
    *reply =
        (HistoryReply){.result = lifetimes_pick(10) ? BROKER_OK : BROKER_UNAVAILABLE, .is_recovered = lifetimes_pick(3) > 0};
    for (uint32_t k = lifetimes_pick(HISTORY_LIMIT + 1); reply->result == BROKER_OK && reply->is_recovered && k > 0; k--) {
        char text[LIFETIMES_TEXT];
        size_t n_text = lifetimes_number(text);
        if (message_new(&reply->messages[reply->n_messages], name, NAME_BYTES, text, n_text) == 0)
            reply->n_messages++;
    }
    session_table_history(table, &reading.to, name, NAME_BYTES, reply);
    for (uint32_t k = 0; k < reply->n_messages; k++)
        message_unref(reply->messages[k]);
}

void lifetimes_acknowledge(SessionTable *table, const char *channel) {
    int i = channel[0] - 'a';
    bool grants = lifetimes_pick(10) > 0;
    session_table_acknowledged(table, channel, NAME_BYTES, tokens[i], grants ? BROKER_OK : BROKER_UNAVAILABLE,
                               (Position){1, 1});
    is_granted[i] = true; /* a refused one has gone, and its next want is another */
}

void lifetimes_tell_gap(SessionTable *table, const char *channel) {
    if (lifetimes_pick(2))
        session_table_gap(table, channel, NAME_BYTES, (Position){1, 2});
    else
        session_table_overloaded(table);
}

void lifetimes_control(SessionTable *table, const char *channel) {
    const ControlKind kinds[] = {CONTROL_UNSUBSCRIBE, CONTROL_SUBSCRIBE, CONTROL_DISCONNECT};
    ControlKind kind = kinds[lifetimes_pick(40) ? lifetimes_pick(2) : 2];
    const Control control = {
        .kind = kind, .user = "u", .n_user = 1, .channel = channel, .n_channel = (uint32_t)strlen(channel)};
    size_t n_sessions = session_table_count(table);
    lifetimes_must(session_table_control(table, &control) <= n_sessions, "a command is carried out once on each");
}
