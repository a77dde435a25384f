/* JSON text: is it valid (RFC 8259), where is a member's value, and how a string is written. Allocates nothing. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { JSON_DEPTH_MAX = 512 }; /* deeper nesting counts as not valid */

/* One JSON value with white space around it; the bytes must be valid UTF-8 already. */
bool json_text_is_valid(const char *text, size_t n_text);

/* The value of an object's member as it stands in the text, white space around it left out. False when text has no such
   member at its outermost level, or names it with escapes. text should be one valid JSON object: of anything else the span
   means nothing, but lies within the text. key: plain letters, NUL-terminated. */
bool json_text_find(const char *text, size_t n_text, const char *key, const char **value, size_t *n_value);

/* The elements of an array, one after another: at begins at its text and is moved on. False at the end. text should be one valid JSON
   array, from its bracket: of anything else the span means nothing, but lies within the text. */
bool json_text_next(const char **at, const char *end, const char **value, size_t *n_value);

/* Size and bytes of text as a JSON string with its quotes; text must be valid UTF-8. */
size_t json_text_quoted_size(const char *text, size_t n_text);
char *json_text_quote(char *out, const char *text, size_t n_text); /* the end of what it wrote; no NUL */
