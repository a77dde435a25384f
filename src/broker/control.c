#include "broker/control.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "hub/channel.h"

enum { CONNECTION_DIGITS_MAX = 16 };

static const char *const control_types[] = {
    [CONTROL_DISCONNECT] = "disconnect", [CONTROL_UNSUBSCRIBE] = "unsubscribe", [CONTROL_SUBSCRIBE] = "subscribe"};
enum { CONTROL_TYPES = sizeof control_types / sizeof control_types[0] };

static const char *control_copy(char **at, const char *text, uint32_t n_text) {
    char *copy = *at;
    if (n_text > 0)
        memcpy(copy, text, n_text);
    copy[n_text] = '\0';
    *at += n_text + 1;
    return copy;
}

/* A copy of plain values. NULL without memory. */
static Control *control_new(const Control *values) {
    size_t n_texts = (size_t)values->n_user + values->n_channel + values->n_reason + 3;
    Control *control = malloc(sizeof(*control) + n_texts);
    if (!control)
        return NULL;
    char *at = (char *)(control + 1);
    *control = *values;
    ref_init(&control->ref);
    control->user = control_copy(&at, values->user, values->n_user);
    control->channel = control_copy(&at, values->channel, values->n_channel);
    control->reason = control_copy(&at, values->reason, values->n_reason);
    return control;
}

Control *control_ref(Control *control) {
    ref_acquire(&control->ref);
    return control;
}

Control *control_unref(Control *control) {
    if (control && ref_release(&control->ref))
        free(control);
    return NULL;
}

/* Each of these reads one member. NULL, or what is wrong with it. */

static const char *control_read_type(Control *values, const json_t *value) {
    const char *type = json_string_value(value);
    for (int i = 0; type && i < CONTROL_TYPES; i++) {
        if (strcmp(type, control_types[i]) != 0)
            continue;
        values->kind = (ControlKind)i;
        return NULL;
    }
    return "type must be disconnect, unsubscribe or subscribe";
}

/* A user is named by the same rules as a channel. */
static bool control_read_name(const char **name, uint32_t *n_name, const json_t *value) {
    *name = json_string_value(value);
    *n_name = (uint32_t)json_string_length(value);
    return *name && channel_name_is_valid(*name, *n_name);
}

static const char *control_read_user(Control *values, const json_t *value) {
    bool is_good = control_read_name(&values->user, &values->n_user, value);
    return is_good ? NULL : "user must be a string of 1 to 255 bytes without control characters";
}

static const char *control_read_channel(Control *values, const json_t *value) {
    return control_read_name(&values->channel, &values->n_channel, value) ? NULL : "channel must be a channel's name";
}

static const char *control_read_connection(Control *values, const json_t *value) {
    const char *digits = json_string_value(value);
    size_t n_digits = json_string_length(value);
    if (!digits || n_digits == 0 || n_digits > CONNECTION_DIGITS_MAX || digits[0] == '0' ||
        strspn(digits, "0123456789abcdef") != n_digits)
        return "connection must be a string as the welcome has it: 1 to 16 digits of lower-case hexadecimal, no leading zero";
    values->connection = strtoull(digits, NULL, 16);
    return NULL;
}

static const char *control_read_code(Control *values, const json_t *value) {
    json_int_t code = json_integer_value(value);
    if (!json_is_integer(value) || code < CONTROL_CODE_MIN || code > CONTROL_CODE_MAX)
        return "code must be an integer from 3000 to 4999";
    values->code = (uint16_t)code;
    return NULL;
}

static const char *control_read_reason(Control *values, const json_t *value) {
    if (!json_is_string(value) || json_string_length(value) > CONTROL_REASON_MAX)
        return "reason must be a string of at most 123 bytes";
    values->reason = json_string_value(value);
    values->n_reason = (uint32_t)json_string_length(value);
    return NULL;
}

static const struct {
    const char *name;
    const char *(*read)(Control *values, const json_t *value);
} control_members[] = {
    {"type", control_read_type},       {"user", control_read_user}, {"connection", control_read_connection},
    {"channel", control_read_channel}, {"code", control_read_code}, {"reason", control_read_reason},
};

