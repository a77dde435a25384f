#include "dialect/barker_v1_pieces.h"

#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/utf8.h"
#include "dialect/json_text.h"

void pieces_add(Pieces *pieces, PieceKind kind, const char *bytes, size_t n_bytes) {
    pieces->pieces[pieces->n_pieces++] = (Piece){kind, bytes, n_bytes};
}

void pieces_add_plain(Pieces *pieces, const char *text) {
    pieces_add(pieces, PIECE_PLAIN, text, strlen(text));
}

void pieces_add_quoted(Pieces *pieces, const char *text) {
    pieces_add(pieces, PIECE_QUOTED, text, strlen(text));
}

void pieces_add_number(Pieces *pieces, uint64_t number) {
    pieces->pieces[pieces->n_pieces++] = (Piece){.kind = PIECE_NUMBER, .n = number};
}

void pieces_add_place(Pieces *pieces, Position position) {
    if (position.epoch == 0)
        return;
    pieces_add_plain(pieces, ",\"epoch\":\"");
    pieces_add_number(pieces, position.epoch);
    pieces_add_plain(pieces, "\",\"seq\":");
    pieces_add_number(pieces, position.seq);
}

void pieces_add_payload(Pieces *pieces, const Message *message) {
    const char *payload = message_payload(message);
    size_t n_payload = message->n_payload;
    if (!utf8_is_valid(payload, n_payload)) {
        pieces_add_plain(pieces, ",\"base64\":");
        pieces_add(pieces, PIECE_BASE64, payload, n_payload);
    } else if (json_text_is_valid(payload, n_payload)) {
        pieces_add_plain(pieces, ",\"data\":");
        pieces_add(pieces, PIECE_PLAIN, payload, n_payload);
    } else {
        pieces_add_plain(pieces, ",\"text\":");
        pieces_add(pieces, PIECE_QUOTED, payload, n_payload);
    }
}

static size_t number_size(uint64_t number) {
    size_t n_digits = 1;
    while (number >= 10) {
        number /= 10;
        n_digits++;
    }
    return n_digits;
}

static char *number_write(uint64_t number, char *out) {
    char *end = out + number_size(number);
    for (char *at = end; at > out; number /= 10)
        *--at = (char)('0' + number % 10);
    return end;
}

static size_t piece_size(const Piece *piece) {
    switch (piece->kind) {
    case PIECE_QUOTED:
        return json_text_quoted_size(piece->bytes, piece->n);
    case PIECE_BASE64:
        return base64_encoded_size(piece->n) + 2;
    case PIECE_NUMBER:
        return number_size(piece->n);
    default:
        return piece->n;
    }
}

static char *piece_write(const Piece *piece, char *out) {
    switch (piece->kind) {
    case PIECE_QUOTED:
        return json_text_quote(out, piece->bytes, piece->n);
    case PIECE_BASE64:
        *out++ = '"';
        base64_encode(out, piece->bytes, piece->n);
        out += base64_encoded_size(piece->n);
        *out++ = '"';
        return out;
    case PIECE_NUMBER:
        return number_write(piece->n, out);
    default:
        memcpy(out, piece->bytes, piece->n);
        return out + piece->n;
    }
}

int pieces_build(Frame **out, const Pieces *pieces) {
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
