/* The golden frames of proto/golden/frames.jsonl against the code: proto/README.md says what their lines hold. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/suite.h"
#include "base/base64.h"
#include "dialect/barker_v1_frames.h"
#include "dialect/dialect.h"
#include "fake_session.h"
#include "session/authenticate.h"

enum { LINES_MAX = 256 };

static json_t *lines[LINES_MAX];
static size_t n_lines;

static void load(void) {
    FILE *file = fopen(GOLDEN_FRAMES, "r");
    ck_assert_msg(file != NULL, "cannot open %s", GOLDEN_FRAMES);
    for (json_t *line; (line = json_loadf(file, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, NULL)); lines[n_lines++] = line)
        ck_assert_uint_lt(n_lines, LINES_MAX);
    ck_assert_int_eq(fgetc(file), EOF);
    fclose(file);
}

static void unload(void) {
    while (n_lines > 0)
        json_decref(lines[--n_lines]);
}

static const char *text_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    ck_assert_msg(json_is_string(value), "no %s in a golden frame", key);
    return json_string_value(value);
}

static uint64_t id_of(const json_t *object) {
    return (uint64_t)json_integer_value(json_object_get(object, "id"));
}

static bool goes(const json_t *line, const char *direction) {
    return strcmp(text_of(line, "direction"), direction) == 0;
}

/* The index of a word; the words are those of the enum that the index is taken for. */
static int index_of(const char *word, const char *const *words, size_t n_words) {
    for (size_t i = 0; i < n_words; i++)
        if (words[i] && strcmp(words[i], word) == 0)
            return (int)i;
    ck_abort_msg("a golden frame has the unknown result %s", word);
}

static CommandResult command_result_of(const json_t *given) {
    static const char *const words[] = {
        [COMMAND_EXISTS] = "exists",
        [COMMAND_BAD_CHANNEL] = "bad_channel",
        [COMMAND_FORBIDDEN] = "forbidden",
        [COMMAND_LIMIT] = "limit",
        [COMMAND_OVERLOADED] = "overloaded",
        [COMMAND_NOT_KEPT] = "not_kept",
        [COMMAND_UNAUTHORIZED] = "unauthorized",
        [COMMAND_BAD_TOKEN] = "bad_token",
        [COMMAND_TOKEN_EXPIRED] = "token_expired",
    };
    if (!json_object_get(given, "result"))
        return COMMAND_OK;
    return (CommandResult)index_of(text_of(given, "result"), words, N_ELEMENTS(words));
}

static int authenticate_result_of(const json_t *given) {
    static const char *const words[] = {
        [TOKEN_OK] = "ok",
        [TOKEN_BAD_SIGNATURE] = "bad_signature",
        [TOKEN_EXPIRED] = "expired",
        [AUTHENTICATE_OTHER_USER] = "other_user",
        [AUTHENTICATE_USER_LIMIT] = "user_limit",
    };
    return json_object_get(given, "auth") ? index_of(text_of(given, "auth"), words, N_ELEMENTS(words)) : TOKEN_OK;
}

static BrokerResult broker_result_of(const json_t *published) {
    static const char *const words[] = {
        [BROKER_OK] = "ok",
        [BROKER_UNAVAILABLE] = "unavailable",
        [BROKER_OVERLOADED] = "overloaded",
        [BROKER_REFUSED] = "refused",
    };
    return (BrokerResult)index_of(text_of(published, "result"), words, N_ELEMENTS(words));
}

/* A place under that name; epoch 0 when there is none. */
static Position place_of(const json_t *object, const char *name) {
    const json_t *place = json_object_get(object, name);
    if (!place)
        return (Position){0};
    return (Position){strtoull(text_of(place, "epoch"), NULL, 10), (uint64_t)json_integer_value(json_object_get(place, "seq"))};
}

static Message *message_of(const char *channel, const char *base64) {
    uint8_t payload[1024];
    ck_assert_uint_le(strlen(base64), sizeof(payload));
    ptrdiff_t n_payload = base64_decode(payload, base64, strlen(base64));
    ck_assert_int_ge(n_payload, 0);
    Message *message;
    ck_assert_int_eq(message_new(&message, channel, strlen(channel), payload, (size_t)n_payload), 0);
    return message;
}

