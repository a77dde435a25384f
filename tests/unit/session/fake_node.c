#include "fake_node.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FakeNode node;

static const Namespaces open_namespaces = {.fallback = {.slow = SLOW_CLOSE, OPEN_TO_ALL}};

const SessionOptions fake_options = {
    .watchdog = {.handshake_ms = 10000,
                 .auth_ms = 10000,
                 .ping_ms = 25000,
                 .pong_ms = 10000,
                 .pong_grace_ms = 1000,
                 .stall_ms = 10000,
                 .expiry_grace_ms = 5000,
                 .linger_ms = 5000},
    .audit_ms = 30000,
    .outbox_limit_bytes = 100,
    .message_limit_bytes = 10000,
    .subscriptions_limit = 3,
    .history_limit = 300,
    .node_id = "test",
    .namespaces = &open_namespaces,
};

static void keep(char *text, const char *bytes, size_t n_bytes) {
    snprintf(text, FAKE_TEXT, "%.*s", (int)n_bytes, bytes);
}

static void port_want(BrokerPort *port, const char *channel, size_t n_channel, uint64_t token) {
    node.n_wants++;
    node.token = token;
    keep(node.channel, channel, n_channel);
}

static void port_unwant(BrokerPort *port, const char *channel, size_t n_channel) {
    node.n_unwants++;
    keep(node.channel, channel, n_channel);
}

static BrokerResult port_publish(BrokerPort *port, Message *message, const BrokerReturn *to) {
    node.n_publishes++;
    node.session_id = to->session_id;
    node.publish_request_id = to->request_id;
    keep(node.channel, message_channel(message), message->n_channel);
    keep(node.payload, message_payload(message), message->n_payload);
    return node.publish_answer;
}

static BrokerResult port_read(BrokerPort *port, const char *channel, size_t n_channel, const HistoryQuery *query,
                              const BrokerReturn *to) {
    node.n_reads++;
    node.query = *query;
    node.to = *to;
    keep(node.asked, channel, n_channel);
    return node.read_answer;
}

static BrokerResult port_presence(BrokerPort *port, const char *channel, size_t n_channel, const BrokerReturn *to) {
    node.n_asked++;
    node.to = *to;
    keep(node.asked, channel, n_channel);
    return node.read_answer;
}

static void port_present(BrokerPort *port, const PresenceChange *change) {
    node.n_entered += change->has_entered;
    node.n_left += !change->has_entered;
    keep(node.asked, change->channel, change->n_channel);
    keep(node.user, change->user, change->n_user);
    keep(node.member, change->member, change->n_member);
}

static const BrokerPortOps port_ops = {
    .want = port_want,
    .unwant = port_unwant,
    .publish = port_publish,
    .read = port_read,
    .presence = port_presence,
    .present = port_present,
};

static int dialect_encode(Frame **out, const Message *message) {
    return frame_new_copy(out, FRAME_TEXT, message_payload(message), message->n_payload);
}

static void dialect_opened(Session *session, const char *channels, size_t n_channels) {
    node.n_opened++;
}

static void dialect_received(Session *session, char *bytes, size_t n_bytes, bool is_binary) {
    node.n_received++;
    node.is_binary = is_binary;
    node.n_bytes = n_bytes;
    ck_assert_int_eq(bytes[n_bytes], '\0');
    keep(node.received, bytes, n_bytes);
    memset(bytes, 'x', n_bytes); /* it is scratch */
}

static void dialect_limited(Session *session, char *bytes, size_t n_bytes, bool is_binary) {
    node.n_limited++;
}

static void dialect_subscribed(Session *session, const char *channel, uint64_t request_id, Position position) {
    node.n_subscribed++;
    node.request_id = request_id;
    node.position = position;
}

static void dialect_resumed(Session *session, const char *channel, uint64_t request_id, const HistoryReply *reply) {
    node.n_resumed++;
    node.request_id = request_id;
    node.position = reply->position;
    node.is_recovered = reply->is_recovered;
    node_send(session, "resumed");
}

