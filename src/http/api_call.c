#include "http/api_call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "http/problem.h"

const ApiFailure api_overdue = {504, "timed_out",
                                "The broker or a worker did not answer in time; what was asked for may have been done."};

ApiFailure api_failure(BrokerResult result) {
    switch (result) {
    case BROKER_UNAVAILABLE:
        return (ApiFailure){503, "broker_unavailable", "The broker is not heard now."};
    case BROKER_OVERLOADED:
        return (ApiFailure){503, "overloaded", "Too much is waiting for the broker, or there is too little memory."};
    default:
        return (ApiFailure){502, "broker_refused", "The broker answered with an error."};
    }
}

/* A call is answered once: what comes after it is of no use to anyone. */
static void call_respond(ApiCall *call, const HttpResponse *response) {
    if (call->is_answered)
        return;
    call->is_answered = true;
    call->api->node->respond(call->api->context, call->exchange, response);
}

static const char *problem_headers(const ApiCall *call, unsigned status) {
    switch (status) {
    case 401:
        return "WWW-Authenticate: Bearer realm=\"barker\"\r\nCache-Control: no-store\r\n";
    case 405:
        return call->operation->has_post ? (call->operation->has_get ? "Allow: GET, HEAD, POST\r\n" : "Allow: POST\r\n")
                                         : "Allow: GET, HEAD\r\n";
    case 409:
    case 503:
        return "Retry-After: 1\r\nCache-Control: no-store\r\n";
    default:
        return "Cache-Control: no-store\r\n";
    }
}

static void call_fail(ApiCall *call, const Problem *problem) {
    static const char nothing[] =
        "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\"code\":\"overloaded\","
        "\"detail\":\"There is no memory for the answer.\"}";
    HttpResponse response = {
        .status = problem->status, .content_type = PROBLEM_CONTENT_TYPE, .headers = problem_headers(call, problem->status)};
    Buf body;
    buf_init(&body, API_RESPONSE_MAX);
    bool is_written = problem_write(&body, problem) == BUF_OK;
    response.status = is_written ? problem->status : 503;
    response.body = is_written ? (const char *)body.bytes : nothing;
    response.n_body = is_written ? body.n_bytes : sizeof nothing - 1;
    call_respond(call, &response);
    buf_finish(&body);
}

void api_call_fail(ApiCall *call, unsigned status, const char *code, const char *detail) {
    const Problem problem = {.status = status, .code = code, .detail = detail};
    call_fail(call, &problem);
}

void api_call_fail_input(ApiCall *call) {
    const Problem problem = {422, "invalid", "Some members are not as they must be; nothing was done.", &call->input.errors};
    if (call->input.has_no_memory)
        api_call_fail_memory(call);
    else
        call_fail(call, &problem);
}

static void call_fail_as(ApiCall *call, ApiFailure failure) {
    api_call_fail(call, failure.status, failure.code, failure.detail);
}

void api_call_fail_broker(ApiCall *call, BrokerResult result) {
    call_fail_as(call, api_failure(result));
}

void api_call_fail_overdue(ApiCall *call) {
    call_fail_as(call, api_overdue);
}

void api_call_fail_memory(ApiCall *call) {
    call_fail_as(call, api_failure(BROKER_OVERLOADED));
}

void api_call_succeed(ApiCall *call, const JsonWriter *writer, bool is_settled) {
    if (writer->error != 0) {
        api_call_fail(call, writer->error < 0 ? 503 : 500, writer->error < 0 ? "overloaded" : "too_large",
                      writer->error < 0 ? "There is too little memory." : "The answer is too large: ask for less.");
        return;
    }
    const HttpResponse response = {.status = 200,
                                   .content_type = "application/json",
                                   .headers = "Cache-Control: no-store\r\n",
                                   .body = call->out.bytes,
                                   .n_body = call->out.n_bytes};
    if (call->replay && is_settled) { /* first: the same may stand behind it in a pipeline */
        api_replay_settle(&call->api->replay, call->replay, call->out.bytes, call->out.n_bytes, call->api->now_ms);
        call->replay = NULL;
    }
    call_respond(call, &response);
}

/* The same key of two callers, or for two calls, is not the same. */
static int call_claim(ApiCall *call, ReplayEntry **entry) {
    const HttpRequest *request = call->request;
    const char *authorization = request->authorization ? request->authorization : "";
    uint64_t who = hash_bytes(authorization, strlen(authorization));
    char key[INPUT_KEY_MAX + 64];
    int n_key = snprintf(key, sizeof key, "%s %016llx %s", call->operation->path, (unsigned long long)who, call->key);
    return api_replay_claim(&call->api->replay, key, (size_t)n_key, hash_bytes(request->body, request->n_body), entry);
}

static void call_replay(ApiCall *call, const ReplayEntry *entry) {
    const HttpResponse response = {.status = 200,
                                   .content_type = "application/json",
                                   .headers = "Idempotency-Replayed: true\r\nCache-Control: no-store\r\n",
                                   .body = entry->body,
                                   .n_body = entry->n_body};
    call_respond(call, &response);
}

bool api_call_choose_key(ApiCall *call, const char *key) {
    const char *header = call->request->idempotency_key;
    if (header && *header && !api_input_is_key(header, strlen(header))) {
        api_call_fail(call, 400, "bad_idempotency_key", "Idempotency-Key must be 1 to 200 visible characters of ASCII.");
        return false;
    }
    if (key && header && *header && strcmp(key, header) != 0) {
        const ApiObject root = api_input_root(&call->input);
        api_input_wrong(&call->input, &root, "idempotency_key", "is not that of the header");
        api_call_fail_input(call);
        return false;
    }
    call->key = key ? key : header && *header ? header : NULL;
    return true;
}

bool api_call_claim(ApiCall *call) {
    ReplayEntry *entry;
    if (!call->key)
        return true;
    switch (call_claim(call, &entry)) {
    case REPLAY_NEW:
        call->replay = entry;
        return true;
    case REPLAY_ANSWERED:
        call_replay(call, entry);
        return false;
    case REPLAY_UNDER_WAY:
        api_call_fail(call, 409, "idempotency_key_in_use", "A request with this key is under way.");
        return false;
    case REPLAY_OTHER:
        api_call_fail(call, 422, "idempotency_key_reused", "The key was that of another request.");
        return false;
    default:
        api_call_fail_memory(call);
        return false;
    }
}

bool api_call_make_items(ApiCall *call, size_t n_items) {
    call->items = calloc(n_items, sizeof *call->items);
    if (call->items)
        call->n_items = n_items;
    else
        api_call_fail_memory(call);
    return call->items != NULL;
}

bool api_call_is_taken(ApiCall *call) {
    const ApiItem *item = &call->items[0];
    if (!item->is_answered)
        api_call_fail_overdue(call);
    else if (item->result != BROKER_OK)
        api_call_fail_broker(call, item->result);
    return item->is_answered && item->result == BROKER_OK;
}

void api_call_asked(ApiCall *call, size_t item, BrokerResult result) {
    if (result == BROKER_OK)
        return;
    call->items[item].is_answered = true;
    call->items[item].result = result;
    call->n_waiting--;
}

void api_published(Api *api, uint64_t id, uint64_t item, BrokerResult result, Position position) {
    ApiCall *call = api_find_call(api, id);
    if (!call || item >= call->n_items || call->items[item].is_answered)
        return;
    call->items[item] = (ApiItem){
        .message = call->items[item].message,
        .is_answered = true,
        .result = result,
        .position = position,
    };
    api_call_answered(call);
}