static void send_message(FakeSession *fake, const json_t *message) {
    static const char *const kinds[] = {"data", "join", "leave"};
    Message *sent = message_of(text_of(message, "channel"), text_of(message, "payload_base64"));
    Frame *frame;
    sent->position = place_of(message, "position");
    if (json_object_get(message, "kind"))
        sent->kind = (MessageKind)index_of(text_of(message, "kind"), kinds, N_ELEMENTS(kinds));
    ck_assert_int_eq(dialect_barker_v1.encoder.encode(&frame, sent), 0);
    session_send(&fake->session, frame);
    frame_unref(frame);
    message_unref(sent);
}

static void send_gap(FakeSession *fake, const json_t *gap) {
    static const char *const words[GAP_REASONS] = {[GAP_BROKER] = "broker", [GAP_SLOW] = "slow", [GAP_NODE] = "node"};
    int reason = index_of(text_of(gap, "reason"), words, N_ELEMENTS(words));
    const char *name = text_of(gap, "channel");
    Channel *channel;
    Frame *frame;
    ck_assert_int_eq(channel_new(&channel, name, strlen(name), NULL, 1), 0);
    channel->position = place_of(gap, "position");
    ck_assert_int_eq(dialect_barker_v1.gap_frame(&frame, channel, (GapReason)reason), 0);
    session_send(&fake->session, frame);
    frame_unref(frame);
    channel_free(channel);
}

/* The answer to a resume or a history: messages that end at its position. */
static HistoryReply *history_reply_of(const json_t *given) {
    const json_t *payloads = json_object_get(given, "payloads_base64");
    uint32_t n_messages = (uint32_t)json_array_size(payloads);
    HistoryReply *reply = calloc(1, sizeof(*reply) + n_messages * sizeof(Message *));
    ck_assert_ptr_nonnull(reply);
    reply->is_recovered = json_is_true(json_object_get(given, "recovered"));
    reply->has_more = json_is_true(json_object_get(given, "more"));
    reply->position = place_of(given, "position");
    reply->n_messages = n_messages;
    for (uint32_t i = 0; i < n_messages; i++) {
        reply->messages[i] = message_of(text_of(given, "channel"), json_string_value(json_array_get(payloads, i)));
        reply->messages[i]->position = (Position){reply->position.epoch, reply->position.seq - n_messages + 1 + i};
    }
    return reply;
}

typedef void TakeHistory(Session *session, const char *channel, uint64_t request_id, const HistoryReply *reply);

static void answer_history(FakeSession *fake, const json_t *given, TakeHistory *take) {
    HistoryReply *reply = history_reply_of(given);
    take(&fake->session, text_of(given, "channel"), id_of(given), reply);
    for (uint32_t i = 0; i < reply->n_messages; i++)
        message_unref(reply->messages[i]);
    free(reply);
}

static void answer_presence(FakeSession *fake, const json_t *given) {
    enum { MEMBERS_MAX = 8 };
    PresenceMember members[MEMBERS_MAX];
    const json_t *list = json_object_get(given, "members");
    PresenceReply reply = {.n_members = (uint32_t)json_array_size(list), .members = members};
    ck_assert_uint_le(reply.n_members, MEMBERS_MAX);
    for (uint32_t i = 0; i < reply.n_members; i++) {
        const json_t *member = json_array_get(list, i);
        members[i].text = text_of(member, "member");
        members[i].n_text = (uint32_t)strlen(members[i].text);
        members[i].n_connections = (uint32_t)json_integer_value(json_object_get(member, "connections"));
    }
    dialect_barker_v1.presence(&fake->session, text_of(given, "channel"), id_of(given), &reply);
}