static void dialect_given(Session *session, const char *channel, Position position) {
    node.n_given++;
    node.position = position;
    keep(node.received, channel, strlen(channel));
}

static void dialect_unsubscribed(Session *session, const char *channel, uint64_t request_id, uint16_t code,
                                 const char *reason) {
    node.n_unsubscribed++;
    node.request_id = request_id;
    node.unsubscribed_code = code;
    keep(node.received, channel, strlen(channel));
    keep(node.unsubscribed_reason, reason, strlen(reason));
}

static void dialect_refused(Session *session, const char *channel, uint64_t request_id, BrokerResult result) {
    node.n_refused++;
    node.request_id = request_id;
    node.result = result;
}

static void dialect_published(Session *session, uint64_t request_id, BrokerResult result, Position position) {
    node.n_published++;
    node.request_id = request_id;
    node.result = result;
    node.position = position;
}

static void dialect_history(Session *session, const char *channel, uint64_t request_id, const HistoryReply *reply) {
    node.n_histories++;
    node.request_id = request_id;
    node.result = reply->result;
    keep(node.received, channel, strlen(channel));
}

static void dialect_presence(Session *session, const char *channel, uint64_t request_id, const PresenceReply *reply) {
    node.n_presences++;
    node.request_id = request_id;
    node.result = reply->result;
    node.n_members = reply->n_members;
    keep(node.received, channel, strlen(channel));
}

static int dialect_gap_frame(Frame **out, const Channel *channel, GapReason reason) {
    char text[FAKE_TEXT];
    node.n_gaps++;
    node.reason = reason;
    node.position = channel->position;
    return frame_new_copy(out, FRAME_TEXT, text, (size_t)snprintf(text, sizeof(text), "gap %s", channel->name));
}

static void dialect_closing(Session *session, uint16_t code, const char *reason, uint32_t reconnect_after_ms) {
    node.n_closing++;
    node.closing_code = code;
    node.reconnect_after_ms = reconnect_after_ms;
    if (reconnect_after_ms > node.longest_reconnect_ms)
        node.longest_reconnect_ms = reconnect_after_ms;
    if (node.last_words)
        session_send_text(session, node.last_words, strlen(node.last_words));
    if (node.closes_again) {
        session_close(session, CAUSE_FORBIDDEN);
        session_terminate(session, CAUSE_FORBIDDEN);
    }
}

const DialectOps fake_dialect = {
    .name = "fake",
    .encoder = {2, dialect_encode},
    .opened = dialect_opened,
    .received = dialect_received,
    .limited = dialect_limited,
    .subscribed = dialect_subscribed,
    .resumed = dialect_resumed,
    .given = dialect_given,
    .unsubscribed = dialect_unsubscribed,
    .subscribe_refused = dialect_refused,
    .published = dialect_published,
    .history = dialect_history,
    .presence = dialect_presence,
    .gap_frame = dialect_gap_frame,
    .closing = dialect_closing,
};

void node_begin(const SessionOptions *options) {
    memset(&node, 0, sizeof(node));
    node.port.ops = &port_ops;
    node.now_ms = 1000000;
    ck_assert_int_eq(session_table_init(&node.table, options, &node.port, 3, node.now_ms), 0);
}

void node_end(void) {
    session_table_finish(&node.table);
    for (int state = 0; state < READY_STATES; state++)
        ck_assert_uint_eq(counter_read(&node.table.counters.in_state[state]), 0);
    for (unsigned i = 0; i < FRAME_ENCODERS_MAX; i++)
        ck_assert_uint_eq(counter_read(&node.table.counters.in_dialect[i]), 0);
    ck_assert_uint_eq(counter_read(&node.table.counters.waiting.frames), 0);
    ck_assert_uint_eq(counter_read(&node.table.counters.waiting.bytes), 0);
    ck_assert_uint_eq(node.table.wheel.n_armed, 0);
    ck_assert_uint_eq(node.table.users.n_nodes, 0);
    ck_assert_uint_eq(node.n_wants, node.n_unwants);
    ck_assert_uint_eq(node.n_entered, node.n_left);
}

