#include "broker/envelope.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char envelope_magic[] = "\0barker/1 ";
enum { ENVELOPE_MAGIC_BYTES = sizeof envelope_magic - 1 };

typedef struct Head {
    const char *at;
    const char *end; /* before the LF */
} Head;

static bool head_take(Head *head, char expected) {
    if (head->at == head->end || *head->at != expected)
        return false;
    head->at++;
    return true;
}

/* Decimal digits without a leading zero, within 64 bits. */
static bool head_number(Head *head, uint64_t *out) {
    const char *begin = head->at;
    uint64_t number = 0;
    while (head->at < head->end && *head->at >= '0' && *head->at <= '9') {
        uint64_t digit = (uint64_t)(*head->at++ - '0');
        if (number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    size_t n_digits = (size_t)(head->at - begin);
    *out = number;
    return n_digits > 0 && (n_digits == 1 || *begin != '0');
}

static bool envelope_open_message(Envelope *out, Head *head) {
    Position position;
    if (!head_take(head, ' ') || !head_number(head, &position.epoch) || !head_take(head, '-') ||
        !head_number(head, &position.seq) || position.epoch == 0 || position.epoch >> 63 || position.seq == 0)
        return false;
    out->position = position;
    return true;
}

static bool envelope_open_presence(Envelope *out, Head *head, MessageKind kind) {
    uint64_t version, n_user;
    if (!head_take(head, ' ') || !head_number(head, &version) || !head_take(head, ' ') || !head_number(head, &n_user) ||
        n_user == 0 || n_user > out->n_payload)
        return false;
    out->kind = kind;
    out->version = version;
    out->user = out->payload;
    out->n_user = (size_t)n_user;
    out->payload += n_user;
    out->n_payload -= (size_t)n_user;
    return true;
}

static bool envelope_open_kind(Envelope *out, Head *head) {
    bool is_known = false;
    switch (*head->at++) {
    case 'm':
        is_known = envelope_open_message(out, head);
        break;
    case 'j':
        is_known = envelope_open_presence(out, head, MESSAGE_JOIN);
        break;
    case 'l':
        is_known = envelope_open_presence(out, head, MESSAGE_LEAVE);
        break;
    case 'e':
        is_known = true;
        break;
    }
    return is_known && head->at == head->end;
}

void envelope_open(Envelope *out, const void *bytes, size_t n_bytes) {
    const char *begin = bytes;
    *out = (Envelope){.payload = begin, .n_payload = n_bytes};
    if (!envelope_is_needed(bytes, n_bytes))
        return;
    Head head = {.at = begin + ENVELOPE_MAGIC_BYTES};
    size_t n_search = n_bytes < ENVELOPE_HEAD_MAX ? n_bytes : ENVELOPE_HEAD_MAX;
    head.end = memchr(head.at, '\n', n_search - ENVELOPE_MAGIC_BYTES);
    if (!head.end || head.at == head.end)
        return;
    Envelope opened = {.payload = head.end + 1, .n_payload = n_bytes - (size_t)(head.end + 1 - begin)};
    if (envelope_open_kind(&opened, &head))
        *out = opened;
}

bool envelope_is_needed(const void *payload, size_t n_payload) {
    return n_payload >= ENVELOPE_MAGIC_BYTES && memcmp(payload, envelope_magic, ENVELOPE_MAGIC_BYTES) == 0;
}

static size_t envelope_head(char *head, const char *fields, int n_fields) {
    memcpy(head, envelope_magic, ENVELOPE_MAGIC_BYTES);
    memcpy(head + ENVELOPE_MAGIC_BYTES, fields, (size_t)n_fields);
    return ENVELOPE_MAGIC_BYTES + (size_t)n_fields;
}

size_t envelope_head_escape(char head[static ENVELOPE_HEAD_MAX]) {
    return envelope_head(head, "e\n", 2);
}

size_t envelope_head_message(char head[static ENVELOPE_HEAD_MAX], Position position) {
    char fields[ENVELOPE_HEAD_MAX - ENVELOPE_MAGIC_BYTES];
    int n = snprintf(fields, sizeof fields, "m %" PRIu64 "-%" PRIu64 "\n", position.epoch, position.seq);
    return envelope_head(head, fields, n);
}

size_t envelope_head_presence(char head[static ENVELOPE_HEAD_MAX], MessageKind kind, uint64_t version, size_t n_user) {
    char fields[ENVELOPE_HEAD_MAX - ENVELOPE_MAGIC_BYTES];
    int n = snprintf(fields, sizeof fields, "%c %" PRIu64 " %zu\n", kind == MESSAGE_JOIN ? 'j' : 'l', version, n_user);
    return envelope_head(head, fields, n);
}
