/* barker.v1, towards the client: every frame that the server may send. Owner: the connection's worker.
   A frame that cannot be built for want of memory ends the connection (1011): the client must not wait for it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dialect/barker_v1_pieces.h"
#include "hub/channel.h"
#include "hub/frame.h"
#include "session/session.h"

/* The reasons of an `error`. Their words are part of the protocol: proto/README.md. */
typedef enum BarkerV1Error {
    BARKER_V1_OK,
    BARKER_V1_BAD_JSON,
    BARKER_V1_BAD_MESSAGE,
    BARKER_V1_UNKNOWN_TYPE,
    BARKER_V1_BAD_CHANNEL,
    BARKER_V1_FORBIDDEN,
    BARKER_V1_UNAUTHORIZED,
    BARKER_V1_BAD_TOKEN,
    BARKER_V1_TOKEN_EXPIRED,
    BARKER_V1_ALREADY_SUBSCRIBED,
    BARKER_V1_NOT_SUBSCRIBED,
    BARKER_V1_CANCELLED,
    BARKER_V1_TOO_MANY_SUBSCRIPTIONS,
    BARKER_V1_TOO_MANY_CONNECTIONS,
    BARKER_V1_MESSAGE_TOO_BIG,
    BARKER_V1_NOT_KEPT,
    BARKER_V1_REFUSED,
    BARKER_V1_UNAVAILABLE,
    BARKER_V1_OVERLOADED,
    BARKER_V1_RATE_LIMITED,
    BARKER_V1_ERRORS,
} BarkerV1Error;

/* Which request an error answers, and what else there is to say; what is absent is left out of the frame. */
typedef struct BarkerV1Answer {
    uint64_t id;         /* 0: none */
    const char *channel; /* NULL: none. For what no id tells: a channel that the URL asked for */
    const char *detail;  /* NULL: the error's own text */
} BarkerV1Answer;

const char *barker_v1_error_code(BarkerV1Error error); /* the word on the wire */

void barker_v1_send_welcome(Session *session);
/* id 0: none; position of epoch 0: none. */
void barker_v1_send_ok(Session *session, uint64_t id, Position position);
void barker_v1_send_resumed(Session *session, uint64_t id, bool is_recovered, Position position);
void barker_v1_send_error(Session *session, BarkerV1Error error, const BarkerV1Answer *answer);
void barker_v1_send_subscribed(Session *session, const char *channel, Position position);
void barker_v1_send_unsubscribed(Session *session, const char *channel, uint16_t code, const char *reason);
void barker_v1_send_closing(Session *session, uint16_t code, const char *reason, uint32_t reconnect_after_ms);

void barker_v1_send_history(Session *session, uint64_t id, const char *channel, const HistoryReply *reply);
void barker_v1_send_presence(Session *session, uint64_t id, const char *channel, const PresenceReply *reply);

/* A `message` with `data`, `text` or `base64` by what the payload is, a `join` or a `leave`; *out NULL for a member that is none
   of ours. -ENOMEM. */
int barker_v1_encode(Frame **out, const Message *message);
int barker_v1_gap_frame(Frame **out, const Channel *channel, GapReason reason); /* -ENOMEM */

/* Who is in a channel: values of the JSON object that tells, as they stand there. */
typedef struct BarkerV1Member {
    const char *user;
    size_t n_user;
    const char *info; /* NULL: none */
    size_t n_info;
} BarkerV1Member;

bool barker_v1_member_find(BarkerV1Member *out, const char *text, size_t n_text); /* false: it is no member */
void barker_v1_member_add(Pieces *pieces, const BarkerV1Member *member);          /* `"user":…,"info":…` */
