/* ApiCall: one request of the HTTP API on its way. Owner: the desk's thread.
   A call starts, waits for so many answers, and finishes when all are there or its time is up; then it is gone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/api_keys.h"
#include "base/list.h"
#include "base/map.h"
#include "http/api_input.h"
#include "http/api_replay.h"
#include "http/json_writer.h"
#include "http/node.h"

enum {
    API_RESPONSE_MAX = 64 * 1024 * 1024,
    API_ITEMS_MAX = 1000,
    API_SURVEYS_MAX = 8 /* under way: each has every worker walk through all that it has */
};

typedef struct ApiCall ApiCall;

typedef struct ApiOperation {
    const char *path; /* behind /api/v1 */
    bool has_get, has_post;
    ApiScope scope;
    /* Reads the input and asks the node, or fails the call. An answer may come before the return; it never ends the call. */
    void (*start)(ApiCall *call);
    /* Answers: all have answered, or is_overdue. */
    void (*finish)(ApiCall *call);
} ApiOperation;

/* One message, or one command, that the broker is to take. */
typedef struct ApiItem {
    Message *message; /* one reference; NULL for a command */
    bool is_answered;
    BrokerResult result;
    Position position;
} ApiItem;

/* A worker's answer to a survey, with texts of its own. */
typedef struct ApiRows {
    uint64_t n_total;
    uint32_t n_rows;
    SurveyRow *rows;
    char *names;
} ApiRows;

typedef struct Api {
    const NodeOps *node;
    void *context;
    uint32_t timeout_ms;
    size_t message_limit_bytes;
    uint64_t now_ms;
    uint64_t last_call;
    unsigned n_surveys; /* under way */
    Map calls;
    ListNode deadlines; /* of the calls, in the order in which they began */
    ApiReplay replay;
} Api;

struct ApiCall {
    MapNode node;
    ListNode link;
    Api *api;
    uint64_t id;
    uint64_t exchange;
    uint64_t deadline_ms;
    const ApiOperation *operation;
    const HttpRequest *request; /* while it starts */
    ApiInput input;             /* while it starts */
    ReplayEntry *replay;        /* NULL: it has no idempotency key */
    const char *key;            /* the same, while it starts */
    size_t n_waiting;           /* answers */
    bool is_answered;
    bool is_overdue;
    BrokerResult result; /* of the one question */
    Buf out;             /* the answer's body, as far as it is known */
    ApiItem *items;
    size_t n_items;
    ApiRows *surveyed;
    size_t n_surveyed;
    SurveyKind survey;
    uint64_t limit;
    char channel[CHANNEL_NAME_MAX + 1];
};

/* The answers. Each ends the call's work; the first counts. */
void api_call_fail(ApiCall *call, unsigned status, const char *code, const char *detail);
void api_call_fail_input(ApiCall *call); /* 422 with what was found wrong */
void api_call_fail_broker(ApiCall *call, BrokerResult result);
void api_call_fail_overdue(ApiCall *call);
void api_call_fail_memory(ApiCall *call);
/* 200 with call->out. is_settled: a request with the same idempotency key gets the same answer. */
void api_call_succeed(ApiCall *call, const JsonWriter *writer, bool is_settled);

/* What a broker's result is called towards clients. */
typedef struct ApiFailure {
    unsigned status;
    const char *code;
    const char *detail;
} ApiFailure;

ApiFailure api_failure(BrokerResult result);
extern const ApiFailure api_overdue;

/* After the input was found good: call->key is the header's, or the one given (NULL: none). False: the call has failed. */
bool api_call_choose_key(ApiCall *call, const char *key);
/* False: the call is answered already, by what an earlier one with this key was answered or because it may not have it. */
bool api_call_claim(ApiCall *call);
/* Makes room for n items. False: failed for want of memory. */
bool api_call_make_items(ApiCall *call, size_t n_items);
/* Of a call with one item that the broker was to take: false, and failed, unless it has. */
bool api_call_is_taken(ApiCall *call);
/* Takes the item's own result, where the node did not take it. */
void api_call_asked(ApiCall *call, size_t item, BrokerResult result);

void api_start_publish(ApiCall *call);
void api_start_broadcast(ApiCall *call);
void api_start_batch(ApiCall *call);
void api_finish_publish(ApiCall *call);
void api_finish_results(ApiCall *call); /* of broadcast and batch */
void api_start_history(ApiCall *call);
void api_start_presence(ApiCall *call);
void api_finish_history(ApiCall *call);
void api_finish_presence(ApiCall *call);
void api_start_channels(ApiCall *call);
void api_finish_channels(ApiCall *call);
void api_start_connections(ApiCall *call);
void api_finish_connections(ApiCall *call);
void api_start_subscribe(ApiCall *call);
void api_start_unsubscribe(ApiCall *call);
void api_start_disconnect(ApiCall *call);
void api_finish_control(ApiCall *call);
void api_start_info(ApiCall *call);
void api_finish_info(ApiCall *call);

ApiCall *api_find_call(Api *api, uint64_t id); /* NULL: it has ended */
void api_call_answered(ApiCall *call);         /* perhaps the last: the call may be gone afterwards */
