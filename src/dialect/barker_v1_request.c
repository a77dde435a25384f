#include "dialect/barker_v1_request.h"

#include <errno.h>
#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "dialect/barker_v1_frames.h"
#include "dialect/json_text.h"

static const double INTEGER_MAX = 9007199254740991; /* 2^53 - 1: what a JavaScript number holds exactly */

static int request_bad(BarkerV1Request *request, const char *detail) {
    request->detail = detail;
    return BARKER_V1_BAD_MESSAGE;
}

static int load(BarkerV1Request *request) {
    /* As reals, since an integer may have more digits than a json_int_t; `data` is taken from the text anyway. */
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL | JSON_DECODE_ANY;
    /* jansson overlooks some NUL bytes and nests deeper. */
    if (!json_text_is_valid(request->bytes, request->n_bytes))
        return BARKER_V1_BAD_JSON;
    json_error_t error = {.text = ""}; /* all of it: jansson does not set the code on every path */
    request->root = json_loadb(request->bytes, request->n_bytes, flags, &error);
    if (request->root)
        return BARKER_V1_OK;
    switch (json_error_code(&error)) {
    case json_error_unknown: /* what jansson says when an allocation deep inside has failed */
    case json_error_out_of_memory:
        return error_origin(-ENOMEM);
    case json_error_numeric_overflow:
        return request_bad(request, "a number is out of range");
    case json_error_duplicate_key:
        return request_bad(request, "a field stands there twice");
    default:
        return BARKER_V1_BAD_JSON;
    }
}

static bool read_integer(const json_t *value, uint64_t *out) {
    double number = json_real_value(value);
    if (!json_is_real(value) || number < 0 || number > INTEGER_MAX || number != (double)(uint64_t)number)
        return false;
    *out = (uint64_t)number;
    return true;
}

static int read_id(BarkerV1Request *request) {
    const json_t *id = json_object_get(request->root, "id");
    uint64_t number;
    if (!id)
        return BARKER_V1_OK;
    if (!read_integer(id, &number) || number == 0)
        return request_bad(request, "id must be an integer from 1 to 9007199254740991");
    request->id = number;
    return BARKER_V1_OK;
}

int barker_v1_request_parse(BarkerV1Request *request, char *bytes, size_t n_bytes) {
    *request = (BarkerV1Request){.bytes = bytes, .n_bytes = n_bytes};
    int r = load(request);
    if (r != BARKER_V1_OK)
        return r < 0 ? error_trace(r) : r;
    if (!json_is_object(request->root))
        return request_bad(request, "a request is a JSON object");
    r = read_id(request);
    if (r != BARKER_V1_OK)
        return r;
    const json_t *type = json_object_get(request->root, "type");
    if (!json_is_string(type))
        return request_bad(request, "type must be a string");
    const char *text = json_string_value(type);
    request->type = strlen(text) == json_string_length(type) ? text : "";
    return BARKER_V1_OK;
}

void barker_v1_request_finish(BarkerV1Request *request) {
    json_decref(request->root);
    request->root = NULL;
}

int barker_v1_request_channel(BarkerV1Request *request, const char **channel, size_t *n_channel) {
    const json_t *value = json_object_get(request->root, "channel");
    if (!json_is_string(value))
        return request_bad(request, "channel must be a string");
    *channel = json_string_value(value);
    *n_channel = json_string_length(value);
    return BARKER_V1_OK;
}

int barker_v1_request_token(BarkerV1Request *request, const char **token, size_t *n_token) {
    const json_t *value = json_object_get(request->root, "token");
    if (value && !json_is_string(value))
        return request_bad(request, "token must be a string");
    *token = json_string_value(value);
    *n_token = json_string_length(value);
    return BARKER_V1_OK;
}

/* Decimal, as we write it: no leading zero, within 64 bits, not 0. */
static bool read_epoch(const json_t *value, uint64_t *out) {
    const char *digits = json_string_value(value);
    size_t n_digits = json_string_length(value);
    uint64_t number = 0;
    if (!digits || n_digits == 0 || digits[0] == '0')
        return false;
    for (size_t i = 0; i < n_digits; i++) {
        unsigned digit = (unsigned)digits[i] - '0';
        if (digit > 9 || number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *out = number;
    return true;
}

int barker_v1_request_position(BarkerV1Request *request, const char *name, Position *position) {
    const json_t *value = json_object_get(request->root, name);
    *position = (Position){0};
    if (!value)
        return BARKER_V1_OK;
    if (!read_epoch(json_object_get(value, "epoch"), &position->epoch) ||
        !read_integer(json_object_get(value, "seq"), &position->seq))
        return request_bad(request, "a place is {\"epoch\":\"…\",\"seq\":…}: the epoch's digits in a string, and an integer");
    return BARKER_V1_OK;
}

int barker_v1_request_query(BarkerV1Request *request, HistoryQuery *query) {
    const json_t *limit = json_object_get(request->root, "limit");
    const json_t *reverse = json_object_get(request->root, "reverse");
    uint64_t n_limit = UINT32_MAX;
    *query = (HistoryQuery){.order = json_is_true(reverse) ? HISTORY_REVERSE : HISTORY_FORWARD};
    if (limit && !read_integer(limit, &n_limit))
        return request_bad(request, "limit must be an integer, 0 or more");
    if (reverse && !json_is_boolean(reverse))
        return request_bad(request, "reverse must be true or false");
    query->limit = n_limit < UINT32_MAX ? (uint32_t)n_limit : UINT32_MAX;
    return barker_v1_request_position(request, "since", &query->since);
}

static int payload_of_base64(BarkerV1Request *request, const json_t *base64, const char **payload, size_t *n_payload) {
    /* No shorter than the string it holds, which jansson has copied out of it. */
    ptrdiff_t n = base64_decode((uint8_t *)request->bytes, json_string_value(base64), json_string_length(base64));
    if (n < 0)
        return request_bad(request, "base64 must be the standard alphabet with padding");
    *payload = request->bytes;
    *n_payload = (size_t)n;
    return BARKER_V1_OK;
}

int barker_v1_request_payload(BarkerV1Request *request, const char **payload, size_t *n_payload) {
    const json_t *data = json_object_get(request->root, "data");
    const json_t *text = json_object_get(request->root, "text");
    const json_t *base64 = json_object_get(request->root, "base64");
    if (!!data + !!text + !!base64 != 1)
        return request_bad(request, "publish takes exactly one of data, text and base64");
    if ((text && !json_is_string(text)) || (base64 && !json_is_string(base64)))
        return request_bad(request, "text and base64 must be strings");
    if (base64)
        return payload_of_base64(request, base64, payload, n_payload);
    if (text) {
        *payload = json_string_value(text);
        *n_payload = json_string_length(text);
        return BARKER_V1_OK;
    }
    /* jansson would write it anew, with other digits in its reals: subscribers get what the client wrote. */
    if (!json_text_find(request->bytes, request->n_bytes, "data", payload, n_payload))
        return request_bad(request, "the name data must be written without escapes");
    return BARKER_V1_OK;
}