/* Does what a frame towards the client is said to follow from. */
static void act(FakeSession *fake, const json_t *given) {
    const DialectOps *ops = &dialect_barker_v1;
    const json_t *what;
    fake->command_result = command_result_of(given);
    fake->authenticate_result = authenticate_result_of(given);
    if ((what = json_object_get(given, "waiting")))
        fake_session_join(fake, text_of(what, "channel"), CHANNEL_PENDING, id_of(what));
    if (json_object_get(given, "request"))
        fake_session_receive(fake, text_of(given, "request"), strlen(text_of(given, "request")), false);
    if (json_object_get(given, "limited"))
        fake_session_limit(fake, text_of(given, "limited"));
    if (json_object_get(given, "opened"))
        ops->opened(&fake->session, NULL, 0);
    if ((what = json_object_get(given, "channel_of_url")))
        ops->opened(&fake->session, text_of(what, "channel"), strlen(text_of(what, "channel")) + 1);
    if ((what = json_object_get(given, "subscribed")))
        ops->subscribed(&fake->session, text_of(what, "channel"), id_of(what), place_of(what, "position"));
    if ((what = json_object_get(given, "given")))
        ops->given(&fake->session, text_of(what, "channel"), place_of(what, "position"));
    if ((what = json_object_get(given, "unsubscribed")))
        ops->unsubscribed(&fake->session, text_of(what, "channel"), id_of(what),
                          (uint16_t)json_integer_value(json_object_get(what, "code")), text_of(what, "reason"));
    if ((what = json_object_get(given, "resumed")))
        answer_history(fake, what, ops->resumed);
    if ((what = json_object_get(given, "subscribe_refused")))
        ops->subscribe_refused(&fake->session, text_of(what, "channel"), id_of(what), broker_result_of(what));
    if ((what = json_object_get(given, "published")))
        ops->published(&fake->session, id_of(what), broker_result_of(what), place_of(what, "position"));
    if ((what = json_object_get(given, "history")))
        answer_history(fake, what, ops->history);
    if ((what = json_object_get(given, "presence")))
        answer_presence(fake, what);
    if ((what = json_object_get(given, "message")))
        send_message(fake, what);
    if ((what = json_object_get(given, "gap")))
        send_gap(fake, what);
    if ((what = json_object_get(given, "closing")))
        ops->closing(&fake->session, (uint16_t)json_integer_value(json_object_get(what, "code")), text_of(what, "reason"),
                     (uint32_t)json_integer_value(json_object_get(what, "reconnect_after_ms")));
}

START_TEST(each_frame_to_the_client_is_what_the_code_sends) {
    load();
    for (size_t i = 0; i < n_lines; i++) {
        if (!goes(lines[i], "to_client"))
            continue;
        FakeSession fake;
        fake_session_init(&fake, &dialect_barker_v1);
        act(&fake, json_object_get(lines[i], "given"));
        char expected[1024];
        snprintf(expected, sizeof(expected), "sent %s\n", text_of(lines[i], "frame"));
        ck_assert_msg(strstr(fake_session_lines(&fake), expected) != NULL, "%s: %s is not in %s", text_of(lines[i], "name"),
                      expected, fake_session_lines(&fake));
        fake_session_finish(&fake);
    }
    unload();
}
END_TEST

static void expect_rest(FakeSession *fake, const json_t *command, int n_before) {
    char expected[256];
    const char *name = text_of(command, "name");
    Position since = place_of(command, "since");
    int n = 0;
    if (strcmp(name, "history") == 0)
        n = snprintf(expected, sizeof(expected), "%s limit %lld ", text_of(command, "order"),
                     json_integer_value(json_object_get(command, "limit")));
    if (strcmp(name, "history") != 0 && strcmp(name, "resume") != 0)
        return;
    snprintf(expected + n, sizeof(expected) - (size_t)n, "since %llu-%llu\n", (unsigned long long)since.epoch,
             (unsigned long long)since.seq);
    ck_assert_str_eq(fake_session_lines(fake) + n_before, expected);
}

