/* The dialect barker.v1 above a fake session: the input's first byte says what the session's commands answer, the rest is one
   message of a client. Each has one answer, or leads to one command that will be answered. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "dialect/dialect.h"
#include "dialect/json_text.h"
#include "fuzz.h"
#include "hub/channel.h"
#include "session/authenticate.h"
#include "session/commands.h"
#include "session/table.h"

enum { ANSWERS = 16, ANSWER_BINARY = 15 };

static SessionTable table = {.options = {.node_id = "node-1", .watchdog = {.ping_ms = 25000}}};
static Session session = {.table = &table};
static CommandResult command_result;
static unsigned n_sent, n_commands;
static uint64_t sum;

static void check_frame(const char *text, size_t n_text) {
    fuzz_must(utf8_is_valid(text, n_text), "what is sent is UTF-8");
    json_t *frame = json_loadb(text, n_text, JSON_REJECT_DUPLICATES, NULL);
    fuzz_must(json_is_string(json_object_get(frame, "type")), "what is sent is a JSON object with a type");
    json_decref(frame);
}

int session_send(Session *to, Frame *frame) {
    size_t n_header = frame->bytes[1] < 126 ? 2 : frame->bytes[1] == 126 ? 4 : 10;
    fuzz_must((frame->bytes[0] & 0x0f) == FRAME_TEXT, "a frame of barker.v1 is text");
    check_frame((const char *)frame->bytes + n_header, frame->n_bytes - n_header);
    n_sent++;
    return SESSION_SENT;
}

void session_close(Session *to, Cause cause) {
    to->state = READY_STATE_CLOSING;
}

void session_close_with(Session *to, Cause cause, uint16_t code, const char *reason) {
    to->state = READY_STATE_CLOSING;
}

const char *session_id_text(const Session *of, char text[SESSION_ID_TEXT]) {
    return memcpy(text, "100000001", sizeof "100000001");
}

static CommandResult command(const char *channel, size_t n_channel, uint64_t request_id) {
    for (size_t i = 0; i < n_channel; i++)
        sum += (uint8_t)channel[i];
    fuzz_must(request_id > 0 && request_id < UINT64_C(1) << 53, "a command has the id of its request");
    n_commands++;
    return command_result;
}

CommandResult command_subscribe(Session *by, const char *channel, size_t n_channel, uint64_t request_id) {
    return command(channel, n_channel, request_id);
}

CommandResult command_resume(Session *by, const char *channel, size_t n_channel, uint64_t request_id, Position since) {
    return command(channel, n_channel, request_id);
}

CommandResult command_subscribe_by(Session *by, const char *channel, size_t n_channel, uint64_t request_id, Position since,
                                   const char *token, size_t n_token) {
    for (size_t i = 0; i < n_token; i++)
        sum += (uint8_t)token[i];
    return command(channel, n_channel, request_id);
}

int session_authenticate(Session *by, const char *text, size_t n_text) {
    for (size_t i = 0; i < n_text; i++)
        sum += (uint8_t)text[i];
    return command_result == COMMAND_NO_MEMORY ? -ENOMEM : (int)command_result;
}

const char *authenticate_result_name(int result) {
    return "a_word";
}

CommandResult command_history(Session *by, const char *channel, size_t n_channel, const HistoryQuery *query,
                              uint64_t request_id) {
    fuzz_must(query->order == HISTORY_FORWARD || query->order == HISTORY_REVERSE, "a history is read this way or that");
    return command(channel, n_channel, request_id);
}

CommandResult command_presence(Session *by, const char *channel, size_t n_channel, uint64_t request_id) {
    return command(channel, n_channel, request_id);
}

CommandResult command_unsubscribe(Session *by, const char *channel, size_t n_channel) {
    return command(channel, n_channel, 1);
}

CommandResult command_publish(Session *by, const char *channel, size_t n_channel, const void *payload, size_t n_payload,
                              uint64_t request_id) {
    for (size_t i = 0; i < n_payload; i++)
        sum += ((const uint8_t *)payload)[i];
    return command(channel, n_channel, request_id);
}

static void join(Subscription **out, ChannelState state) {
    static const Namespace plain = {.slow = SLOW_CLOSE};
    Channel *channel;
    fuzz_must(channel_new(&channel, "chat:1", 6, &plain, 1) == 0 &&
                  subscription_new(out, channel, &session.subscriber, &(SubscriptionRequest){.id = 7}) == 0,
              "there is memory");
    channel->state = state;
}

static void leave(Subscription *subscription) {
    Channel *channel = subscription->channel;
    subscription_free(subscription);
    channel_free(channel);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    FuzzInput input = {(const char *)bytes, n_bytes};
    unsigned answer = fuzz_take_byte(&input) % ANSWERS;
    if (answer != ANSWER_BINARY && input.n_bytes && !utf8_is_valid(input.bytes, input.n_bytes))
        return 0; /* the session refuses it */
    Subscription *subscription;
    subscriber_init(&session.subscriber, &dialect_barker_v1.encoder);
    join(&subscription, answer % 2 ? CHANNEL_ACTIVE : CHANNEL_PENDING);
    command_result = answer <= COMMAND_NO_MEMORY ? (CommandResult)answer : COMMAND_OK;
    session.state = READY_STATE_OPEN;
    n_sent = n_commands = 0;
    char *message = fuzz_copy_text(input.bytes, input.n_bytes);
    dialect_barker_v1.received(&session, message, input.n_bytes, answer == ANSWER_BINARY);
    free(message);
    bool is_closed = session.state != READY_STATE_OPEN;
    fuzz_must(n_commands <= 1, "a message is one command at most");
    fuzz_must(is_closed || n_sent + n_commands >= 1, "a message has an answer");
    fuzz_must(is_closed || command_result == COMMAND_OK || n_sent >= 1, "what a command refuses is answered");
    fuzz_must(n_sent <= 2, "there is one answer, and one to what an unsubscribe cancels");
    bool is_json = input.n_bytes && json_text_is_valid(input.bytes, input.n_bytes);
    fuzz_must(is_json || n_commands == 0, "what is no JSON leads to no command");
    leave(subscription);
    return 0;
}
