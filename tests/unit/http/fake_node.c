#include "fake_node.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/api_keys.h"

__attribute__((format(printf, 2, 3))) static void note(FakeNode *node, const char *format, ...) {
    va_list arguments;
    size_t n = strlen(node->asked);
    va_start(arguments, format);
    vsnprintf(node->asked + n, sizeof node->asked - n, format, arguments);
    va_end(arguments);
}

static void open_call(FakeNode *node, uint64_t call, uint64_t item) {
    if (node->n_open == FAKE_CALLS_MAX)
        return;
    node->calls[node->n_open] = call;
    node->items[node->n_open++] = item;
}

static BrokerResult take(FakeNode *node, uint64_t call, uint64_t item, Position position) {
    if (node->taken != BROKER_OK)
        return node->taken;
    if (node->answers_at_once)
        api_published(node->api, call, item, node->result, position);
    else
        open_call(node, call, item);
    return BROKER_OK;
}

static bool is_kept(const char *channel) {
    return strncmp(channel, "chat:", 5) == 0;
}

static BrokerResult fake_publish(void *context, Message *message, uint64_t call, uint64_t item) {
    FakeNode *node = context;
    note(node, "publish %s %.*s", message_channel(message), (int)message->n_payload, message_payload(message));
    if (message->n_id)
        note(node, " [%.*s]", (int)message->n_id, message_id(message));
    note(node, "\n");
    bool has_place = is_kept(message_channel(message));
    return take(node, call, item, (Position){has_place ? 7 : 0, has_place ? ++node->seq : 0});
}

static BrokerResult fake_read(void *context, const char *channel, size_t n_channel, const HistoryQuery *query, uint64_t call) {
    FakeNode *node = context;
    note(node, "read %.*s since %llu %llu limit %u order %d\n", (int)n_channel, channel, (unsigned long long)query->since.epoch,
         (unsigned long long)query->since.seq, query->limit, query->order);
    if (!is_kept(channel))
        return BROKER_REFUSED;
    open_call(node, call, 0);
    return node->taken;
}

static BrokerResult fake_presence(void *context, const char *channel, size_t n_channel, uint64_t call) {
    FakeNode *node = context;
    note(node, "presence %.*s\n", (int)n_channel, channel);
    open_call(node, call, 0);
    return node->taken;
}

static BrokerResult fake_control(void *context, const Control *control, uint64_t call, uint64_t item) {
    FakeNode *node = context;
    node->control = *control;
    note(node, "control %d %.*s %llx %.*s %u %.*s\n", control->kind, (int)control->n_user, control->n_user ? control->user : "",
         (unsigned long long)control->connection, (int)control->n_channel, control->n_channel ? control->channel : "",
         control->code, (int)control->n_reason, control->n_reason ? control->reason : "");
    return take(node, call, item, (Position){0});
}

static int fake_survey(void *context, Survey *survey, uint64_t call) {
    FakeNode *node = context;
    note(node, "survey %d %u %llx %.*s\n", survey->kind, survey->limit, (unsigned long long)survey->connection,
         (int)survey->n_text, survey->text);
    open_call(node, call, 0);
    return node->surveyed;
}

static void fake_info(void *context, NodeInfo *info) {
    const FakeNode *node = context;
    *info =
        (NodeInfo){.node_id = "n1", .version = "1.2", .broker = "redis", .is_broker_up = true, .n_workers = node->n_workers};
    info->connections[1] = 12;
    info->links[info->n_links++] = (NodeLink){.server = "10.0.0.1:6379", .is_up = true, .canary_lag_ms = 3, .times_down = 2};
    info->links[info->n_links++] = (NodeLink){.server = "/run/redis.sock"};
}

static NodeHealth fake_health(void *context) {
    return (NodeHealth){.unready = "draining"};
}

static int fake_metrics(void *context, Buf *out) {
    return 0;
}

static unsigned fake_scopes(void *context, const char *authorization) {
    const FakeNode *node = context;
    return node->scopes;
}

static bool fake_keeps(void *context, const char *channel, size_t n_channel) {
    return is_kept(channel);
}

static void fake_respond(void *context, uint64_t exchange, const HttpResponse *response) {
    FakeNode *node = context;
    free(node->body);
    node->n_responses++;
    node->exchange = exchange;
    node->status = response->status;
    snprintf(node->content_type, sizeof node->content_type, "%s", response->content_type);
    snprintf(node->headers, sizeof node->headers, "%s", response->headers ? response->headers : "");
    node->n_body = response->n_body;
    node->body = malloc(response->n_body + 1);
    memcpy(node->body, response->body, response->n_body);
    node->body[response->n_body] = '\0';
    const char *again = node->again;
    node->again = NULL;
    if (again)
        fake_node_request(node, "/api/v1/publish", again, "k");
}

const NodeOps fake_node_ops = {
    .publish = fake_publish,
    .read = fake_read,
    .presence = fake_presence,
    .control = fake_control,
    .survey = fake_survey,
    .info = fake_info,
    .health = fake_health,
    .metrics = fake_metrics,
    .scopes = fake_scopes,
    .keeps_history = fake_keeps,
    .keeps_presence = fake_keeps,
    .respond = fake_respond,
};

void fake_node_start(FakeNode *node) {
    *node = (FakeNode){.scopes = API_ALL, .n_workers = 2};
    if (api_new(&node->api, &fake_node_ops, node, 1000, 1024) < 0)
        abort();
}

void fake_node_stop(FakeNode *node) {
    node->api = api_free(node->api);
    free(node->body);
    node->body = NULL;
}

/* Parameters as the server hands them over: each with a NUL behind it. */
static char *split_query(const char *query, size_t *n_parameters) {
    size_t n = strlen(query);
    char *parameters = calloc(1, n + 2);
    memcpy(parameters, query, n);
    for (size_t i = 0; i < n; i++)
        if (parameters[i] == '&')
            parameters[i] = '\0';
    *n_parameters = n ? n + 1 : 0;
    return parameters;
}

void fake_node_request(FakeNode *node, const char *url, const char *body, const char *key) {
    size_t n_path = strcspn(url, "?");
    char *path = strndup(url, n_path);
    HttpRequest request = {
        .method = body ? HTTP_POST : HTTP_GET,
        .path = path,
        .n_path = n_path,
        .authorization = "",
        .content_type = body ? "application/json; charset=utf-8" : "",
        .idempotency_key = key ? key : "",
        .host = "",
        .origin = "",
        .body = body,
        .n_body = body ? strlen(body) : 0,
    };
    char *parameters = split_query(url[n_path] ? url + n_path + 1 : "", &request.n_parameters);
    request.parameters = parameters;
    static uint64_t exchange;
    api_request(node->api, ++exchange, &request, 100);
    free(parameters);
    free(path);
}

/* The session layer's own, which the desk's tests do without. */
Survey *survey_new(SurveyKind kind, uint32_t limit, uint64_t connection, const char *text, size_t n_text) {
    Survey *survey = calloc(1, sizeof *survey + n_text);
    if (!survey)
        return NULL;
    ref_init(&survey->ref);
    survey->kind = kind;
    survey->limit = limit;
    survey->connection = connection;
    survey->n_text = (uint32_t)n_text;
    memcpy(survey->text, text, n_text);
    return survey;
}

Survey *survey_unref(Survey *survey) {
    if (survey && ref_release(&survey->ref))
        free(survey);
    return NULL;
}
