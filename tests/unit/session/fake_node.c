#include "fake_node.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

FakeNode node;

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
    .clients_may_subscribe = true,
    .clients_may_publish = true,
    .node_id = "test",
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

static BrokerResult port_publish(BrokerPort *port, Message *message, uint64_t session_id, uint64_t request_id) {
    node.n_publishes++;
    node.session_id = session_id;
    node.publish_request_id = request_id;
    keep(node.channel, message_channel(message), message->n_channel);
    keep(node.payload, message_payload(message), message->n_payload);
    return node.publish_answer;
}

static const BrokerPortOps port_ops = {port_want, port_unwant, port_publish};

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

static void dialect_subscribed(Session *session, const char *channel, uint64_t request_id) {
    node.n_subscribed++;
    node.request_id = request_id;
}

static void dialect_refused(Session *session, const char *channel, uint64_t request_id) {
    node.n_refused++;
    node.request_id = request_id;
}

static void dialect_published(Session *session, uint64_t request_id, BrokerResult result) {
    node.n_published++;
    node.request_id = request_id;
    node.result = result;
}

static int dialect_gap_frame(Frame **out, const char *channel, GapReason reason) {
    char text[FAKE_TEXT];
    node.n_gaps++;
    node.reason = reason;
    return frame_new_copy(out, FRAME_TEXT, text, (size_t)snprintf(text, sizeof(text), "gap %s", channel));
}

static void dialect_closing(Session *session, uint16_t code, const char *reason) {
    node.n_closing++;
    node.closing_code = code;
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
    .subscribed = dialect_subscribed,
    .subscribe_refused = dialect_refused,
    .published = dialect_published,
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
    ck_assert_uint_eq(node.table.wheel.n_armed, 0);
    ck_assert_uint_eq(node.n_wants, node.n_unwants);
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
    hub_acknowledge(&node.table.hub, node.channel, strlen(node.channel), node.token, is_granted);
}

void node_deliver(const char *channel, const char *payload) {
    Message *message;
    ck_assert_int_eq(message_new(&message, channel, strlen(channel), payload, strlen(payload)), 0);
    hub_deliver(&node.table.hub, message);
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
