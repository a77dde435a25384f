/* subscribe, unsubscribe, disconnect: said to every node through the broker. */
#include <string.h>

#include "http/api_call.h"
#include "hub/channel.h"

/* By the same rules as the nodes, which would carry out nothing for a name that no user can have. */
static void read_user(ApiInput *input, const ApiObject *root, Control *control) {
    if (api_input_text(input, root, "user", false, PRESENCE_USER_MAX, &control->user) &&
        !channel_name_is_valid(control->user, strlen(control->user)))
        api_input_wrong(input, root, "user", "must have no control characters");
}

static void read_control(ApiInput *input, const ApiObject *root, Control *control) {
    static const char *const names[] = {"user", "connection", "channel", "idempotency_key", NULL};
    static const char *const closing_names[] = {"user", "connection", "code", "reason", "idempotency_key", NULL};
    static const char *const leaving_names[] = {"user", "connection", "channel", "code", "reason", "idempotency_key", NULL};
    uint64_t code = 0;
    const char *const *known = control->kind == CONTROL_SUBSCRIBE    ? names
                               : control->kind == CONTROL_DISCONNECT ? closing_names
                                                                     : leaving_names;
    api_input_members(input, root, known);
    if (!json_object_get(root->value, "user") == !json_object_get(root->value, "connection"))
        api_input_wrong(input, root, NULL, "must have exactly one of user and connection");
    read_user(input, root, control);
    api_input_connection(input, root, &control->connection);
    if (control->kind != CONTROL_DISCONNECT)
        api_input_channel(input, root, true, &control->channel);
    if (known == names)
        return;
    api_input_number(input, root, "code", CONTROL_CODE_MIN, CONTROL_CODE_MAX, &code);
    api_input_text(input, root, "reason", false, CONTROL_REASON_MAX, &control->reason);
    control->code = (uint16_t)code;
}

static uint32_t length(const char *text) {
    return text ? (uint32_t)strlen(text) : 0;
}

static void start(ApiCall *call, ControlKind kind) {
    const ApiObject root = api_input_root(&call->input);
    const Api *api = call->api;
    Control control = {.kind = kind};
    const char *key = NULL;
    read_control(&call->input, &root, &control);
    api_input_key(&call->input, &root, &key);
    if (!api_input_is_good(&call->input)) {
        api_call_fail_input(call);
        return;
    }
    control.n_user = length(control.user);
    control.n_channel = length(control.channel);
    control.n_reason = length(control.reason);
    if (!api_call_choose_key(call, key) || !api_call_claim(call) || !api_call_make_items(call, 1))
        return;
    call->n_waiting++;
    api_call_asked(call, 0, api->node->control(api->context, &control, call->id, 0));
}

void api_start_subscribe(ApiCall *call) {
    start(call, CONTROL_SUBSCRIBE);
}

void api_start_unsubscribe(ApiCall *call) {
    start(call, CONTROL_UNSUBSCRIBE);
}

void api_start_disconnect(ApiCall *call) {
    start(call, CONTROL_DISCONNECT);
}

void api_finish_control(ApiCall *call) {
    JsonWriter writer;
    if (!api_call_is_taken(call))
        return;
    json_writer_init(&writer, &call->out);
    json_writer_open(&writer, '{');
    json_writer_name(&writer, "accepted");
    json_writer_boolean(&writer, true);
    json_writer_close(&writer, '}');
    api_call_succeed(call, &writer, true);
}
