#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "dialect/json_text.h"
#include "http/api_input.h"
#include "hub/channel.h"

static const double INTEGER_MAX = 9007199254740991; /* 2^53 - 1: what a JavaScript number holds exactly */

static const json_t *member(ApiInput *input, const ApiObject *object, const char *name, bool is_needed) {
    const json_t *value = json_object_get(object->value, name);
    if (!value && is_needed)
        api_input_wrong(input, object, name, "is missing");
    return value;
}

static const char *plain_text(const json_t *value) { /* NULL: it is none, or has a NUL inside */
    const char *text = json_string_value(value);
    return text && strlen(text) == json_string_length(value) ? text : NULL;
}

bool api_input_text(ApiInput *input, const ApiObject *object, const char *name, bool is_needed, size_t n_limit,
                    const char **text) {
    const json_t *value = member(input, object, name, is_needed);
    if (!value)
        return false;
    const char *found = plain_text(value);
    if (!found || !*found || json_string_length(value) > n_limit) {
        char detail[96];
        snprintf(detail, sizeof detail, "must be a string of 1 to %zu bytes without NUL", n_limit);
        api_input_wrong(input, object, name, detail);
        return false;
    }
    *text = found;
    return true;
}

bool api_input_is_channel(const json_t *value) {
    return json_is_string(value) && channel_name_is_valid(json_string_value(value), json_string_length(value));
}

bool api_input_channel(ApiInput *input, const ApiObject *object, bool is_needed, const char **channel) {
    const json_t *value = member(input, object, "channel", is_needed);
    if (!value)
        return false;
    if (!api_input_is_channel(value)) {
        api_input_wrong(input, object, "channel", "must be a channel's name: 1 to 255 bytes without control characters");
        return false;
    }
    *channel = json_string_value(value);
    return true;
}

