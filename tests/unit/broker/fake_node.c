#include "fake_node.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "journal.h"

static char reason_copy[512];
const char *fake_last_reason = reason_copy;

const char *fake_result(BrokerResult result) {
    static const char *const words[] = {"ok", "unavailable", "overloaded", "refused"};
    return words[result];
}

/* " @5-7"; the epoch of a node's own ring is random: " @local-7"; nothing when there is no place. */
static const char *place(Position position) {
    static char text[64];
    text[0] = '\0';
    if (position.epoch >> 63)
        snprintf(text, sizeof text, " @local-%" PRIu64, position.seq);
    else if (position.epoch)
        snprintf(text, sizeof text, " @%" PRIu64 "-%" PRIu64, position.epoch, position.seq);
    return text;
}

static const char *messages(const HistoryReply *reply) {
    static char text[512];
    size_t n = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < reply->n_messages && n < sizeof text / 2; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, " %.*s", (int)reply->messages[i]->n_payload,
                              message_payload(reply->messages[i]));
    return text;
}

static void on_deliver(void *context, uint32_t worker, Message *message) {
    static const char *const words[] = {"deliver", "join", "leave"};
    journal_add("%s %u %s=%.*s%s", words[message->kind], worker, message_channel(message), (int)message->n_payload,
                message_payload(message), place(message->position));
}

static void on_acknowledged(void *context, uint32_t worker, const char *channel, size_t n_channel, uint64_t token,
                            BrokerResult result, Position position) {
    journal_add("%s %u %.*s #%" PRIu64 "%s", result == BROKER_OK ? "granted" : fake_result(result), worker, (int)n_channel,
                channel, token, place(position));
}

static void on_published(void *context, const BrokerReturn *to, BrokerResult result, Position position) {
    journal_add("published %u/%" PRIu64 "/%" PRIu64 " %s%s", to->worker, to->session_id, to->request_id, fake_result(result),
                place(position));
}

static void on_gap(void *context, uint32_t worker, const char *channel, size_t n_channel, Position position) {
    journal_add("gap %u %.*s%s", worker, (int)n_channel, channel, place(position));
}

static void on_history(void *context, const BrokerReturn *to, const char *channel, size_t n_channel, HistoryReply *reply) {
    if (reply->result != BROKER_OK)
        journal_add("history %" PRIu64 " %s", to->request_id, fake_result(reply->result));
    else
        journal_add("history %" PRIu64 " %s%s%s:%s", to->request_id, reply->is_recovered ? "recovered" : "not recovered",
                    place(reply->position), reply->has_more ? " more" : "", messages(reply));
}

static void on_presence(void *context, const BrokerReturn *to, const char *channel, size_t n_channel, PresenceReply *reply) {
    journal_add("presence %" PRIu64 " %s %" PRIu32, to->request_id, fake_result(reply->result), reply->n_members);
}

static void on_link(void *context, bool is_up, const char *reason) {
    journal_add("link %s", is_up ? "up" : "down");
    if (reason)
        snprintf(reason_copy, sizeof reason_copy, "%s", reason);
}

static void on_complained(void *context, const BrokerComplaint *complaint) {
    journal_add("complained %s: %s", complaint->command, complaint->code);
}

const BusOps fake_bus_ops = {
    .deliver = on_deliver,
    .acknowledged = on_acknowledged,
    .published = on_published,
    .gap = on_gap,
    .history = on_history,
    .presence = on_presence,
    .link = on_link,
    .complained = on_complained,
};

static void on_changed(void *context) {
    journal_add("changed");
}

static void on_subscribed(void *context, const char *channel, size_t n_channel) {
    journal_add("subscribed %.*s", (int)n_channel, channel);
}

static void on_refused(void *context, const char *channel, size_t n_channel) {
    journal_add("refused %.*s", (int)n_channel, channel);
}

static void on_lost(void *context, const char *channel, size_t n_channel) {
    journal_add("lost %.*s", (int)n_channel, channel);
}

static void on_message(void *context, const char *channel, size_t n_channel, const void *payload, size_t n_payload) {
    journal_add("message %.*s=%.*s", (int)n_channel, channel, (int)(n_payload < 64 ? n_payload : 64), (const char *)payload);
}

static void on_backend_published(void *context, void *cookie, BrokerResult result, Position position) {
    journal_add("published %s %s%s", (const char *)cookie, fake_result(result), place(position));
}

static void on_read(void *context, void *cookie, HistoryReply *reply) {
    if (reply->result != BROKER_OK)
        journal_add("read %s %s", (const char *)cookie, fake_result(reply->result));
    else
        journal_add("read %s %s%s%s:%s", (const char *)cookie, reply->is_recovered ? "recovered" : "not recovered",
                    place(reply->position), reply->has_more ? " more" : "", messages(reply));
}

static void on_presented(void *context, void *cookie, BrokerResult result) {
    journal_add("presented %s %s", (const char *)cookie, fake_result(result));
}

static void on_members(void *context, void *cookie, BrokerResult result, const PresenceList *list) {
    if (!list) {
        journal_add("members %s %s", (const char *)cookie, fake_result(result));
        return;
    }
    char text[512] = "";
    size_t n = 0;
    for (uint32_t i = 0; i < list->reply->n_members && n < sizeof text / 2; i++) {
        const PresenceMember *member = &list->reply->members[i];
        n += (size_t)snprintf(text + n, sizeof text - n, " %.*s*%" PRIu32, (int)member->n_text, member->text,
                              member->n_connections);
    }
    journal_add("members %s v%" PRIu64 ":%s", (const char *)cookie, list->version, text);
}

static void on_leased(void *context, void *cookie, BrokerResult result, const LeaseReply *reply) {
    if (!reply) {
        journal_add("leased %s %s", (const char *)cookie, fake_result(result));
        return;
    }
    journal_add("leased %s %s", (const char *)cookie, reply->is_kept ? "kept" : "not kept");
    for (const char *const *dead = reply->dead; *dead; dead++)
        journal_add("dead %s", *dead);
}

static void on_buried(void *context, void *cookie, BrokerResult result) {
    journal_add("buried %s %s", (const char *)cookie, fake_result(result));
}

const BackendEvents fake_backend_events = {
    .changed = on_changed,
    .link = on_link,
    .subscribed = on_subscribed,
    .refused = on_refused,
    .lost = on_lost,
    .message = on_message,
    .published = on_backend_published,
    .read = on_read,
    .presented = on_presented,
    .members = on_members,
    .leased = on_leased,
    .buried = on_buried,
};
