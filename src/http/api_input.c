#include "http/api_input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "dialect/json_text.h"
#include "http/json_writer.h"

enum { ERRORS_MAX = 16, ERRORS_BYTES_MAX = 64 * 1024 };

static int input_bad(ApiInput *input, const char *code, const char *problem) {
    input->problem_code = code;
    input->problem = problem;
    return INPUT_BAD;
}

static int input_load(ApiInput *input) {
    /* Integers as reals, since they may have more digits than a json_int_t; data is taken from the text anyway. */
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL | JSON_DECODE_ANY;
    if (!utf8_is_valid(input->text, input->n_text))
        return input_bad(input, "bad_json", "The body is not valid UTF-8.");
    /* jansson overlooks some NUL bytes and nests deeper. */
    if (!json_text_is_valid(input->text, input->n_text))
        return input_bad(input, "bad_json", "The body is not valid JSON.");
    json_error_t error = {.text = ""}; /* all of it: jansson does not set the code on every path */
    input->root = json_loadb(input->text, input->n_text, flags, &error);
    if (input->root)
        return json_is_object(input->root) ? INPUT_OK : input_bad(input, "bad_json", "The body is not a JSON object.");
    switch (json_error_code(&error)) {
    case json_error_unknown: /* what jansson says when an allocation deep inside has failed */
    case json_error_out_of_memory:
        return error_origin(-ENOMEM);
    case json_error_numeric_overflow:
        return input_bad(input, "bad_json", "A number is out of range.");
    case json_error_duplicate_key:
        return input_bad(input, "bad_json", "A member stands there twice.");
    default:
        return input_bad(input, "bad_json", "The body is not valid JSON.");
    }
}

static int input_add_parameter(ApiInput *input, const char *parameter) {
    size_t n_name = strcspn(parameter, "=");
    const char *value = parameter[n_name] ? parameter + n_name + 1 : parameter + n_name;
    char name[64];
    if (n_name == 0 || n_name >= sizeof name || !utf8_is_valid(parameter, strlen(parameter)))
        return input_bad(input, "bad_query",
                         "A parameter of the query has no name, one that is too long, or is not valid UTF-8.");
    memcpy(name, parameter, n_name);
    name[n_name] = '\0';
    if (json_object_get(input->root, name))
        return input_bad(input, "bad_query", "A parameter stands in the query twice.");
    return json_object_set_new(input->root, name, json_string(value)) == 0 ? INPUT_OK : error_origin(-ENOMEM);
}

static int input_load_query(ApiInput *input, const HttpRequest *request) {
    input->root = json_object();
    if (!input->root)
        return error_origin(-ENOMEM);
    for (size_t at = 0; at < request->n_parameters; at += strlen(request->parameters + at) + 1) {
        if (!request->parameters[at])
            continue; /* "a=1&&b=2" */
        int r = input_add_parameter(input, request->parameters + at);
        if (r != INPUT_OK)
            return r < 0 ? error_trace(r) : r;
    }
    return INPUT_OK;
}

int api_input_parse(ApiInput *input, const HttpRequest *request) {
    *input = (ApiInput){.text = request->body, .n_text = request->n_body, .is_query = request->method != HTTP_POST};
    buf_init(&input->errors, ERRORS_BYTES_MAX);
    if (input->is_query)
        return input_load_query(input, request);
    if (request->n_parameters)
        return input_bad(input, "bad_query", "A POST has its members in the body, and no query.");
    if (request->n_body == 0)
        return input_bad(input, "bad_json", "There is no body.");
    return input_load(input);
}

void api_input_finish(ApiInput *input) {
    json_decref(input->root);
    input->root = NULL;
    buf_finish(&input->errors);
}

ApiObject api_input_root(const ApiInput *input) {
    return (ApiObject){.value = input->root, .text = input->text, .n_text = input->n_text};
}

bool api_input_is_good(const ApiInput *input) {
    return input->n_errors == 0 && !input->has_no_memory;
}

/* A JSON Pointer as the fragment of a URI (RFC 6901 section 6); of names that peers chose only the beginning, and what must be escaped
   there is left out. */
static size_t input_pointer(char *out, size_t n_out, const ApiObject *object, const char *name) {
    size_t n = 0;
    out[n++] = '#';
    if (object->list) {
        int n_head = snprintf(out + n, n_out - n, "/%s/%zu", object->list, object->index);
        n += (size_t)n_head;
    }
    if (name)
        out[n++] = '/';
    for (; name && *name && n + 1 < n_out; name++) {
        char c = *name;
        bool is_plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
        out[n++] = is_plain ? c : '_';
    }
    return n;
}

void api_input_wrong(ApiInput *input, const ApiObject *object, const char *name, const char *detail) {
    char pointer[128];
    if (input->n_errors++ >= ERRORS_MAX)
        return;
    JsonWriter writer;
    json_writer_init(&writer, &input->errors);
    writer.needs_comma = input->errors.n_bytes > 0;
    json_writer_open(&writer, '{');
    size_t n_pointer = input_pointer(pointer, sizeof pointer, object, name);
    bool is_parameter = input->is_query && name;
    json_writer_name(&writer, is_parameter ? "parameter" : "pointer");
    json_writer_text(&writer, is_parameter ? pointer + 2 : pointer, is_parameter ? n_pointer - 2 : n_pointer);
    json_writer_name(&writer, "detail");
    json_writer_string(&writer, detail);
    json_writer_close(&writer, '}');
    if (writer.error < 0)
        input->has_no_memory = true;
}

static bool input_is_named(const char *name, const char *const *names) {
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

void api_input_members(ApiInput *input, const ApiObject *object, const char *const *names) {
    json_t *value = (json_t *)object->value; /* jansson's iterator is of what may change */
    for (void *at = json_object_iter(value); at; at = json_object_iter_next(value, at))
        if (!input_is_named(json_object_iter_key(at), names))
            api_input_wrong(input, object, json_object_iter_key(at), "is not known here");
}
