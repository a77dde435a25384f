#include "dialect/barker_v1_frames.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/utf8.h"
#include "dialect/json_text.h"
#include "session/table.h"

typedef enum PieceKind { PIECE_PLAIN, PIECE_QUOTED, PIECE_BASE64 } PieceKind;

typedef struct Piece {
    PieceKind kind;
    const char *bytes;
    size_t n_bytes;
} Piece;

enum { PIECES_MAX = 12, NUMBER_SIZE = 24 };

/* What a text frame is made of: sized first, then written in place, once. */
typedef struct Pieces {
    Piece pieces[PIECES_MAX];
    size_t n_pieces;
    char digits[NUMBER_SIZE]; /* of the one number that a frame has at most */
} Pieces;

static void add(Pieces *pieces, PieceKind kind, const char *bytes, size_t n_bytes) {
    pieces->pieces[pieces->n_pieces++] = (Piece){kind, bytes, n_bytes};
}

static void add_plain(Pieces *pieces, const char *text) {
    add(pieces, PIECE_PLAIN, text, strlen(text));
}

static void add_quoted(Pieces *pieces, const char *text) {
    add(pieces, PIECE_QUOTED, text, strlen(text));
}

static void add_number(Pieces *pieces, uint64_t number) {
    snprintf(pieces->digits, sizeof(pieces->digits), "%" PRIu64, number);
    add_plain(pieces, pieces->digits);
}

static size_t piece_size(const Piece *piece) {
    switch (piece->kind) {
    case PIECE_QUOTED:
        return json_text_quoted_size(piece->bytes, piece->n_bytes);
    case PIECE_BASE64:
        return base64_encoded_size(piece->n_bytes) + 2;
    default:
        return piece->n_bytes;
    }
}

static char *piece_write(const Piece *piece, char *out) {
    switch (piece->kind) {
    case PIECE_QUOTED:
        return json_text_quote(out, piece->bytes, piece->n_bytes);
    case PIECE_BASE64:
        *out++ = '"';
        base64_encode(out, piece->bytes, piece->n_bytes);
        out += base64_encoded_size(piece->n_bytes);
        *out++ = '"';
        return out;
    default:
        memcpy(out, piece->bytes, piece->n_bytes);
        return out + piece->n_bytes;
    }
}

static int build(Frame **out, const Pieces *pieces) {
    size_t size = 0;
    for (size_t i = 0; i < pieces->n_pieces; i++)
        size += piece_size(&pieces->pieces[i]);
    Frame *frame;
    uint8_t *payload;
    int r = frame_new(&frame, FRAME_TEXT, size, &payload);
    if (r < 0)
        return error_trace(r);
    char *at = (char *)payload;
    for (size_t i = 0; i < pieces->n_pieces; i++)
        at = piece_write(&pieces->pieces[i], at);
    *out = frame;
    return 0;
}

static void send_pieces(Session *session, const Pieces *pieces) {
    Frame *frame = NULL;
    if (build(&frame, pieces) < 0) {
        session_close(session, CAUSE_OUT_OF_MEMORY);
        return;
    }
    session_send(session, frame);
    frame_unref(frame);
}

int barker_v1_encode(Frame **out, const Message *message) {
    const char *payload = message_payload(message);
    size_t n_payload = message->n_payload;
    Pieces pieces = {.n_pieces = 0};
    add_plain(&pieces, "{\"type\":\"message\",\"channel\":");
    add(&pieces, PIECE_QUOTED, message_channel(message), message->n_channel);
    if (!utf8_is_valid(payload, n_payload)) {
        add_plain(&pieces, ",\"base64\":");
        add(&pieces, PIECE_BASE64, payload, n_payload);
    } else if (json_text_is_valid(payload, n_payload)) {
        add_plain(&pieces, ",\"data\":");
        add(&pieces, PIECE_PLAIN, payload, n_payload);
    } else {
        add_plain(&pieces, ",\"text\":");
        add(&pieces, PIECE_QUOTED, payload, n_payload);
    }
    add_plain(&pieces, "}");
    int r = build(out, &pieces);
    return r < 0 ? error_trace(r) : 0;
}

