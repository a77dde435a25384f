/* Which calls there are, who may make them, and when they end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "http/api_call.h"

#define API_ROOT "/api/v1"

static const ApiOperation operations[] = {
    {"/publish", false, true, API_PUBLISH, api_start_publish, api_finish_publish},
    {"/broadcast", false, true, API_PUBLISH, api_start_broadcast, api_finish_results},
    {"/batch", false, true, API_PUBLISH, api_start_batch, api_finish_results},
    {"/history", true, true, API_READ, api_start_history, api_finish_history},
    {"/presence", true, true, API_READ, api_start_presence, api_finish_presence},
    {"/channels", true, true, API_READ, api_start_channels, api_finish_channels},
    {"/connections", true, true, API_READ, api_start_connections, api_finish_connections},
    {"/subscribe", false, true, API_MANAGE, api_start_subscribe, api_finish_control},
    {"/unsubscribe", false, true, API_MANAGE, api_start_unsubscribe, api_finish_control},
    {"/disconnect", false, true, API_MANAGE, api_start_disconnect, api_finish_control},
    {"/info", true, false, API_READ, api_start_info, api_finish_info},
};

int api_new(Api **out, const NodeOps *node, void *context, uint32_t timeout_ms, size_t message_limit_bytes) {
    Api *api = calloc(1, sizeof *api);
    if (!api)
        return error_origin(-ENOMEM);
    api->node = node;
    api->context = context;
    api->timeout_ms = timeout_ms;
    api->message_limit_bytes = message_limit_bytes;
    map_init(&api->calls);
    list_init(&api->deadlines);
    api_replay_init(&api->replay);
    *out = api;
    return 0;
}

static void call_free(ApiCall *call) {
    for (size_t i = 0; i < call->n_items; i++)
        message_unref(call->items[i].message);
    for (size_t i = 0; i < call->n_surveyed; i++) {
        free(call->surveyed[i].rows);
        free(call->surveyed[i].names);
    }
    call->api->n_surveys -= call->surveyed != NULL;
    if (call->replay)
        api_replay_forget(&call->api->replay, call->replay);
    list_unlink(&call->link);
    map_remove(&call->api->calls, &call->node);
    api_input_finish(&call->input);
    buf_finish(&call->out);
    free(call->surveyed);
    free(call->items);
    free(call);
}

Api *api_free(Api *api) {
    if (!api)
        return NULL;
    while (!list_is_empty(&api->deadlines))
        call_free(container_of(api->deadlines.next, ApiCall, link));
    map_finish(&api->calls);
    api_replay_finish(&api->replay);
    free(api);
    return NULL;
}

static ApiCall *call_new(Api *api, uint64_t exchange, const HttpRequest *request) {
    ApiCall *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    call->api = api;
    call->id = ++api->last_call;
    call->exchange = exchange;
    call->deadline_ms = api->now_ms + api->timeout_ms;
    call->request = request;
    call->node.key = (const char *)&call->id;
    call->node.n_key = sizeof call->id;
    buf_init(&call->out, API_RESPONSE_MAX);
    if (map_insert(&api->calls, &call->node) < 0) {
        free(call);
        return NULL;
    }
    list_append(&api->deadlines, &call->link);
    return call;
}

ApiCall *api_find_call(Api *api, uint64_t id) {
    MapNode *node = map_find(&api->calls, (const char *)&id, sizeof id);
    return node ? container_of(node, ApiCall, node) : NULL;
}

void api_call_answered(ApiCall *call) {
    if (--call->n_waiting > 0)
        return;
    if (!call->is_answered)
        call->operation->finish(call);
    call_free(call);
}

static const ApiOperation *find_operation(const HttpRequest *request) { /* NULL: there is none */
    const char *path = strncmp(request->path, API_ROOT, strlen(API_ROOT)) == 0 ? request->path + strlen(API_ROOT) : "";
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        if (strlen(request->path) == request->n_path && strcmp(path, operations[i].path) == 0)
            return &operations[i];
    return NULL;
}

static bool call_find_operation(ApiCall *call) {
    const HttpRequest *request = call->request;
    call->operation = find_operation(request);
    if (!call->operation) {
        api_call_fail(call, 404, "unknown_path", "There is no such call. The calls are in the OpenAPI document.");
        return false;
    }
    bool is_get = request->method == HTTP_GET || request->method == HTTP_HEAD;
    if ((is_get && call->operation->has_get) || (request->method == HTTP_POST && call->operation->has_post))
        return true;
    api_call_fail(call, 405, "method_not_allowed", "This call is made with another method.");
    return false;
}

static bool call_is_allowed(ApiCall *call) {
    const char *authorization = call->request->authorization;
    unsigned scopes = call->api->node->scopes(call->api->context, authorization);
    if (scopes == 0)
        api_call_fail(call, 401, "unauthorized", "Show a key: Authorization: Bearer <secret>.");
    else if (call_find_operation(call) && !(scopes & call->operation->scope))
        api_call_fail(call, 403, "forbidden", "The key is not for this call.");
    return !call->is_answered;
}

bool api_wants_body(const Api *api, const HttpRequest *head) {
    const ApiOperation *operation = find_operation(head);
    return operation && operation->has_post && head->method == HTTP_POST &&
           (api->node->scopes(api->context, head->authorization) & operation->scope);
}

static bool is_json(const char *content_type) {
    static const char json[] = "application/json";
    size_t n_json = sizeof json - 1;
    return content_type && strncasecmp(content_type, json, n_json) == 0 && strchr("; \t", content_type[n_json]);
}

static void call_start(ApiCall *call) {
    const HttpRequest *request = call->request;
    if (!call_is_allowed(call))
        return;
    if (request->method == HTTP_POST && !is_json(request->content_type)) {
        api_call_fail(call, 415, "unsupported_media_type", "The body must be application/json.");
        return;
    }
    int r = api_input_parse(&call->input, request);
    if (r < 0)
        api_call_fail_memory(call);
    else if (r == INPUT_BAD)
        api_call_fail(call, 400, call->input.problem_code, call->input.problem);
    else
        call->operation->start(call);
}

void api_request(Api *api, uint64_t exchange, const HttpRequest *request, uint64_t now_ms) {
    api->now_ms = now_ms;
    ApiCall *call = call_new(api, exchange, request);
    if (!call) {
        static const char body[] =
            "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\"code\":\"overloaded\","
            "\"detail\":\"There is no memory for this request.\"}";
        const HttpResponse response = {503, "application/problem+json", "Retry-After: 1\r\n", body, sizeof body - 1};
        api->node->respond(api->context, exchange, &response);
        return;
    }
    call->n_waiting = 1; /* for the start itself: no answer may end the call meanwhile */
    call_start(call);
    api_input_finish(&call->input);
    call->request = NULL;
    call->key = NULL;
    if (call->is_answered)
        call_free(call);
    else
        api_call_answered(call);
}

static void end_overdue(Api *api, uint64_t now_ms) {
    while (!list_is_empty(&api->deadlines)) {
        ApiCall *call = container_of(api->deadlines.next, ApiCall, link);
        if (call->deadline_ms > now_ms)
            break;
        call->is_overdue = true;
        call->operation->finish(call);
        call_free(call);
    }
}

void api_tick(Api *api, uint64_t now_ms) {
    api->now_ms = now_ms;
    api_replay_tick(&api->replay, now_ms);
    end_overdue(api, now_ms);
}

void api_stop(Api *api) {
    end_overdue(api, UINT64_MAX);
}
