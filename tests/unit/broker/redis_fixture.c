#include "redis_fixture.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "journal.h"
#include "loopback.h"

enum { TICK_MS = 20, URLS_MAX = 4 };

Backend *redis;
char redis_reason[512];
unsigned redis_n_subscribed;
bool redis_is_quiet;
HistoryReply *redis_last_history;
Position redis_last_position;
unsigned redis_n_published;
RedisOptions redis_options = {
    .prefix = "barker:",
    .connect_ms = 2000,
    .reply_ms = 2000,
    .backoff_min_ms = 10,
    .backoff_max_ms = 100,
    .publish_limit_bytes = 1 << 20,
    .canary_ms = 200,
    .canary_deadline_ms = 400,
};

static RedisUrl urls[URLS_MAX];
static unsigned n_urls;
static bool is_up;

static const char *word_of(BrokerResult result) {
    static const char *const words[] = {"ok", "unavailable", "overloaded", "refused"};
    return words[result];
}

static void on_changed(void *context) {}

static void on_link(void *context, bool is_up_now, const char *reason) {
    if (is_up_now || is_up)
        journal_add("%s", is_up_now ? "up" : "down");
    is_up = is_up_now;
    if (reason)
        snprintf(redis_reason, sizeof redis_reason, "%s", reason);
}

static void on_subscribed(void *context, const char *channel, size_t n_channel) {
    redis_n_subscribed++;
    if (!redis_is_quiet)
        journal_add("subscribed %.*s", (int)n_channel, channel);
}

static void on_refused(void *context, const char *channel, size_t n_channel) {
    journal_add("refused %.*s", (int)n_channel, channel);
}

static void on_complained(void *context, const BrokerComplaint *complaint) {
    journal_add("complained %s: %s %s", complaint->command, complaint->code, complaint->words ? complaint->words : "-");
}

static void on_lost(void *context, const char *channel, size_t n_channel) {
    journal_add("lost %.*s", (int)n_channel, channel);
}

static void on_message(void *context, const char *channel, size_t n_channel, const void *payload, size_t n_payload) {
    if (!redis_is_quiet)
        journal_add("message %.*s %u bytes", (int)n_channel, channel, (unsigned)n_payload);
}

static void on_published(void *context, void *cookie, BrokerResult result, Position position) {
    redis_n_published++;
    redis_last_position = position;
    if (cookie)
        journal_add("published %s %s %s%" PRIu64, (const char *)cookie, word_of(result), position.epoch ? "at " : "",
                    position.seq);
}

static void on_read(void *context, void *cookie, HistoryReply *reply) {
    history_reply_unref(redis_last_history);
    redis_last_history = history_reply_ref(reply);
    journal_add("read %s %s", (const char *)cookie, word_of(reply->result));
}

static void on_presented(void *context, void *cookie, BrokerResult result) {
    journal_add("presented %s %s", (const char *)cookie, word_of(result));
}

static void on_members(void *context, void *cookie, BrokerResult result, const PresenceList *list) {
    journal_add("members %s %s", (const char *)cookie, word_of(result));
    ck_assert(!list == (result != BROKER_OK));
    for (uint32_t i = 0; list && i < list->reply->n_members; i++) {
        const PresenceMember *member = &list->reply->members[i];
        journal_add("%.*s x%u", (int)member->n_text, member->text, member->n_connections);
    }
}

static void on_leased(void *context, void *cookie, BrokerResult result, const LeaseReply *reply) {
    journal_add("leased %s %s %d", (const char *)cookie, word_of(result), reply && reply->is_kept);
    for (size_t i = 0; reply && reply->dead[i]; i++)
        journal_add("dead %s", reply->dead[i]);
}

static void on_buried(void *context, void *cookie, BrokerResult result) {
    journal_add("buried %s %s", (const char *)cookie, word_of(result));
}

static const BackendEvents events = {
    .changed = on_changed,
    .link = on_link,
    .complained = on_complained,
    .subscribed = on_subscribed,
    .refused = on_refused,
    .lost = on_lost,
    .message = on_message,
    .published = on_published,
    .read = on_read,
    .presented = on_presented,
    .members = on_members,
    .leased = on_leased,
    .buried = on_buried,
};

void redis_given(const char *const *texts, unsigned n_texts) {
    journal_clear();
    is_up = redis_is_quiet = false;
    redis_n_subscribed = redis_n_published = 0;
    redis_reason[0] = 0;
    loopback_start();
    for (n_urls = 0; n_urls < n_texts; n_urls++) {
        char error[256];
        ck_assert_msg(redis_url_parse(&urls[n_urls], texts[n_urls], error, sizeof error) == 0, "%s", error);
    }
    redis_options.urls = urls;
    redis_options.n_urls = n_urls;
    ck_assert_int_eq(redis_backend_new(&redis, &loopback_loop, &redis_options, &events, NULL), 0);
}

void redis_given_one(const char *url) {
    redis_given(&url, 1);
}

void redis_finish(void) {
    redis->ops->close(redis);
    loopback_finish();
    ck_assert_uint_eq(counter_read(&redis_backend_counters(redis)->links_up), 0);
    redis = redis_backend_free(redis);
    redis_last_history = history_reply_unref(redis_last_history);
    while (n_urls)
        redis_url_finish(&urls[--n_urls]);
}

bool redis_until(bool (*is_true)(void), unsigned patience_ms) {
    uint64_t start_ms = clock_now_ms();
    uint64_t ticked_ms = 0;
    while (!is_true()) {
        uint64_t now_ms = clock_now_ms();
        if (now_ms - start_ms > patience_ms)
            return false;
        if (now_ms - ticked_ms >= TICK_MS) {
            redis->ops->tick(redis, now_ms);
            ticked_ms = now_ms;
        }
        loopback_turns(1);
    }
    return true;
}

bool redis_is_up(void) {
    return is_up;
}

bool redis_is_down(void) {
    return !is_up;
}

void redis_want(const char *channel) {
    redis->ops->subscribe(redis, channel, strlen(channel));
}

void redis_send(const char *channel, const char *payload, const HistoryLimits *limits, const char *cookie) {
    Message *message;
    ck_assert_int_eq(message_new(&message, channel, strlen(channel), payload, strlen(payload)), 0);
    redis->ops->publish(redis, message, limits, (void *)cookie);
    message_unref(message);
}
