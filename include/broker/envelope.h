/* Envelope: what the functions in deploy/redis/barker.lua publish around a payload. Any thread; no state.
   It is the head, "\0barker/1 ", a kind, its fields, LF; then the payload's own bytes:
     m EPOCH-SEQ      a message with its place in the channel's history, both decimal
     j VERSION BYTES  presence: a user has come; behind the LF its name, BYTES long, then the member, a JSON object
     l VERSION BYTES  presence: a user has gone; the same
     e                a live payload that itself begins like an envelope
   What begins otherwise, or is not exactly one of these, is a live payload as it stands. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/message.h"

enum { ENVELOPE_HEAD_MAX = 64 }; /* bytes up to and with the LF */

typedef struct Envelope {
    MessageKind kind;
    Position position; /* MESSAGE_DATA; epoch 0: live */
    uint64_t version;  /* presence: one more with each event of the channel */
    const char *user;  /* presence */
    size_t n_user;
    const char *payload; /* of presence: the member */
    size_t n_payload;
} Envelope;

/* The spans point into the bytes. */
void envelope_open(Envelope *out, const void *bytes, size_t n_bytes);
/* Whether a live payload must be given the head "e" before it is published. */
bool envelope_is_needed(const void *payload, size_t n_payload);
/* Each writes a head without a NUL and returns its size. */
size_t envelope_head_escape(char head[static ENVELOPE_HEAD_MAX]);
size_t envelope_head_message(char head[static ENVELOPE_HEAD_MAX], Position position);
size_t envelope_head_presence(char head[static ENVELOPE_HEAD_MAX], MessageKind kind, uint64_t version, size_t n_user);
