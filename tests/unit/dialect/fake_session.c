#include "fake_session.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/utf8.h"
#include "hub/channel.h"
#include "session/authenticate.h"

static const Namespace plain = {.slow = SLOW_CLOSE};

void fake_session_init(FakeSession *fake, const DialectOps *dialect) {
    *fake = (FakeSession){.command_result = COMMAND_OK};
    buf_init(&fake->lines, 1 << 20);
    subscriber_init(&fake->session.subscriber, &dialect->encoder);
    fake->session.state = READY_STATE_OPEN;
    fake->session.dialect = dialect;
    fake->session.table = &fake->table;
    fake->table.options.node_id = "node-1";
    fake->table.options.watchdog.ping_ms = 25000;
}

void fake_session_finish(FakeSession *fake) {
    ListNode *head = &fake->session.subscriber.subscriptions;
    while (!list_is_empty(head)) {
        Subscription *subscription = container_of(head->next, Subscription, link);
        Channel *channel = subscription->channel;
        subscription_free(subscription);
        channel_free(channel);
    }
    buf_finish(&fake->lines);
}

void fake_session_join(FakeSession *fake, const char *name, ChannelState state, uint64_t request_id) {
    Channel *channel;
    Subscription *subscription;
    ck_assert_int_eq(channel_new(&channel, name, strlen(name), &plain, 1), 0);
    ck_assert_int_eq(
        subscription_new(&subscription, channel, &fake->session.subscriber, &(SubscriptionRequest){.id = request_id}), 0);
    channel->state = state;
    channel->position = (Position){5, 70};
}

void fake_session_receive(FakeSession *fake, const void *bytes, size_t n_bytes, bool is_binary) {
    char *copy = malloc(n_bytes + 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, n_bytes);
    copy[n_bytes] = '\0';
    fake->session.dialect->received(&fake->session, copy, n_bytes, is_binary);
    free(copy);
}

void fake_session_limit(FakeSession *fake, const char *text) {
    char *copy = strdup(text);
    ck_assert_ptr_nonnull(copy);
    fake->session.dialect->limited(&fake->session, copy, strlen(text), false);
    free(copy);
}

const char *fake_session_lines(FakeSession *fake) {
    ck_assert_int_eq(buf_append(&fake->lines, "", 1), BUF_OK);
    fake->lines.n_bytes--;
    return (const char *)fake->lines.bytes;
}

void fake_session_clear(FakeSession *fake) {
    buf_clear(&fake->lines);
    fake->n_sent = 0;
    fake->n_commands = 0;
}

static FakeSession *fake_of(Session *session) {
    return (FakeSession *)session;
}

/* As it is when it can be read, else in base64. */
static void write_bytes(Buf *lines, const void *bytes, size_t n_bytes) {
    if (utf8_is_valid(bytes, n_bytes) && !memchr(bytes, 0, n_bytes)) {
        ck_assert_int_eq(buf_append(lines, bytes, n_bytes), BUF_OK);
    } else {
        char *text = malloc(base64_encoded_size(n_bytes) + 1);
        ck_assert_ptr_nonnull(text);
        base64_encode(text, bytes, n_bytes);
        text[base64_encoded_size(n_bytes)] = '\0';
        ck_assert_int_eq(buf_append_format(lines, "base64 %s", text), BUF_OK);
        free(text);
    }
    ck_assert_int_eq(buf_append_text(lines, "\n"), BUF_OK);
}

static void write_close(Session *session, Cause cause, uint16_t code, const char *reason) {
    static const char *const words[CAUSE_COUNT] = {
        [CAUSE_MESSAGE_TOO_BIG] = "message_too_big", [CAUSE_FORBIDDEN] = "forbidden", [CAUSE_DISCONNECTED] = "disconnected",
        [CAUSE_USER_LIMIT] = "user_limit",           [CAUSE_BROKER] = "broker",       [CAUSE_OUT_OF_MEMORY] = "out_of_memory",
    };
    ck_assert_ptr_nonnull(words[cause]);
    ck_assert_int_eq(buf_append_format(&fake_of(session)->lines, "close %s %u %s\n", words[cause], code, reason), BUF_OK);
    session->state = READY_STATE_CLOSING;
}

