/* Pieces: what a text frame of barker.v1 is made of: sized first, then written in place, once. Any thread; no state.
   The array is the caller's and has room for what is added; so do the bytes live until the frame is built. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "hub/frame.h"

typedef enum PieceKind {
    PIECE_PLAIN,
    PIECE_QUOTED, /* a JSON string of valid UTF-8 */
    PIECE_BASE64, /* the same of any bytes, encoded */
    PIECE_NUMBER,
} PieceKind;

typedef struct Piece {
    PieceKind kind;
    const char *bytes;
    uint64_t n; /* bytes; or the number itself */
} Piece;

typedef struct Pieces {
    Piece *pieces;
    size_t n_pieces;
} Pieces;

void pieces_add(Pieces *pieces, PieceKind kind, const char *bytes, size_t n_bytes);
void pieces_add_plain(Pieces *pieces, const char *text);
void pieces_add_quoted(Pieces *pieces, const char *text);
void pieces_add_number(Pieces *pieces, uint64_t number);
/* `,"epoch":"…","seq":…`; nothing when there is no place. */
void pieces_add_place(Pieces *pieces, Position position);
/* `,"data":…`, `,"text":…` or `,"base64":…` by what the payload is. */
void pieces_add_payload(Pieces *pieces, const Message *message);

int pieces_build(Frame **out, const Pieces *pieces); /* a text frame. -ENOMEM */
