/* history and presence, of the broker. */
#include <string.h>

#include "base/utf8.h"
#include "dialect/json_text.h"
#include "http/api_call.h"

enum { HISTORY_DEFAULT = 100, HISTORY_MAX = 1000, HISTORY_BYTES_MAX = 8 * 1024 * 1024 };

static void read_order(ApiInput *input, const ApiObject *root, HistoryOrder *order) {
    const char *text;
    if (!api_input_text(input, root, "order", false, 16, &text))
        return;
    if (strcmp(text, "reverse") == 0)
        *order = HISTORY_REVERSE;
    else if (strcmp(text, "forward") != 0)
        api_input_wrong(input, root, "order", "must be forward or reverse");
}

static void call_keep_channel(ApiCall *call, const char *channel) {
    memcpy(call->channel, channel, strlen(channel) + 1); /* of at most CHANNEL_NAME_MAX */
}

/* The one question of the call. */
static void call_ask(ApiCall *call, BrokerResult result) {
    if (result == BROKER_OK)
        return;
    call->result = result;
    call->n_waiting--;
}

void api_start_history(ApiCall *call) {
    static const char *const names[] = {"channel", "limit", "since", "order", NULL};
    static const char *const parameters[] = {"channel", "limit", "since_epoch", "since_seq", "order", NULL};
    const ApiObject root = api_input_root(&call->input);
    const Api *api = call->api;
    const char *channel = NULL;
    uint64_t limit = HISTORY_DEFAULT;
    HistoryQuery query = {.order = HISTORY_FORWARD, .limit_bytes = HISTORY_BYTES_MAX};
    api_input_members(&call->input, &root, call->input.is_query ? parameters : names);
    api_input_channel(&call->input, &root, true, &channel);
    api_input_number(&call->input, &root, "limit", 0, HISTORY_MAX, &limit);
    api_input_since(&call->input, &root, &query.since);
    read_order(&call->input, &root, &query.order);
    if (!api_input_is_good(&call->input)) {
        api_call_fail_input(call);
        return;
    }
    query.limit = (uint32_t)limit;
    call_keep_channel(call, channel);
    call->n_waiting++;
    call_ask(call, api->node->read(api->context, channel, strlen(channel), &query, call->id));
}

static void write_channel(const ApiCall *call, JsonWriter *writer) {
    json_writer_name(writer, "channel");
    json_writer_string(writer, call->channel);
}

static void write_history(JsonWriter *writer, const ApiCall *call, const HistoryReply *reply) {
    json_writer_open(writer, '{');
    write_channel(call, writer);
    json_writer_name(writer, "recovered");
    json_writer_boolean(writer, reply->is_recovered);
    json_writer_name(writer, "more");
    json_writer_boolean(writer, reply->has_more);
    json_writer_name(writer, "position");
    json_writer_position(writer, reply->position);
    json_writer_name(writer, "messages");
    json_writer_open(writer, '[');
    for (uint32_t i = 0; i < reply->n_messages; i++) {
        const Message *message = reply->messages[i];
        json_writer_open(writer, '{');
        json_writer_name(writer, "position");
        json_writer_position(writer, message->position);
        json_writer_payload(writer, message_payload(message), message->n_payload);
        json_writer_close(writer, '}');
    }
    json_writer_close(writer, ']');
    json_writer_close(writer, '}');
}

/* The reply is gone after the call, so its text is written at once. */
static ApiCall *find_reading(Api *api, uint64_t id, JsonWriter *writer) {
    ApiCall *call = api_find_call(api, id);
    if (call)
        json_writer_init(writer, &call->out);
    return call;
}

static void reading_answered(ApiCall *call, const JsonWriter *writer, BrokerResult result) {
    call->result = result;
    if (result == BROKER_OK && writer->error != 0)
        api_call_succeed(call, writer, false); /* says why not */
    api_call_answered(call);
}

void api_history(Api *api, uint64_t id, const HistoryReply *reply) {
    JsonWriter writer;
    ApiCall *call = find_reading(api, id, &writer);
    if (!call)
        return;
    if (reply->result == BROKER_OK)
        write_history(&writer, call, reply);
    reading_answered(call, &writer, reply->result);
}

void api_start_presence(ApiCall *call) {
    static const char *const names[] = {"channel", NULL};
    const ApiObject root = api_input_root(&call->input);
    const Api *api = call->api;
    const char *channel = NULL;
    api_input_members(&call->input, &root, names);
    api_input_channel(&call->input, &root, true, &channel);
    if (!api_input_is_good(&call->input)) {
        api_call_fail_input(call);
        return;
    }
    if (!api->node->keeps_presence(api->context, channel, strlen(channel))) {
        api_call_fail(call, 404, "no_presence", "The channel's namespace keeps no presence.");
        return;
    }
    call_keep_channel(call, channel);
    call->n_waiting++;
    call_ask(call, api->node->presence(api->context, channel, strlen(channel), call->id));
}

/* Members come from the broker, where others may have written. */
static void write_member(JsonWriter *writer, const PresenceMember *member) {
    const char *info;
    size_t n_info;
    if (!utf8_is_valid(member->text, member->n_text) || !json_text_is_valid(member->text, member->n_text))
        return;
    json_writer_open(writer, '{');
    json_writer_name(writer, "user");
    json_writer_text(writer, member->user, member->n_user);
    if (json_text_find(member->text, member->n_text, "info", &info, &n_info)) {
        json_writer_name(writer, "info");
        json_writer_raw(writer, info, n_info);
    }
    json_writer_name(writer, "connections");
    json_writer_number(writer, member->n_connections);
    json_writer_close(writer, '}');
}

void api_presence(Api *api, uint64_t id, const PresenceReply *reply) {
    JsonWriter writer;
    ApiCall *call = find_reading(api, id, &writer);
    if (!call)
        return;
    if (reply->result == BROKER_OK) {
        json_writer_open(&writer, '{');
        write_channel(call, &writer);
        json_writer_name(&writer, "members");
        json_writer_open(&writer, '[');
        for (uint32_t i = 0; i < reply->n_members; i++)
            write_member(&writer, &reply->members[i]);
        json_writer_close(&writer, ']');
        json_writer_close(&writer, '}');
    }
    reading_answered(call, &writer, reply->result);
}

void api_finish_history(ApiCall *call) {
    const Api *api = call->api;
    bool is_refused = !call->is_overdue && call->result == BROKER_REFUSED;
    if (is_refused && !api->node->keeps_history(api->context, call->channel, strlen(call->channel)))
        api_call_fail(call, 404, "no_history", "The channel's namespace keeps no history.");
    else
        api_finish_presence(call);
}

void api_finish_presence(ApiCall *call) {
    const JsonWriter written = {.out = &call->out};
    if (call->is_overdue)
        api_call_fail_overdue(call);
    else if (call->result != BROKER_OK)
        api_call_fail_broker(call, call->result);
    else
        api_call_succeed(call, &written, false);
}
