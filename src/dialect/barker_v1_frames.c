#include "dialect/barker_v1_frames.h"

#include <errno.h>

#include "base/error.h"
#include "base/utf8.h"
#include "dialect/barker_v1_pieces.h"
#include "dialect/json_text.h"
#include "session/table.h"

enum { PIECES_MAX = 12 };

static void send_pieces(Session *session, const Pieces *pieces) {
    Frame *frame = NULL;
    if (pieces_build(&frame, pieces) < 0) {
        session_close(session, CAUSE_OUT_OF_MEMORY);
        return;
    }
    session_send(session, frame);
    frame_unref(frame);
}

static int encode_data(Frame **out, const Message *message) {
    Piece storage[PIECES_MAX];
    Pieces pieces = {.pieces = storage};
    pieces_add_plain(&pieces, "{\"type\":\"message\",\"channel\":");
    pieces_add(&pieces, PIECE_QUOTED, message_channel(message), message->n_channel);
    pieces_add_place(&pieces, message->position);
    pieces_add_payload(&pieces, message);
    pieces_add_plain(&pieces, "}");
    int r = pieces_build(out, &pieces);
    return r < 0 ? error_trace(r) : 0;
}

bool barker_v1_member_find(BarkerV1Member *out, const char *text, size_t n_text) {
    *out = (BarkerV1Member){.info = NULL};
    if (n_text == 0 || text[0] != '{' || !utf8_is_valid(text, n_text) || !json_text_is_valid(text, n_text))
        return false;
    (void)json_text_find(text, n_text, "info", &out->info, &out->n_info);
    return json_text_find(text, n_text, "user", &out->user, &out->n_user) && out->user[0] == '"';
}

void barker_v1_member_add(Pieces *pieces, const BarkerV1Member *member) {
    pieces_add_plain(pieces, "\"user\":");
    pieces_add(pieces, PIECE_PLAIN, member->user, member->n_user);
    if (member->info) {
        pieces_add_plain(pieces, ",\"info\":");
        pieces_add(pieces, PIECE_PLAIN, member->info, member->n_info);
    }
}

static int encode_presence(Frame **out, const Message *message, const char *head) {
    Piece storage[PIECES_MAX];
    Pieces pieces = {.pieces = storage};
    BarkerV1Member member;
    if (!barker_v1_member_find(&member, message_payload(message), message->n_payload)) {
        *out = NULL; /* of another making: there is nobody to name */
        return 0;
    }
    pieces_add_plain(&pieces, head);
    pieces_add(&pieces, PIECE_QUOTED, message_channel(message), message->n_channel);
    pieces_add_plain(&pieces, ",");
    barker_v1_member_add(&pieces, &member);
    pieces_add_plain(&pieces, "}");
    int r = pieces_build(out, &pieces);
    return r < 0 ? error_trace(r) : 0;
}

int barker_v1_encode(Frame **out, const Message *message) {
    switch (message->kind) {
    case MESSAGE_JOIN:
        return encode_presence(out, message, "{\"type\":\"join\",\"channel\":");
    case MESSAGE_LEAVE:
        return encode_presence(out, message, "{\"type\":\"leave\",\"channel\":");
    default:
        return encode_data(out, message);
    }
}

void barker_v1_send_welcome(Session *session) {
    const SessionOptions *options = &session->table->options;
    char id[24];
    Piece storage[PIECES_MAX];
    Pieces pieces = {.pieces = storage};
    pieces_add_plain(&pieces, "{\"type\":\"welcome\",\"connection\":");
    pieces_add_quoted(&pieces, session_id_text(session, id));
    pieces_add_plain(&pieces, ",\"node\":");
    pieces_add_quoted(&pieces, options->node_id);
    pieces_add_plain(&pieces, ",\"protocol\":\"barker.v1\",\"ping_interval_ms\":");
    pieces_add_number(&pieces, options->watchdog.ping_ms);
    pieces_add_plain(&pieces, "}");
    send_pieces(session, &pieces);
}

static void add_id(Pieces *pieces, uint64_t id) {
    if (id != 0) {
        pieces_add_plain(pieces, ",\"id\":");
        pieces_add_number(pieces, id);
    }
}

static void send_ok(Session *session, uint64_t id, Position position, const char *end) {
    Piece storage[PIECES_MAX];
    Pieces pieces = {.pieces = storage};
    pieces_add_plain(&pieces, "{\"type\":\"ok\"");
    add_id(&pieces, id);
    pieces_add_place(&pieces, position);
    pieces_add_plain(&pieces, end);
    send_pieces(session, &pieces);
}

void barker_v1_send_ok(Session *session, uint64_t id, Position position) {
    send_ok(session, id, position, "}");
}

void barker_v1_send_resumed(Session *session, uint64_t id, bool is_recovered, Position position) {
    send_ok(session, id, position, is_recovered ? ",\"recovered\":true}" : ",\"recovered\":false}");
}

typedef struct ErrorText {
    const char *code;
    const char *message;
    bool is_temporary; /* the same request may succeed later */
} ErrorText;

