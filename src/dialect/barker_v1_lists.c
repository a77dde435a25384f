/* The frames of barker.v1 that hold a list: their pieces do not fit the stack. */
#include <stdlib.h>

#include "dialect/barker_v1_frames.h"
#include "session/session.h"

enum { PIECES_OF_HEAD = 16, PIECES_OF_ITEM = 12 };

static bool begin(Pieces *pieces, uint32_t n_items) {
    *pieces = (Pieces){.pieces = calloc(PIECES_OF_HEAD + (size_t)n_items * PIECES_OF_ITEM, sizeof(Piece))};
    return pieces->pieces != NULL;
}

static void add_head(Pieces *pieces, const char *head, uint64_t id, const char *channel) {
    pieces_add_plain(pieces, head);
    pieces_add_number(pieces, id);
    pieces_add_plain(pieces, ",\"channel\":");
    pieces_add_quoted(pieces, channel);
}

static void end(Session *session, Pieces *pieces) {
    Frame *frame;
    pieces_add_plain(pieces, "]}");
    if (pieces_build(&frame, pieces) < 0) {
        session_close(session, CAUSE_OUT_OF_MEMORY);
    } else {
        session_send(session, frame);
        frame_unref(frame);
    }
    free(pieces->pieces);
}

static void add_message(Pieces *pieces, const Message *message, bool is_first) {
    pieces_add_plain(pieces, is_first ? "{\"epoch\":\"" : ",{\"epoch\":\"");
    pieces_add_number(pieces, message->position.epoch);
    pieces_add_plain(pieces, "\",\"seq\":");
    pieces_add_number(pieces, message->position.seq);
    pieces_add_payload(pieces, message);
    pieces_add_plain(pieces, "}");
}

void barker_v1_send_history(Session *session, uint64_t id, const char *channel, const HistoryReply *reply) {
    Pieces pieces;
    if (!begin(&pieces, reply->n_messages)) {
        session_close(session, CAUSE_OUT_OF_MEMORY);
        return;
    }
    add_head(&pieces, "{\"type\":\"history\",\"id\":", id, channel);
    pieces_add_plain(&pieces, reply->is_recovered ? ",\"recovered\":true" : ",\"recovered\":false");
    pieces_add_place(&pieces, reply->position);
    pieces_add_plain(&pieces, reply->has_more ? ",\"more\":true,\"messages\":[" : ",\"more\":false,\"messages\":[");
    for (uint32_t i = 0; i < reply->n_messages; i++)
        add_message(&pieces, reply->messages[i], i == 0);
    end(session, &pieces);
}

void barker_v1_send_presence(Session *session, uint64_t id, const char *channel, const PresenceReply *reply) {
    Pieces pieces;
    if (!begin(&pieces, reply->n_members)) {
        session_close(session, CAUSE_OUT_OF_MEMORY);
        return;
    }
    add_head(&pieces, "{\"type\":\"presence\",\"id\":", id, channel);
    pieces_add_plain(&pieces, ",\"members\":[");
    bool is_first = true;
    for (uint32_t i = 0; i < reply->n_members; i++) {
        BarkerV1Member member;
        if (!barker_v1_member_find(&member, reply->members[i].text, reply->members[i].n_text))
            continue;
        pieces_add_plain(&pieces, is_first ? "{" : ",{");
        barker_v1_member_add(&pieces, &member);
        pieces_add_plain(&pieces, ",\"connections\":");
        pieces_add_number(&pieces, reply->members[i].n_connections);
        pieces_add_plain(&pieces, "}");
        is_first = false;
    }
    end(session, &pieces);
}
