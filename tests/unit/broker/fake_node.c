#include "fake_node.h"

#include <inttypes.h>
#include <stdio.h>

#include "journal.h"

static char reason_copy[512];
const char *fake_last_reason = reason_copy;

const char *fake_result(BrokerResult result) {
    static const char *const words[] = {"ok", "unavailable", "overloaded", "refused"};
    return words[result];
}

static void on_deliver(void *context, uint32_t worker, Message *message) {
    journal_add("deliver %u %s=%.*s", worker, message_channel(message), (int)message->n_payload, message_payload(message));
}

static void on_acknowledged(void *context, uint32_t worker, const char *channel, size_t n_channel, uint64_t token,
                            bool is_granted) {
    journal_add("%s %u %.*s #%" PRIu64, is_granted ? "granted" : "denied", worker, (int)n_channel, channel, token);
}

static void on_published(void *context, const BusReturn *to, BrokerResult result) {
    journal_add("published %u/%" PRIu64 "/%" PRIu64 " %s", to->worker, to->session_id, to->request_id, fake_result(result));
}

static void on_gap(void *context, uint32_t worker) {
    journal_add("gap %u", worker);
}

static void on_link(void *context, bool is_up, const char *reason) {
    journal_add("link %s", is_up ? "up" : "down");
    if (reason)
        snprintf(reason_copy, sizeof reason_copy, "%s", reason);
}

const BusOps fake_bus_ops = {
    .deliver = on_deliver,
    .acknowledged = on_acknowledged,
    .published = on_published,
    .gap = on_gap,
    .link = on_link,
};

static void on_up(void *context) {
    journal_add("up");
}

static void on_down(void *context, const char *reason) {
    journal_add("down");
    snprintf(reason_copy, sizeof reason_copy, "%s", reason);
}

static void on_subscribed(void *context, const char *channel, size_t n_channel) {
    journal_add("subscribed %.*s", (int)n_channel, channel);
}

static void on_refused(void *context, const char *channel, size_t n_channel) {
    journal_add("refused %.*s", (int)n_channel, channel);
}

static void on_message(void *context, const char *channel, size_t n_channel, const void *payload, size_t n_payload) {
    journal_add("message %.*s=%.*s", (int)n_channel, channel, (int)(n_payload < 64 ? n_payload : 64), (const char *)payload);
}

static void on_backend_published(void *context, void *cookie, BrokerResult result) {
    journal_add("published %s %s", (const char *)cookie, fake_result(result));
}

const BackendEvents fake_backend_events = {
    .up = on_up,
    .down = on_down,
    .subscribed = on_subscribed,
    .refused = on_refused,
    .message = on_message,
    .published = on_backend_published,
};