void barker_v1_send_welcome(Session *session) {
    const SessionOptions *options = &session->table->options;
    char id[24];
    Pieces pieces = {.n_pieces = 0};
    add_plain(&pieces, "{\"type\":\"welcome\",\"connection\":");
    add_quoted(&pieces, session_id_text(session, id));
    add_plain(&pieces, ",\"node\":");
    add_quoted(&pieces, options->node_id);
    add_plain(&pieces, ",\"protocol\":\"barker.v1\",\"ping_interval_ms\":");
    add_number(&pieces, options->watchdog.ping_ms);
    add_plain(&pieces, "}");
    send_pieces(session, &pieces);
}

void barker_v1_send_ok(Session *session, uint64_t id) {
    Pieces pieces = {.n_pieces = 0};
    add_plain(&pieces, "{\"type\":\"ok\"");
    if (id != 0) {
        add_plain(&pieces, ",\"id\":");
        add_number(&pieces, id);
    }
    add_plain(&pieces, "}");
    send_pieces(session, &pieces);
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
    [BARKER_V1_NOT_SUPPORTED] = {"not_supported", "this request arrives with a later version", false},
    [BARKER_V1_BAD_CHANNEL] = {"bad_channel", "a channel's name is UTF-8, 1 to 255 bytes, without control characters", false},
    [BARKER_V1_FORBIDDEN] = {"forbidden", "this connection may not do that", false},
    [BARKER_V1_ALREADY_SUBSCRIBED] = {"already_subscribed", "this connection is subscribed to the channel", false},
    [BARKER_V1_NOT_SUBSCRIBED] = {"not_subscribed", "this connection is not subscribed to the channel", false},
    [BARKER_V1_CANCELLED] = {"cancelled", "unsubscribed before the subscription was acknowledged", false},
    [BARKER_V1_TOO_MANY_SUBSCRIPTIONS] = {"too_many_subscriptions", "this connection has as many as it may", false},
    [BARKER_V1_MESSAGE_TOO_BIG] = {"message_too_big", "the payload is over the limit", false},
    [BARKER_V1_REFUSED] = {"refused", "the broker refused", false},
    [BARKER_V1_UNAVAILABLE] = {"unavailable", "the broker cannot be reached, try again later", true},
    [BARKER_V1_OVERLOADED] = {"overloaded", "too much is waiting for the broker, try again later", true},
};

const char *barker_v1_error_code(BarkerV1Error error) {
    return error_texts[error].code;
}

void barker_v1_send_error(Session *session, BarkerV1Error error, const BarkerV1Answer *answer) {
    const ErrorText *text = &error_texts[error];
    Pieces pieces = {.n_pieces = 0};
    add_plain(&pieces, "{\"type\":\"error\"");
    if (answer->id != 0) {
        add_plain(&pieces, ",\"id\":");
        add_number(&pieces, answer->id);
    }
    if (answer->channel) {
        add_plain(&pieces, ",\"channel\":");
        add_quoted(&pieces, answer->channel);
    }
    add_plain(&pieces, ",\"code\":");
    add_quoted(&pieces, text->code);
    add_plain(&pieces, ",\"message\":");
    add_quoted(&pieces, answer->detail ? answer->detail : text->message);
    add_plain(&pieces, text->is_temporary ? ",\"retry\":true}" : ",\"retry\":false}");
    send_pieces(session, &pieces);
}

int barker_v1_gap_frame(Frame **out, const char *channel, GapReason reason) {
    static const char *const words[GAP_REASONS] = {
        [GAP_BROKER] = "broker_reconnected",
        [GAP_SLOW] = "slow_consumer",
        [GAP_NODE] = "node_overloaded",
    };
    Pieces pieces = {.n_pieces = 0};
    add_plain(&pieces, "{\"type\":\"gap\",\"channel\":");
    add_quoted(&pieces, channel);
    add_plain(&pieces, ",\"reason\":");
    add_quoted(&pieces, words[reason]);
    add_plain(&pieces, "}");
    int r = build(out, &pieces);
    return r < 0 ? error_trace(r) : 0;
}

void barker_v1_send_closing(Session *session, uint16_t code, const char *reason) {
    Pieces pieces = {.n_pieces = 0};
    add_plain(&pieces, "{\"type\":\"closing\",\"code\":");
    add_number(&pieces, code);
    add_plain(&pieces, ",\"reason\":");
    add_quoted(&pieces, reason);
    add_plain(&pieces, "}");
    send_pieces(session, &pieces);
}
