/* publish, broadcast, batch: all of a request is looked at before any of it is published. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialect/json_text.h"
#include "http/api_call.h"

enum { FANOUT_BYTES_MAX = 64 * 1024 * 1024 };

typedef struct Payload {
    const char *bytes;
    size_t n_bytes;
    char *owned;
} Payload;

/* Its place in the history is the only memory for a key that all nodes share. */
static bool can_be_keyed(const ApiCall *call, const char *channel) {
    return call->api->node->keeps_history(call->api->context, channel, strlen(channel));
}

static bool item_make(ApiCall *call, size_t item, const char *channel, const Payload *payload, const char *key) {
    Message *message;
    size_t n_key = key && can_be_keyed(call, channel) ? strlen(key) : 0;
    if (message_new_keyed(&message, channel, strlen(channel), payload->bytes, payload->n_bytes, key, n_key) < 0) {
        api_call_fail_memory(call);
        return false;
    }
    call->items[item].message = message;
    return true;
}

static void publish_all(ApiCall *call) {
    const Api *api = call->api;
    call->n_waiting += call->n_items;
    for (size_t i = 0; i < call->n_items; i++)
        api_call_asked(call, i, api->node->publish(api->context, call->items[i].message, call->id, i));
}

void api_start_publish(ApiCall *call) {
    static const char *const names[] = {"channel", "data", "text", "base64", "idempotency_key", NULL};
    const ApiObject root = api_input_root(&call->input);
    const char *channel = NULL;
    const char *key = NULL;
    Payload payload;
    api_input_members(&call->input, &root, names);
    api_input_channel(&call->input, &root, true, &channel);
    api_input_key(&call->input, &root, &key);
    api_input_payload(&call->input, &root, call->api->message_limit_bytes, &payload.bytes, &payload.n_bytes, &payload.owned);
    if (!api_input_is_good(&call->input) || !channel)
        api_call_fail_input(call);
    else if (api_call_choose_key(call, key) && api_call_claim(call) && api_call_make_items(call, 1) &&
             item_make(call, 0, channel, &payload, call->key))
        publish_all(call);
    free(payload.owned);
}

static int compare_names(const void *a, const void *b) {
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

/* A channel that is named twice would have its second message taken for the first, with a key. */
static void check_distinct(ApiCall *call, const ApiObject *root, const json_t *list) {
    size_t n_channels = json_array_size(list);
    const char **sorted = calloc(n_channels + 1, sizeof *sorted);
    if (!sorted) {
        call->input.has_no_memory = true;
        return;
    }
    for (size_t i = 0; i < n_channels; i++)
        sorted[i] = json_string_value(json_array_get(list, i));
    qsort(sorted, n_channels, sizeof *sorted, compare_names);
    for (size_t i = 1; i < n_channels; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0) {
            api_input_wrong(&call->input, root, "channels", "names a channel twice");
            break;
        }
    free(sorted);
}

static void read_channels(ApiCall *call, const ApiObject *root, const json_t *list) {
    bool is_good = true;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const ApiObject element = {.list = "channels", .index = i};
        if (api_input_is_channel(json_array_get(list, i)))
            continue;
        is_good = false;
        api_input_wrong(&call->input, &element, NULL, "must be a channel's name: 1 to 255 bytes without control characters");
    }
    if (is_good)
        check_distinct(call, root, list);
}

static void broadcast(ApiCall *call, const json_t *list, const Payload *payload) {
    if (!api_call_make_items(call, json_array_size(list)))
        return;
    for (size_t i = 0; i < call->n_items; i++)
        if (!item_make(call, i, json_string_value(json_array_get(list, i)), payload, call->key))
            return;
    publish_all(call);
}

void api_start_broadcast(ApiCall *call) {
    static const char *const names[] = {"channels", "data", "text", "base64", "idempotency_key", NULL};
    const ApiObject root = api_input_root(&call->input);
    const char *key = NULL;
    Payload payload;
    api_input_members(&call->input, &root, names);
    const json_t *list = api_input_list(&call->input, &root, "channels", API_ITEMS_MAX);
    read_channels(call, &root, list);
    api_input_key(&call->input, &root, &key);
    if (api_input_payload(&call->input, &root, call->api->message_limit_bytes, &payload.bytes, &payload.n_bytes,
                          &payload.owned) &&
        payload.n_bytes * json_array_size(list) > FANOUT_BYTES_MAX)
        api_input_wrong(&call->input, &root, "channels", "are too many for so large a payload: 64 MiB in all");
    if (!api_input_is_good(&call->input))
        api_call_fail_input(call);
    else if (api_call_choose_key(call, key) && api_call_claim(call))
        broadcast(call, list, &payload);
    free(payload.owned);
}

/* A message without a key of its own has one by its place in a request with a key, so that a second try does not repeat it. */
static const char *key_by_place(const ApiCall *call, size_t item, char *text, size_t n_text) {
    if (!call->key)
        return NULL;
    snprintf(text, n_text, "%s/%zu", call->key, item);
    return text;
}