static const char *control_read_member(Control *values, const char *name, const json_t *value) {
    for (size_t i = 0; i < sizeof control_members / sizeof control_members[0]; i++) {
        if (strcmp(name, control_members[i].name) == 0)
            return control_members[i].read(values, value);
    }
    return "a member is not known";
}

static const char *control_judge(const Control *values, const json_t *root) {
    if (!json_object_get(root, "type"))
        return "type is missing";
    if ((values->n_user > 0) == (values->connection != 0))
        return "exactly one of user and connection must be given";
    if ((values->kind == CONTROL_DISCONNECT) == (values->n_channel > 0))
        return values->n_channel ? "disconnect takes no channel" : "channel is missing";
    if (values->kind == CONTROL_SUBSCRIBE && (values->code || json_object_get(root, "reason")))
        return "subscribe takes neither code nor reason";
    return NULL;
}

static int control_read(Control **out, const json_t *root, const char **why) {
    Control values = {.kind = CONTROL_DISCONNECT};
    *why = json_is_object(root) ? NULL : "a command is a JSON object";
    for (void *at = json_object_iter((json_t *)root); at && !*why; at = json_object_iter_next((json_t *)root, at))
        *why = control_read_member(&values, json_object_iter_key(at), json_object_iter_value(at));
    if (!*why)
        *why = control_judge(&values, root);
    if (*why)
        return CONTROL_BAD;
    Control *control = control_new(&values);
    if (!control)
        return error_origin(-ENOMEM);
    *out = control;
    return CONTROL_OK;
}

static int control_load(json_t **out, const char *text, size_t n_text, const char **why) {
    json_error_t error = {.text = ""}; /* all of it: jansson does not set the code on every path */
    *why = "it is longer than 8 KiB";
    if (n_text > CONTROL_TEXT_MAX)
        return CONTROL_BAD;
    *why = "it is not valid JSON";
    if (n_text == 0 || memchr(text, '\0', n_text)) /* jansson overlooks some of them */
        return CONTROL_BAD;
    *out = json_loadb(text, n_text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (*out)
        return CONTROL_OK;
    switch (json_error_code(&error)) {
    case json_error_unknown: /* what jansson says when an allocation deep inside has failed */
    case json_error_out_of_memory:
        return error_origin(-ENOMEM);
    case json_error_duplicate_key:
        *why = "a member stands there twice";
        return CONTROL_BAD;
    default:
        return CONTROL_BAD;
    }
}

int control_parse(Control **out, const char *text, size_t n_text, const char **why) {
    json_t *root;
    int r = control_load(&root, text, n_text, why);
    if (r != CONTROL_OK)
        return r < 0 ? error_trace(r) : r;
    r = control_read(out, root, why);
    json_decref(root);
    return r < 0 ? error_trace(r) : r;
}

/* False: no memory. */
static bool control_set_text(json_t *root, const char *name, const char *text, uint32_t n_text) {
    return n_text == 0 || json_object_set_new(root, name, json_stringn(text, n_text)) == 0;
}

static bool control_fill(json_t *root, const Control *control) {
    char digits[CONNECTION_DIGITS_MAX + 1];
    const char *type = control_types[control->kind];
    int n_digits = control->connection ? snprintf(digits, sizeof digits, "%" PRIx64, control->connection) : 0;
    return control_set_text(root, "type", type, (uint32_t)strlen(type)) &&
           control_set_text(root, "user", control->user, control->n_user) &&
           control_set_text(root, "connection", digits, (uint32_t)n_digits) &&
           control_set_text(root, "channel", control->channel, control->n_channel) &&
           (control->code == 0 || json_object_set_new(root, "code", json_integer(control->code)) == 0) &&
           control_set_text(root, "reason", control->reason, control->n_reason);
}

int control_write(Buf *out, const Control *control) {
    json_t *root = json_object();
    char *text = root && control_fill(root, control) ? json_dumps(root, JSON_COMPACT) : NULL;
    int r = text ? buf_append_text(out, text) : -ENOMEM;
    free(text);
    json_decref(root);
    return r == BUF_OK ? 0 : error_origin(-ENOMEM);
}
