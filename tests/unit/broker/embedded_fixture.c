#include "embedded_fixture.h"

#include <check.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "broker/envelope.h"
#include "fake_node.h"
#include "journal.h"
#include "loopback.h"

Backend *embedded;
static BackendEvents events;
static uint64_t epochs[26]; /* as they were met: A, B, … */
static uint64_t first_version;

char embedded_epoch(uint64_t epoch) {
    for (int i = 0; i < 26; i++) {
        if (epochs[i] == 0)
            epochs[i] = epoch;
        if (epochs[i] == epoch)
            return (char)('A' + i);
    }
    return '?';
}

uint64_t embedded_version(uint64_t version) {
    if (first_version == 0)
        first_version = version;
    return version - first_version + 1;
}

static const char *place(Position position) {
    static char text[32];
    text[0] = '\0';
    if (position.epoch)
        snprintf(text, sizeof text, " @%c%" PRIu64, embedded_epoch(position.epoch), position.seq);
    return text;
}

static void on_message(void *context, const char *channel, size_t n_channel, const void *payload, size_t n_payload) {
    static const char *const words[] = {"message", "join", "leave"};
    Envelope envelope;
    envelope_open(&envelope, payload, n_payload);
    int n_shown = (int)(envelope.n_payload < 64 ? envelope.n_payload : 64);
    if (envelope.kind == MESSAGE_DATA)
        journal_add("message %.*s=%.*s%s", (int)n_channel, channel, n_shown, envelope.payload, place(envelope.position));
    else
        journal_add("%s %.*s %.*s v%" PRIu64 "=%.*s", words[envelope.kind], (int)n_channel, channel, (int)envelope.n_user,
                    envelope.user, embedded_version(envelope.version), n_shown, envelope.payload);
}

static void on_published(void *context, void *cookie, BrokerResult result, Position position) {
    journal_add("published %s %s%s", (const char *)cookie, fake_result(result), place(position));
}

static void on_read(void *context, void *cookie, HistoryReply *reply) {
    char text[256] = "";
    size_t n = 0;
    for (uint32_t i = 0; i < reply->n_messages && n < sizeof text / 2; i++) {
        const Message *message = reply->messages[i];
        n += (size_t)snprintf(text + n, sizeof text - n, " %s=%.*s", message_channel(message), (int)message->n_payload,
                              message_payload(message));
    }
    journal_add("read %s %s %s%s%s:%s", (const char *)cookie, fake_result(reply->result),
                reply->is_recovered ? "recovered" : "not recovered", place(reply->position), reply->has_more ? " more" : "",
                text);
}

static void on_members(void *context, void *cookie, BrokerResult result, const PresenceList *list) {
    char text[256] = "";
    size_t n = 0;
    for (uint32_t i = 0; list && i < list->reply->n_members && n < sizeof text / 2; i++) {
        const PresenceMember *member = &list->reply->members[i];
        n += (size_t)snprintf(text + n, sizeof text - n, " %.*s*%" PRIu32, (int)member->n_text, member->text,
                              member->n_connections);
    }
    uint64_t version = list && list->version ? embedded_version(list->version) : 0;
    journal_add("members %s %s v%" PRIu64 ":%s", (const char *)cookie, fake_result(result), version, text);
}

unsigned given_an_embedded_broker(unsigned port) {
    struct sockaddr_in address;
    struct sockaddr_storage bound;
    journal_clear();
    loopback_start();
    events = fake_backend_events;
    events.message = on_message;
    events.published = on_published;
    events.read = on_read;
    events.members = on_members;
    memset(epochs, 0, sizeof epochs);
    first_version = 0;
    uv_ip4_addr("127.0.0.1", (int)port, &address);
    const EmbeddedOptions options = {
        .prefix = "barker:",
        .address = (struct sockaddr *)&address,
        .client_limit_bytes = EMBEDDED_CLIENT_LIMIT_BYTES,
        .n_clients_limit = EMBEDDED_CLIENTS_LIMIT,
        .history_total_bytes = EMBEDDED_HISTORY_LIMIT_BYTES,
    };
    ck_assert_int_eq(embedded_backend_new(&embedded, &loopback_loop, &options, &events, NULL), 0);
    ck_assert_int_eq(embedded_backend_address(embedded, &bound), 0);
    loopback_turns(1);
    return ntohs(((struct sockaddr_in *)&bound)->sin_port);
}

void finish_embedded_broker(void) {
    embedded->ops->close(embedded);
    loopback_finish();
    embedded = embedded_backend_free(embedded);
}