static void expect_command(FakeSession *fake, const json_t *line) {
    const json_t *command = json_object_get(line, "command");
    char expected[1024];
    const char *name = text_of(command, "name");
    int n = snprintf(expected, sizeof(expected), "%s %s id %llu\n", name, text_of(command, "channel"),
                     (unsigned long long)id_of(command));
    ck_assert_uint_eq(fake->n_commands, 1);
    ck_assert_msg(strncmp(fake_session_lines(fake), expected, (size_t)n) == 0, "%s: %s", text_of(line, "name"),
                  fake_session_lines(fake));
    expect_rest(fake, command, n);
    if (strcmp(name, "publish") != 0)
        return;
    const char *base64 = text_of(command, "payload_base64");
    uint8_t payload[1024];
    ck_assert_uint_le(strlen(base64), sizeof(payload));
    ptrdiff_t n_payload = base64_decode(payload, base64, strlen(base64));
    ck_assert_int_ge(n_payload, 0);
    if (memchr(payload, 0, (size_t)n_payload))
        snprintf(expected, sizeof(expected), "payload base64 %s\n", base64);
    else
        snprintf(expected, sizeof(expected), "payload %.*s\n", (int)n_payload, (const char *)payload);
    ck_assert_str_eq(fake_session_lines(fake) + n, expected);
}

START_TEST(each_frame_to_the_server_leads_to_its_command) {
    load();
    for (size_t i = 0; i < n_lines; i++) {
        if (!goes(lines[i], "to_server"))
            continue;
        FakeSession fake;
        fake_session_init(&fake, &dialect_barker_v1);
        const char *frame = text_of(lines[i], "frame");
        fake_session_receive(&fake, frame, strlen(frame), false);
        if (json_is_null(json_object_get(lines[i], "command")))
            ck_assert_uint_eq(fake.n_commands, 0);
        else
            expect_command(&fake, lines[i]);
        ck_assert_ptr_null(strstr(fake_session_lines(&fake), "\"type\":\"error\""));
        fake_session_finish(&fake);
    }
    unload();
}
END_TEST

static bool has_frame_with(const char *direction, const char *part) {
    for (size_t i = 0; i < n_lines; i++)
        if (goes(lines[i], direction) && strstr(text_of(lines[i], "frame"), part))
            return true;
    return false;
}

START_TEST(each_error_code_has_a_golden_frame) {
    load();
    for (int error = BARKER_V1_OK + 1; error < BARKER_V1_ERRORS; error++) {
        char part[64];
        snprintf(part, sizeof(part), "\"code\":\"%s\"", barker_v1_error_code((BarkerV1Error)error));
        ck_assert_msg(has_frame_with("to_client", part), "%s", part);
    }
    unload();
}
END_TEST

START_TEST(each_type_has_a_golden_frame) {
    static const char *const to_server[] = {"subscribe", "unsubscribe", "publish", "history", "presence", "ping", "auth"};
    static const char *const to_client[] = {"welcome", "ok",    "error",      "message",      "history", "presence",
                                            "join",    "leave", "subscribed", "unsubscribed", "gap",     "closing"};
    load();
    char part[64];
    for (size_t i = 0; i < N_ELEMENTS(to_server); i++) {
        snprintf(part, sizeof(part), "\"type\":\"%s\"", to_server[i]);
        ck_assert_msg(has_frame_with("to_server", part), "%s", part);
    }
    for (size_t i = 0; i < N_ELEMENTS(to_client); i++) {
        snprintf(part, sizeof(part), "\"type\":\"%s\"", to_client[i]);
        ck_assert_msg(has_frame_with("to_client", part), "%s", part);
    }
    unload();
}
END_TEST

START_TEST(each_reason_of_a_gap_has_a_golden_frame) {
    static const char *const reasons[GAP_REASONS] = {"broker_reconnected", "slow_consumer", "node_overloaded"};
    load();
    for (size_t i = 0; i < N_ELEMENTS(reasons); i++)
        ck_assert_msg(has_frame_with("to_client", reasons[i]), "%s", reasons[i]);
    unload();
}
END_TEST

START_TEST(each_line_goes_one_of_the_two_ways) {
    load();
    for (size_t i = 0; i < n_lines; i++)
        ck_assert_msg(goes(lines[i], "to_server") != goes(lines[i], "to_client"), "%s", text_of(lines[i], "name"));
    unload();
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        each_frame_to_the_client_is_what_the_code_sends,
        each_frame_to_the_server_leads_to_its_command,
        each_error_code_has_a_golden_frame,
        each_type_has_a_golden_frame,
        each_reason_of_a_gap_has_a_golden_frame,
        each_line_goes_one_of_the_two_ways,
    };
    return run_suite("golden", tests, N_ELEMENTS(tests));
}