static const ErrorText error_texts[BARKER_V1_ERRORS] = {
    [BARKER_V1_OK] = {"ok", "", false},
    [BARKER_V1_BAD_JSON] = {"bad_json", "the message is not valid JSON", false},
    [BARKER_V1_BAD_MESSAGE] = {"bad_message", "the message lacks a field or has one of the wrong kind", false},
    [BARKER_V1_UNKNOWN_TYPE] = {"unknown_type", "there is no request of this type", false},
    [BARKER_V1_BAD_CHANNEL] = {"bad_channel", "a channel's name is UTF-8, 1 to 255 bytes, without control characters", false},
    [BARKER_V1_FORBIDDEN] = {"forbidden", "this connection may not do that", false},
    [BARKER_V1_UNAUTHORIZED] = {"unauthorized", "this needs a token", false},
    [BARKER_V1_BAD_TOKEN] = {"bad_token", "the token is not accepted", false},
    [BARKER_V1_TOKEN_EXPIRED] = {"token_expired", "the token has expired", false},
    [BARKER_V1_ALREADY_SUBSCRIBED] = {"already_subscribed", "this connection is subscribed to the channel", false},
    [BARKER_V1_NOT_SUBSCRIBED] = {"not_subscribed", "this connection is not subscribed to the channel", false},
    [BARKER_V1_CANCELLED] = {"cancelled", "unsubscribed before the subscription was acknowledged", false},
    [BARKER_V1_TOO_MANY_SUBSCRIPTIONS] = {"too_many_subscriptions", "this connection has as many as it may", false},
    [BARKER_V1_TOO_MANY_CONNECTIONS] = {"too_many_connections", "this user has as many connections as it may", true},
    [BARKER_V1_MESSAGE_TOO_BIG] = {"message_too_big", "the payload is over the limit", false},
    [BARKER_V1_NOT_KEPT] = {"not_kept", "the channel's namespace keeps none", false},
    [BARKER_V1_REFUSED] = {"refused", "the broker refused", false},
    [BARKER_V1_UNAVAILABLE] = {"unavailable", "the broker cannot be reached, try again later", true},
    [BARKER_V1_OVERLOADED] = {"overloaded", "too much is waiting for the broker, try again later", true},
    [BARKER_V1_RATE_LIMITED] = {"rate_limited", "more messages a second than allowed, try again later", true},
};

const char *barker_v1_error_code(BarkerV1Error error) {
    return error_texts[error].code;
}

void barker_v1_send_error(Session *session, BarkerV1Error error, const BarkerV1Answer *answer) {
    const ErrorText *text = &error_texts[error];
    Piece storage[PIECES_MAX];
    Pieces pieces = {.pieces = storage};
    pieces_add_plain(&pieces, "{\"type\":\"error\"");
    add_id(&pieces, answer->id);
    if (answer->channel) {
        pieces_add_plain(&pieces, ",\"channel\":");
        pieces_add_quoted(&pieces, answer->channel);
    }
    pieces_add_plain(&pieces, ",\"code\":");
    pieces_add_quoted(&pieces, text->code);
    pieces_add_plain(&pieces, ",\"message\":");
    pieces_add_quoted(&pieces, answer->detail ? answer->detail : text->message);
    pieces_add_plain(&pieces, text->is_temporary ? ",\"retry\":true}" : ",\"retry\":false}");
    send_pieces(session, &pieces);
}

int barker_v1_gap_frame(Frame **out, const Channel *channel, GapReason reason) {
    static const char *const words[GAP_REASONS] = {
        [GAP_BROKER] = "broker_reconnected",
        [GAP_SLOW] = "slow_consumer",
        [GAP_NODE] = "node_overloaded",
    };
    Piece storage[PIECES_MAX];
    Pieces pieces = {.pieces = storage};
    pieces_add_plain(&pieces, "{\"type\":\"gap\",\"channel\":");
    pieces_add_quoted(&pieces, channel->name);
    pieces_add_plain(&pieces, ",\"reason\":");
    pieces_add_quoted(&pieces, words[reason]);
    if (reason != GAP_SLOW) /* what still waits for this connection lies before the channel's position */
        pieces_add_place(&pieces, channel->position);
    pieces_add_plain(&pieces, "}");
    int r = pieces_build(out, &pieces);
    return r < 0 ? error_trace(r) : 0;
}

void barker_v1_send_subscribed(Session *session, const char *channel, Position position) {
    Piece storage[PIECES_MAX];
    Pieces pieces = {.pieces = storage};
    pieces_add_plain(&pieces, "{\"type\":\"subscribed\",\"channel\":");
    pieces_add_quoted(&pieces, channel);
    pieces_add_place(&pieces, position);
    pieces_add_plain(&pieces, "}");
    send_pieces(session, &pieces);
}

static void add_end(Pieces *pieces, uint16_t code, const char *reason) {
    pieces_add_plain(pieces, ",\"code\":");
    pieces_add_number(pieces, code);
    pieces_add_plain(pieces, ",\"reason\":");
    pieces_add_quoted(pieces, reason);
}

void barker_v1_send_unsubscribed(Session *session, const char *channel, uint16_t code, const char *reason) {
    Piece storage[PIECES_MAX];
    Pieces pieces = {.pieces = storage};
    pieces_add_plain(&pieces, "{\"type\":\"unsubscribed\",\"channel\":");
    pieces_add_quoted(&pieces, channel);
    add_end(&pieces, code, reason);
    pieces_add_plain(&pieces, "}");
    send_pieces(session, &pieces);
}

void barker_v1_send_closing(Session *session, uint16_t code, const char *reason, uint32_t reconnect_after_ms) {
    Piece storage[PIECES_MAX];
    Pieces pieces = {.pieces = storage};
    pieces_add_plain(&pieces, "{\"type\":\"closing\"");
    add_end(&pieces, code, reason);
    if (reconnect_after_ms > 0) {
        pieces_add_plain(&pieces, ",\"reconnect_after_ms\":");
        pieces_add_number(&pieces, reconnect_after_ms);
    }
    pieces_add_plain(&pieces, "}");
    send_pieces(session, &pieces);
}