/* One message of a batch is made when it is good; nothing is published before all of them are. */
static void read_message(ApiCall *call, const ApiObject *object, size_t item) {
    static const char *const names[] = {"channel", "data", "text", "base64", "idempotency_key", NULL};
    const char *channel = NULL;
    const char *key = NULL;
    char place_key[INPUT_KEY_MAX + 24];
    Payload payload;
    if (!json_is_object(object->value)) {
        api_input_wrong(&call->input, object, NULL, "must be an object");
        return;
    }
    api_input_members(&call->input, object, names);
    bool is_good = api_input_channel(&call->input, object, true, &channel);
    is_good &= api_input_payload(&call->input, object, call->api->message_limit_bytes, &payload.bytes, &payload.n_bytes,
                                 &payload.owned);
    if (api_input_key(&call->input, object, &key) && channel && !can_be_keyed(call, channel))
        api_input_wrong(&call->input, object, "idempotency_key",
                        "needs a channel with history: use the header Idempotency-Key");
    if (is_good && channel && api_input_is_good(&call->input))
        item_make(call, item, channel, &payload, key ? key : key_by_place(call, item, place_key, sizeof place_key));
    free(payload.owned);
}

static void read_messages(ApiCall *call, const ApiObject *root, const json_t *list) {
    const char *at;
    size_t n_text;
    if (!json_text_find(root->text, root->n_text, "messages", &at, &n_text)) {
        api_input_wrong(&call->input, root, "messages", "must be named without escapes");
        return;
    }
    const char *end = at + n_text;
    for (size_t i = 0; i < call->n_items && !call->is_answered; i++) {
        ApiObject object = {.value = json_array_get(list, i), .list = "messages", .index = i};
        json_text_next(&at, end, &object.text, &object.n_text);
        read_message(call, &object, i);
    }
}

void api_start_batch(ApiCall *call) {
    static const char *const names[] = {"messages", NULL};
    const ApiObject root = api_input_root(&call->input);
    api_input_members(&call->input, &root, names);
    const json_t *list = api_input_list(&call->input, &root, "messages", API_ITEMS_MAX);
    if (!api_call_choose_key(call, NULL) || (list && !api_call_make_items(call, json_array_size(list))))
        return;
    if (list)
        read_messages(call, &root, list);
    if (call->is_answered)
        return;
    if (!api_input_is_good(&call->input))
        api_call_fail_input(call);
    else if (api_call_claim(call))
        publish_all(call);
}

static void write_place(JsonWriter *writer, const ApiItem *item) {
    json_writer_name(writer, "channel");
    json_writer_text(writer, message_channel(item->message), item->message->n_channel);
    json_writer_name(writer, "position");
    json_writer_position(writer, item->position);
}

void api_finish_publish(ApiCall *call) {
    JsonWriter writer;
    if (!api_call_is_taken(call))
        return;
    json_writer_init(&writer, &call->out);
    json_writer_open(&writer, '{');
    write_place(&writer, &call->items[0]);
    json_writer_close(&writer, '}');
    api_call_succeed(call, &writer, true);
}

static void write_result(JsonWriter *writer, const ApiItem *item) {
    const ApiFailure failure = item->is_answered ? api_failure(item->result) : api_overdue;
    json_writer_open(writer, '{');
    if (item->is_answered && item->result == BROKER_OK) {
        write_place(writer, item);
    } else {
        json_writer_name(writer, "channel");
        json_writer_text(writer, message_channel(item->message), item->message->n_channel);
        json_writer_name(writer, "error");
        json_writer_open(writer, '{');
        json_writer_name(writer, "code");
        json_writer_string(writer, failure.code);
        json_writer_name(writer, "detail");
        json_writer_string(writer, failure.detail);
        json_writer_close(writer, '}');
    }
    json_writer_close(writer, '}');
}

void api_finish_results(ApiCall *call) {
    size_t n_failed = 0;
    for (size_t i = 0; i < call->n_items; i++)
        n_failed += !call->items[i].is_answered || call->items[i].result != BROKER_OK;
    if (n_failed == call->n_items && call->items[0].is_answered) {
        api_call_fail_broker(call, call->items[0].result);
        return;
    }
    if (n_failed == call->n_items) {
        api_call_fail_overdue(call);
        return;
    }
    JsonWriter writer;
    json_writer_init(&writer, &call->out);
    json_writer_open(&writer, '{');
    json_writer_name(&writer, "failed");
    json_writer_number(&writer, n_failed);
    json_writer_name(&writer, "results");
    json_writer_open(&writer, '[');
    for (size_t i = 0; i < call->n_items; i++)
        write_result(&writer, &call->items[i]);
    json_writer_close(&writer, ']');
    json_writer_close(&writer, '}');
    api_call_succeed(call, &writer, n_failed == 0);
}
