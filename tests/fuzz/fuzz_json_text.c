/* dialect/json_text against jansson, which knows less and refuses more. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "dialect/json_text.h"
#include "fuzz.h"

static bool has(const char *text, size_t n_text, const char *word) {
    return n_text && memmem(text, n_text, word, strlen(word)) != NULL;
}

/* Deeper than either side is asked about, if all of them nest. */
static bool may_be_deep(const char *text, size_t n_text) {
    size_t n = 0;
    for (size_t i = 0; i < n_text; i++)
        n += text[i] == '[' || text[i] == '{';
    return n >= JSON_DEPTH_MAX;
}

static void compare(const char *text, size_t n_text, bool is_valid) {
    if (n_text && memchr(text, 0, n_text)) { /* jansson takes it for the end */
        fuzz_must(!is_valid, "a NUL is not valid");
        return;
    }
    json_error_t error;
    json_t *root = json_loadb(text, n_text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (root)
        fuzz_must(is_valid || may_be_deep(text, n_text), "what jansson takes is valid");
    else if (is_valid) /* what it refuses though it is valid: halves of surrogate pairs, numbers beyond a double */
        fuzz_must(has(text, n_text, "\\u") || json_error_code(&error) == json_error_numeric_overflow,
                  "what jansson refuses is not valid");
    json_decref(root);
}

static void find(const char *text, size_t n_text, bool is_valid) {
    const char *value;
    size_t n_value;
    bool is_found = json_text_find(text, n_text, "data", &value, &n_value);
    if (is_found)
        fuzz_must(value >= text && n_value <= n_text && (size_t)(value - text) <= n_text - n_value,
                  "the span lies within the text");
    json_t *root =
        is_valid && !has(text, n_text, "\\") ? json_loadb(text, n_text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (json_is_object(root)) {
        json_t *expected = json_object_get(root, "data");
        json_t *found = is_found ? json_loadb(value, n_value, JSON_DECODE_ANY, NULL) : NULL;
        fuzz_must(is_found == (expected != NULL), "a member is found when there is one");
        fuzz_must(!is_found || (found && json_equal(found, expected)), "its value is the span");
        json_decref(found);
    }
    json_decref(root);
}

static void quote(const char *text, size_t n_text) {
    size_t n_quoted = json_text_quoted_size(text, n_text);
    char *quoted = malloc(n_quoted);
    fuzz_must(json_text_quote(quoted, text, n_text) == quoted + n_quoted, "a string has the size that was said");
    fuzz_must(json_text_is_valid(quoted, n_quoted), "a string is valid JSON");
    json_t *string = json_loadb(quoted, n_quoted, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    fuzz_must(json_is_string(string) && json_string_length(string) == n_text &&
                  (n_text == 0 || memcmp(json_string_value(string), text, n_text) == 0),
              "a string says what was quoted");
    json_decref(string);
    free(quoted);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    char *text = fuzz_copy(bytes, n_bytes);
    if (utf8_is_valid(text, n_bytes)) {
        bool is_valid = json_text_is_valid(text, n_bytes);
        compare(text, n_bytes, is_valid);
        find(text, n_bytes, is_valid);
        quote(text, n_bytes);
    }
    free(text);
    return 0;
}
