#include "fake_backend.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fake_node.h"
#include "journal.h"
#include "suite.h"

enum { OPEN_MAX = 2048, STEP_MS = 100 };

Bus bus;
bool fake_is_reachable;
unsigned fake_n_asked;

/* Questions that are open, in their order. */
static struct {
    void *cookie;
    char channel[CHANNEL_NAME_MAX + 1];
} open_reads[OPEN_MAX];
static unsigned n_open;
static void *published;
static uint64_t now_ms;

static const Namespace namespaces[] = {
    {.name = "d", .history_limit = 1000, .history_age_ms = 60000},
    {.name = "l", .local_limit = LOCAL_LIMIT, .local_linger_ms = LOCAL_LINGER_MS},
    {.name = "p", .has_presence = true},
};
static const Namespaces all = {.items = (Namespace *)namespaces, .n_items = N_ELEMENTS(namespaces)};

static bool on_is_reachable(Backend *backend, const char *channel, size_t n_channel) {
    return fake_is_reachable;
}

static void on_subscribe(Backend *backend, const char *channel, size_t n_channel) {
    journal_add("SUBSCRIBE %.*s", (int)n_channel, channel);
}

static void on_unsubscribe(Backend *backend, const char *channel, size_t n_channel) {
    journal_add("UNSUBSCRIBE %.*s", (int)n_channel, channel);
}

static void on_publish(Backend *backend, Message *message, const HistoryLimits *limits, void *cookie) {
    char kept[64] = "";
    if (limits)
        snprintf(kept, sizeof kept, " keep %" PRIu32 "/%" PRIu32, limits->n_messages, limits->age_ms);
    Envelope envelope;
    envelope_open(&envelope, message_payload(message), message->n_payload);
    bool is_escaped = envelope.n_payload < message->n_payload;
    journal_add("PUBLISH %s=%s%zu%s", message_channel(message), is_escaped ? "escaped " : "", envelope.n_payload, kept);
    published = cookie;
}

static void on_read(Backend *backend, const char *channel, size_t n_channel, const HistoryQuery *query, void *cookie) {
    static const char *const orders[] = {"resume", "forward", "reverse"};
    journal_add("READ %.*s %s %" PRIu64 "-%" PRIu64 " %" PRIu32, (int)n_channel, channel, orders[query->order],
                query->since.epoch, query->since.seq, query->limit);
    fake_n_asked++;
    if (n_open == OPEN_MAX) /* an assertion that holds takes memory, too */
        ck_abort_msg("too many questions");
    open_reads[n_open].cookie = cookie;
    snprintf(open_reads[n_open++].channel, sizeof open_reads[0].channel, "%.*s", (int)n_channel, channel);
}

static const BackendOps fake_ops = {
    .is_reachable = on_is_reachable,
    .subscribe = on_subscribe,
    .unsubscribe = on_unsubscribe,
    .publish = on_publish,
    .read = on_read,
};

Backend fake_backend = {.ops = &fake_ops, .events = &bus_backend_events, .context = &bus};

void given_a_bus(void) {
    static const BusOptions options = {
        .n_workers = 4,
        .linger_ms = LINGER_MS,
        .subscribe_ms = SUBSCRIBE_MS,
        .hold_limit_bytes = HOLD_BYTES,
        .history_limit = CATCH_UP_LIMIT,
        .node_id = "node",
        .namespaces = &all,
    };
    n_open = 0;
    now_ms = 777000;
    fake_is_reachable = false;
    ck_assert_int_eq(bus_init(&bus, &options, &fake_bus_ops, NULL), 0);
    ck_assert_int_eq(bus_attach(&bus, &fake_backend), 0);
    bus_tick(&bus, now_ms);
    journal_clear();
}

void given_a_bus_that_is_up(void) {
    given_a_bus();
    up();
    journal_clear();
}

void given_a_channel_of_worker_1_at(uint64_t head) {
    given_a_bus_that_is_up();
    want(1, "d:1", 7);
    subscribed("d:1");
    answer_read(true, head ? 5 : 0, 0, head);
    journal_clear();
}

