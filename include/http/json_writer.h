/* JsonWriter: JSON text, written from front to back into a Buf. Owner: whoever embeds it.
   Commas come by themselves. The first failure is kept, and what follows it does nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "hub/message.h"

typedef struct JsonWriter {
    Buf *out;
    int error; /* 0, BUF_FULL or -ENOMEM */
    bool needs_comma;
} JsonWriter;

void json_writer_init(JsonWriter *writer, Buf *out);                        /* out is borrowed */
void json_writer_open(JsonWriter *writer, char bracket);                    /* '{' or '[' */
void json_writer_close(JsonWriter *writer, char bracket);                   /* '}' or ']' */
void json_writer_name(JsonWriter *writer, const char *name);                /* plain letters; its value follows */
void json_writer_raw(JsonWriter *writer, const char *text, size_t n_text);  /* a value that is JSON */
void json_writer_text(JsonWriter *writer, const char *text, size_t n_text); /* null when it is no valid UTF-8 */
void json_writer_string(JsonWriter *writer, const char *text);              /* the same; NULL: null */
void json_writer_number(JsonWriter *writer, uint64_t number);
void json_writer_boolean(JsonWriter *writer, bool is_true);
/* {"epoch":"…","seq":…}, or null when it is no place. */
void json_writer_position(JsonWriter *writer, Position position);
/* "data":…, "text":… or "base64":… by what the payload is. */
void json_writer_payload(JsonWriter *writer, const char *payload, size_t n_payload);