/* Decimal, as we write it: no leading zero, within 64 bits. */
static bool read_decimal(const json_t *value, uint64_t *out) {
    const char *digits = json_string_value(value);
    size_t n_digits = json_string_length(value);
    uint64_t number = 0;
    if (!digits || n_digits == 0 || (digits[0] == '0' && n_digits > 1))
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

static bool read_number(const ApiInput *input, const json_t *value, uint64_t *out) {
    if (input->is_query)
        return read_decimal(value, out);
    double number = json_real_value(value);
    if (!json_is_real(value) || number < 0 || number > INTEGER_MAX || number != (double)(uint64_t)number)
        return false;
    *out = (uint64_t)number;
    return true;
}

bool api_input_number(ApiInput *input, const ApiObject *object, const char *name, uint64_t min, uint64_t max, uint64_t *out) {
    const json_t *value = member(input, object, name, false);
    uint64_t number;
    if (!value)
        return false;
    if (!read_number(input, value, &number) || number < min || number > max) {
        char detail[96];
        snprintf(detail, sizeof detail, "must be an integer from %" PRIu64 " to %" PRIu64, min, max);
        api_input_wrong(input, object, name, detail);
        return false;
    }
    *out = number;
    return true;
}

bool api_input_boolean(ApiInput *input, const ApiObject *object, const char *name, bool *out) {
    const json_t *value = member(input, object, name, false);
    const char *text = plain_text(value);
    bool is_query = input->is_query && text;
    if (!value)
        return false;
    if (json_is_true(value) || (is_query && (strcmp(text, "1") == 0 || strcmp(text, "true") == 0))) {
        *out = true;
    } else if (json_is_false(value) || (is_query && (strcmp(text, "0") == 0 || strcmp(text, "false") == 0))) {
        *out = false;
    } else {
        api_input_wrong(input, object, name, "must be true or false");
        return false;
    }
    return true;
}

bool api_input_is_key(const char *key, size_t n_key) {
    for (size_t i = 0; i < n_key; i++)
        if (key[i] <= ' ' || key[i] > '~')
            return false;
    return n_key > 0 && n_key <= INPUT_KEY_MAX;
}

bool api_input_connection(ApiInput *input, const ApiObject *object, uint64_t *connection) {
    enum { DIGITS_MAX = 16 };
    const char *text;
    if (!api_input_text(input, object, "connection", false, DIGITS_MAX, &text))
        return false;
    uint64_t number = strspn(text, "0123456789abcdef") == strlen(text) ? strtoull(text, NULL, 16) : 0;
    if (number == 0) {
        api_input_wrong(input, object, "connection", "must be a connection as its welcome names it");
        return false;
    }
    *connection = number;
    return true;
}

bool api_input_key(ApiInput *input, const ApiObject *object, const char **key) {
    const json_t *value = member(input, object, "idempotency_key", false);
    if (!value)
        return false;
    if (!json_is_string(value) || !api_input_is_key(json_string_value(value), json_string_length(value))) {
        api_input_wrong(input, object, "idempotency_key", "must be 1 to 200 visible characters of ASCII, without spaces");
        return false;
    }
    *key = json_string_value(value);
    return true;
}

bool api_input_since(ApiInput *input, const ApiObject *object, Position *position) {
    const json_t *since = input->is_query ? object->value : member(input, object, "since", false);
    const json_t *epoch = json_object_get(since, input->is_query ? "since_epoch" : "epoch");
    const json_t *seq = json_object_get(since, input->is_query ? "since_seq" : "seq");
    const char *name = input->is_query ? "since_epoch" : "since";
    Position found;
    if (!since || (input->is_query && !epoch && !seq))
        return false;
    bool is_whole = input->is_query || json_object_size(since) == 2;
    if (!is_whole || !read_decimal(epoch, &found.epoch) || found.epoch == 0 || !read_number(input, seq, &found.seq)) {
        api_input_wrong(input, object, name, "must be a position: epoch, a string of decimal digits, and seq, an integer");
        return false;
    }
    *position = found;
    return true;
}

const json_t *api_input_list(ApiInput *input, const ApiObject *object, const char *name, size_t n_max) {
    const json_t *value = member(input, object, name, true);
    if (!value)
        return NULL;
    if (!json_is_array(value) || json_array_size(value) == 0 || json_array_size(value) > n_max) {
        char detail[64];
        snprintf(detail, sizeof detail, "must be an array of 1 to %zu", n_max);
        api_input_wrong(input, object, name, detail);
        return NULL;
    }
    return value;
}

static bool decode_base64(const json_t *base64, const char **payload, size_t *n_payload, char **owned) {
    size_t n_text = json_string_length(base64);
    *owned = malloc(n_text / 4 * 3 + 1);
    ptrdiff_t n = *owned ? base64_decode((uint8_t *)*owned, json_string_value(base64), n_text) : -1;
    if (n < 0)
        return false;
    *payload = *owned;
    *n_payload = (size_t)n;
    return true;
}

static const char *read_payload(ApiInput *input, const ApiObject *object, const char **payload, size_t *n_payload, char **owned,
                                const char **name) {
    const json_t *data = json_object_get(object->value, "data");
    const json_t *text = json_object_get(object->value, "text");
    const json_t *base64 = json_object_get(object->value, "base64");
    *name = NULL;
    if (!!data + !!text + !!base64 != 1)
        return "must have exactly one of data, text and base64";
    *name = text ? "text" : base64 ? "base64" : "data";
    if (!data && !json_is_string(text ? text : base64))
        return "must be a string";
    if (base64) {
        bool is_decoded = decode_base64(base64, payload, n_payload, owned);
        input->has_no_memory |= !*owned;
        return is_decoded ? NULL : "must be the standard alphabet with padding (RFC 4648 section 4)";
    }
    if (text) {
        *payload = json_string_value(text);
        *n_payload = json_string_length(text);
        return NULL;
    }
    /* jansson would write it anew, with other digits in its reals: subscribers get what the backend wrote. */
    return json_text_find(object->text, object->n_text, "data", payload, n_payload) ? NULL : "must be named without escapes";
}

bool api_input_payload(ApiInput *input, const ApiObject *object, size_t n_limit, const char **payload, size_t *n_payload,
                       char **owned) {
    const char *name;
    *owned = NULL;
    const char *wrong = read_payload(input, object, payload, n_payload, owned, &name);
    char detail[64];
    if (!wrong && *n_payload > n_limit) {
        snprintf(detail, sizeof detail, "is more than the %zu bytes of a message", n_limit);
        wrong = detail;
    }
    if (wrong)
        api_input_wrong(input, object, name, wrong);
    return !wrong;
}
