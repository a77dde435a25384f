#include "http/json_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/utf8.h"
#include "dialect/json_text.h"

void json_writer_init(JsonWriter *writer, Buf *out) {
    *writer = (JsonWriter){.out = out};
}

static void writer_append(JsonWriter *writer, const char *text, size_t n_text) {
    if (writer->error == 0)
        writer->error = buf_append(writer->out, text, n_text);
}

static char *writer_room(JsonWriter *writer, size_t n_bytes) { /* NULL after a failure */
    uint8_t *room = NULL;
    if (writer->error == 0)
        writer->error = buf_extend(writer->out, n_bytes, &room);
    return writer->error == 0 ? (char *)room : NULL;
}

static void writer_separate(JsonWriter *writer) {
    if (writer->needs_comma)
        writer_append(writer, ",", 1);
    writer->needs_comma = true;
}

void json_writer_open(JsonWriter *writer, char bracket) {
    writer_separate(writer);
    writer_append(writer, &bracket, 1);
    writer->needs_comma = false;
}

void json_writer_close(JsonWriter *writer, char bracket) {
    writer_append(writer, &bracket, 1);
    writer->needs_comma = true;
}

void json_writer_name(JsonWriter *writer, const char *name) {
    json_writer_text(writer, name, strlen(name));
    writer_append(writer, ":", 1);
    writer->needs_comma = false;
}

void json_writer_raw(JsonWriter *writer, const char *text, size_t n_text) {
    writer_separate(writer);
    writer_append(writer, text, n_text);
}

void json_writer_text(JsonWriter *writer, const char *text, size_t n_text) {
    if (!utf8_is_valid(text, n_text)) {
        json_writer_string(writer, NULL);
        return;
    }
    writer_separate(writer);
    char *room = writer_room(writer, json_text_quoted_size(text, n_text));
    if (room)
        json_text_quote(room, text, n_text);
}

void json_writer_string(JsonWriter *writer, const char *text) {
    if (text)
        json_writer_text(writer, text, strlen(text));
    else
        json_writer_raw(writer, "null", 4);
}

static void json_writer_base64(JsonWriter *writer, const void *bytes, size_t n_bytes) {
    writer_separate(writer);
    size_t n_encoded = base64_encoded_size(n_bytes);
    char *room = writer_room(writer, n_encoded + 2);
    if (!room)
        return;
    room[0] = '"';
    base64_encode(room + 1, bytes, n_bytes);
    room[n_encoded + 1] = '"';
}

void json_writer_number(JsonWriter *writer, uint64_t number) {
    char digits[24];
    json_writer_raw(writer, digits, (size_t)snprintf(digits, sizeof digits, "%" PRIu64, number));
}

void json_writer_boolean(JsonWriter *writer, bool is_true) {
    json_writer_raw(writer, is_true ? "true" : "false", is_true ? 4 : 5);
}

void json_writer_position(JsonWriter *writer, Position position) {
    if (position.epoch == 0) {
        json_writer_string(writer, NULL);
        return;
    }
    char epoch[24];
    snprintf(epoch, sizeof epoch, "%" PRIu64, position.epoch);
    json_writer_open(writer, '{');
    json_writer_name(writer, "epoch"); /* a string: it may be more than a JavaScript number holds */
    json_writer_string(writer, epoch);
    json_writer_name(writer, "seq");
    json_writer_number(writer, position.seq);
    json_writer_close(writer, '}');
}

void json_writer_payload(JsonWriter *writer, const char *payload, size_t n_payload) {
    if (!utf8_is_valid(payload, n_payload)) {
        json_writer_name(writer, "base64");
        json_writer_base64(writer, payload, n_payload);
    } else if (json_text_is_valid(payload, n_payload)) {
        json_writer_name(writer, "data");
        json_writer_raw(writer, payload, n_payload);
    } else {
        json_writer_name(writer, "text");
        json_writer_text(writer, payload, n_payload);
    }
}