Session *node_connect(FakeTransport *fake) {
    Session *session;
    fake_transport_init(fake);
    ck_assert_int_eq(session_new(&session, &node.table, &fake->transport), 0);
    return session;
}

Session *node_open(FakeTransport *fake) {
    Session *session = node_connect(fake);
    session_open(session, &fake_dialect, "", 0);
    return session;
}

void node_pass(uint64_t n_ms) {
    for (uint64_t passed = 0; passed < n_ms; passed += WHEEL_TICK_MS) {
        node.now_ms += WHEEL_TICK_MS;
        session_table_tick(&node.table, node.now_ms);
        session_table_turn(&node.table);
    }
}

void node_turn(void) {
    session_table_turn(&node.table);
}

void node_answer(bool is_granted) {
    session_table_acknowledged(&node.table, node.channel, strlen(node.channel), node.token,
                               is_granted ? BROKER_OK : BROKER_REFUSED, (Position){5, 70});
}

void node_gap(const char *channel) {
    session_table_gap(&node.table, channel, strlen(channel), (Position){6, 2});
}

void node_read(const HistoryReply *reply) {
    session_table_history(&node.table, &node.to, node.asked, strlen(node.asked), reply);
}

HistoryReply *node_reply(uint64_t first, uint32_t n_messages) {
    HistoryReply *reply = calloc(1, sizeof(*reply) + n_messages * sizeof(Message *));
    ck_assert_ptr_nonnull(reply);
    reply->is_recovered = true;
    reply->position = (Position){5, first + n_messages - 1};
    reply->n_messages = n_messages;
    for (uint32_t i = 0; i < n_messages; i++) {
        char text[FAKE_TEXT];
        int n_text = snprintf(text, sizeof(text), "5-%llu", (unsigned long long)first + i);
        ck_assert_int_eq(message_new(&reply->messages[i], node.asked, strlen(node.asked), text, (size_t)n_text), 0);
        reply->messages[i]->position = (Position){5, first + i};
    }
    return reply;
}

void node_reply_free(HistoryReply *reply) {
    for (uint32_t i = 0; i < reply->n_messages; i++)
        message_unref(reply->messages[i]);
    free(reply);
}

void node_deliver(const char *channel, const char *payload) {
    Message *message;
    ck_assert_int_eq(message_new(&message, channel, strlen(channel), payload, strlen(payload)), 0);
    session_table_deliver(&node.table, message);
    message_unref(message);
}

void node_receive(Session *session, const char *text) {
    session_receive(session, text, strlen(text), true, true, false);
}

int node_send(Session *session, const char *text) {
    return session_send_text(session, text, strlen(text));
}

void assert_text(FakeTransport *fake, const char *text) {
    FakeFrame frame;
    ck_assert(fake_transport_next(fake, &frame));
    ck_assert_uint_eq(frame.opcode, FRAME_TEXT);
    ck_assert_uint_eq(frame.n_payload, strlen(text));
    ck_assert_mem_eq(frame.payload, text, frame.n_payload);
}

void assert_close(FakeTransport *fake, uint16_t code) {
    FakeFrame frame;
    ck_assert(fake_transport_next(fake, &frame));
    ck_assert_uint_eq(frame.opcode, FRAME_CLOSE);
    ck_assert_uint_eq(frame.code, code);
}

void assert_ping(FakeTransport *fake) {
    FakeFrame frame;
    ck_assert(fake_transport_next(fake, &frame));
    ck_assert_uint_eq(frame.opcode, FRAME_PING);
}

void assert_silence(FakeTransport *fake) {
    FakeFrame frame;
    ck_assert(!fake_transport_next(fake, &frame));
}

uint64_t count_closed(Cause cause) {
    return counter_read(&node.table.counters.closed[cause]);
}

uint64_t count_terminated(Cause cause) {
    return counter_read(&node.table.counters.terminated[cause]);
}