int session_send(Session *session, Frame *frame) {
    FakeSession *fake = fake_of(session);
    size_t n_header = frame->bytes[1] < 126 ? 2 : frame->bytes[1] == 126 ? 4 : 10;
    ck_assert_uint_eq(frame->bytes[0] & 0x0f, FRAME_TEXT);
    ck_assert_int_eq(buf_append_text(&fake->lines, "sent "), BUF_OK);
    write_bytes(&fake->lines, frame->bytes + n_header, frame->n_bytes - n_header);
    fake->n_sent++;
    return SESSION_SENT;
}

void session_close(Session *session, Cause cause) {
    write_close(session, cause, 0, "");
}

void session_close_with(Session *session, Cause cause, uint16_t code, const char *reason) {
    write_close(session, cause, code, reason);
}

const char *session_id_text(const Session *session, char text[24]) {
    return memcpy(text, "100000001", sizeof("100000001"));
}

static CommandResult write_command(Session *session, const char *command, const char *channel, size_t n_channel,
                                   uint64_t request_id) {
    FakeSession *fake = fake_of(session);
    ck_assert_int_eq(
        buf_append_format(&fake->lines, "%s %.*s id %llu\n", command, (int)n_channel, channel, (unsigned long long)request_id),
        BUF_OK);
    fake->n_commands++;
    return fake->command_result;
}

CommandResult command_subscribe(Session *session, const char *channel, size_t n_channel, uint64_t request_id) {
    return write_command(session, "subscribe", channel, n_channel, request_id);
}

CommandResult command_subscribe_by(Session *session, const char *channel, size_t n_channel, uint64_t request_id, Position since,
                                   const char *token, size_t n_token) {
    CommandResult result = write_command(session, since.epoch ? "resume" : "subscribe", channel, n_channel, request_id);
    ck_assert_int_eq(buf_append_format(&fake_of(session)->lines, "token %.*s\n", (int)n_token, token), BUF_OK);
    return result;
}

int session_authenticate(Session *session, const char *text, size_t n_text) {
    FakeSession *fake = fake_of(session);
    ck_assert_int_eq(buf_append_format(&fake->lines, "auth %.*s\n", (int)n_text, text), BUF_OK);
    session->token = fake->authenticate_result == 0 ? fake->token : NULL;
    return fake->authenticate_result;
}

const char *authenticate_result_name(int result) {
    return result == TOKEN_EXPIRED ? "expired" : "bad_signature";
}

static void write_place(Session *session, const char *name, Position position) {
    ck_assert_int_eq(buf_append_format(&fake_of(session)->lines, "%s %llu-%llu\n", name, (unsigned long long)position.epoch,
                                       (unsigned long long)position.seq),
                     BUF_OK);
}

CommandResult command_resume(Session *session, const char *channel, size_t n_channel, uint64_t request_id, Position since) {
    CommandResult result = write_command(session, "resume", channel, n_channel, request_id);
    write_place(session, "since", since);
    return result;
}

CommandResult command_history(Session *session, const char *channel, size_t n_channel, const HistoryQuery *query,
                              uint64_t request_id) {
    static const char *const orders[] = {[HISTORY_FORWARD] = "forward", [HISTORY_REVERSE] = "reverse"};
    CommandResult result = write_command(session, "history", channel, n_channel, request_id);
    ck_assert_int_eq(
        buf_append_format(&fake_of(session)->lines, "%s limit %lu ", orders[query->order], (unsigned long)query->limit),
        BUF_OK);
    write_place(session, "since", query->since);
    return result;
}

CommandResult command_presence(Session *session, const char *channel, size_t n_channel, uint64_t request_id) {
    return write_command(session, "presence", channel, n_channel, request_id);
}

CommandResult command_unsubscribe(Session *session, const char *channel, size_t n_channel) {
    return write_command(session, "unsubscribe", channel, n_channel, 0);
}

CommandResult command_publish(Session *session, const char *channel, size_t n_channel, const void *payload, size_t n_payload,
                              uint64_t request_id) {
    CommandResult result = write_command(session, "publish", channel, n_channel, request_id);
    ck_assert_int_eq(buf_append_text(&fake_of(session)->lines, "payload "), BUF_OK);
    write_bytes(&fake_of(session)->lines, payload, n_payload);
    return result;
}
