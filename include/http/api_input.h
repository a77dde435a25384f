/* ApiInput: what a request of the HTTP API asks for: the JSON object of its body, or its query. Owner: the desk's thread.
   Whatever is wrong with a member is written down with its place, so that all of it can be told at once; the functions then give false,
   and the request must not be carried out. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "broker/broker.h"
#include "net/http.h"

enum { INPUT_OK, INPUT_BAD };
enum { INPUT_KEY_MAX = 200 /* bytes of an idempotency key */ };

typedef struct ApiInput {
    json_t *root; /* an object */
    const char *text;
    size_t n_text;
    bool is_query; /* its members are all strings */
    const char *problem_code;
    const char *problem; /* of INPUT_BAD: a constant text */
    Buf errors;          /* as Problem has them */
    unsigned n_errors;
    bool has_no_memory;
} ApiInput;

/* The request's object, or one in a list of it. */
typedef struct ApiObject {
    const json_t *value;
    const char *text; /* as it was written */
    size_t n_text;
    const char *list; /* NULL: the request's own; else the member's name, whose element it is */
    size_t index;
} ApiObject;

/* INPUT_OK; INPUT_BAD; -ENOMEM. What it was given must outlive it; finish it in any case. */
int api_input_parse(ApiInput *input, const HttpRequest *request);
void api_input_finish(ApiInput *input);
ApiObject api_input_root(const ApiInput *input);
bool api_input_is_good(const ApiInput *input); /* nothing was found wrong so far */

/* name NULL: the object itself. */
void api_input_wrong(ApiInput *input, const ApiObject *object, const char *name, const char *detail);
/* Writes down every member that is not among the names, which end with NULL. */
void api_input_members(ApiInput *input, const ApiObject *object, const char *const *names);

/* Each gives false when the member is not there or is wrong, and leaves the value alone then; is_needed: it must be there. Texts have no
   NUL inside. */
bool api_input_text(ApiInput *input, const ApiObject *object, const char *name, bool is_needed, size_t n_limit,
                    const char **text);
bool api_input_channel(ApiInput *input, const ApiObject *object, bool is_needed, const char **channel);
bool api_input_is_channel(const json_t *value);
bool api_input_number(ApiInput *input, const ApiObject *object, const char *name, uint64_t min, uint64_t max, uint64_t *out);
bool api_input_boolean(ApiInput *input, const ApiObject *object, const char *name,
                       bool *out); /* of a query 1, 0, true, false */
/* As its welcome names it. */
bool api_input_connection(ApiInput *input, const ApiObject *object, uint64_t *connection);
bool api_input_key(ApiInput *input, const ApiObject *object, const char **key); /* idempotency_key */
bool api_input_is_key(const char *key, size_t n_key);
/* The place {"epoch","seq"} of "since"; of a query since_epoch and since_seq. */
bool api_input_since(ApiInput *input, const ApiObject *object, Position *position);
/* The array of that name and 1 to n_max elements; NULL. */
const json_t *api_input_list(ApiInput *input, const ApiObject *object, const char *name, size_t n_max);

/* What to publish: the value of data as it was written, the string of text, or the bytes of base64. *owned is for free(), also when it
   fails. */
bool api_input_payload(ApiInput *input, const ApiObject *object, size_t n_limit, const char **payload, size_t *n_payload,
                       char **owned);