void finish_bus(void) {
    while (n_open > 0)
        fail_read(BROKER_UNAVAILABLE);
    journal_clear();
    bus_finish(&bus);
    ck_assert(!journal_has("history") && !journal_has("#"));
}

void after(uint64_t ms) {
    for (uint64_t end = now_ms + ms; now_ms < end;) {
        now_ms += end - now_ms < STEP_MS ? end - now_ms : STEP_MS;
        bus_tick(&bus, now_ms);
    }
}

void up(void) {
    fake_is_reachable = true;
    bus_backend_events.changed(&bus);
    bus_backend_events.link(&bus, true, NULL);
}

void down(void) {
    fake_is_reachable = false;
    bus_backend_events.changed(&bus);
    bus_backend_events.link(&bus, false, "gone");
}

void want(uint32_t worker, const char *channel, uint64_t token) {
    bus_want(&bus, worker, channel, strlen(channel), token);
}

void unwant(uint32_t worker, const char *channel) {
    bus_unwant(&bus, worker, channel, strlen(channel));
}

void subscribed(const char *channel) {
    bus_backend_events.subscribed(&bus, channel, strlen(channel));
}

void message(const char *channel, const char *payload) {
    bus_backend_events.message(&bus, channel, strlen(channel), payload, strlen(payload));
}

static char letter(uint64_t seq) {
    return (char)('a' + (seq - 1) % 26);
}

void numbered(const char *channel, uint64_t epoch, uint64_t seq) {
    char bytes[ENVELOPE_HEAD_MAX + 1];
    size_t n_head = envelope_head_message(bytes, (Position){epoch, seq});
    bytes[n_head] = letter(seq);
    bus_backend_events.message(&bus, channel, strlen(channel), bytes, n_head + 1);
}

void resume(uint32_t worker, const char *channel, uint64_t epoch, uint64_t seq, uint64_t request) {
    HistoryQuery query = {.since = {epoch, seq}, .limit = CATCH_UP_LIMIT, .order = HISTORY_RESUME};
    bus_read(&bus, channel, strlen(channel), &query, &(BrokerReturn){.worker = worker, .request_id = request});
}

void history(const char *channel, HistoryQuery query, uint64_t request) {
    bus_read(&bus, channel, strlen(channel), &query, &(BrokerReturn){.request_id = request});
}

void publish(const char *channel, const void *payload, size_t n_payload, const BrokerReturn *to) {
    Message *message;
    ck_assert_int_eq(message_new(&message, channel, strlen(channel), payload, n_payload), 0);
    bus_publish(&bus, message, to);
    message_unref(message);
}

HistoryReply *fake_history(const char *channel, bool is_recovered, uint64_t epoch, uint64_t first, uint64_t head) {
    uint32_t n = first && first <= head ? (uint32_t)(head - first + 1) : 0;
    HistoryReply *reply = history_reply_new(n);
    ck_assert_ptr_nonnull(reply);
    reply->is_recovered = is_recovered;
    reply->position = (Position){epoch, head};
    for (uint32_t i = 0; i < n; i++) {
        char payload = letter(first + i);
        ck_assert_int_eq(message_new(&reply->messages[i], channel, strlen(channel), &payload, 1), 0);
        reply->messages[i]->position = (Position){epoch, first + i};
    }
    return reply;
}

unsigned fake_n_open(void) {
    return n_open;
}

void answer_reply(HistoryReply *reply) {
    if (n_open == 0)
        ck_abort_msg("nothing was asked");
    void *cookie = open_reads[0].cookie;
    memmove(open_reads, open_reads + 1, --n_open * sizeof open_reads[0]);
    bus_backend_events.read(&bus, cookie, reply);
    history_reply_unref(reply);
}

void answer_read(bool is_recovered, uint64_t epoch, uint64_t first, uint64_t head) {
    answer_reply(fake_history(open_reads[0].channel, is_recovered, epoch, first, head));
}

void fail_read(BrokerResult result) {
    HistoryReply *reply = history_reply_new(0);
    reply->result = result;
    answer_reply(reply);
}

void answer_publish(BrokerResult result, Position position) {
    bus_backend_events.published(&bus, published, result, position);
}
