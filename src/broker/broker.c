#include "broker/broker.h"

#include <stdlib.h>

HistoryReply *history_reply_new(uint32_t n_messages) {
    HistoryReply *reply = calloc(1, sizeof *reply + n_messages * sizeof reply->messages[0]);
    if (!reply)
        return NULL;
    ref_init(&reply->ref);
    reply->n_messages = n_messages;
    return reply;
}

HistoryReply *history_reply_ref(HistoryReply *reply) {
    ref_acquire(&reply->ref);
    return reply;
}

HistoryReply *history_reply_unref(HistoryReply *reply) {
    if (!reply || !ref_release(&reply->ref))
        return NULL;
    for (uint32_t i = 0; i < reply->n_messages; i++)
        message_unref(reply->messages[i]);
    free(reply);
    return NULL;
}

PresenceReply *presence_reply_new(uint32_t n_members, size_t n_texts) {
    size_t n_table = n_members * sizeof(PresenceMember);
    PresenceReply *reply = calloc(1, sizeof *reply + n_table + n_texts);
    if (!reply)
        return NULL;
    ref_init(&reply->ref);
    reply->n_members = n_members;
    reply->members = (PresenceMember *)(reply + 1);
    return reply;
}

char *presence_reply_texts(PresenceReply *reply) {
    return (char *)(reply->members + reply->n_members);
}

PresenceReply *presence_reply_ref(PresenceReply *reply) {
    ref_acquire(&reply->ref);
    return reply;
}

PresenceReply *presence_reply_unref(PresenceReply *reply) {
    if (reply && ref_release(&reply->ref))
        free(reply);
    return NULL;
}
