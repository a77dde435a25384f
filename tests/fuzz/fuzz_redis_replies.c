/* What a Redis answers, as the backend reads it: each command is answered by the next reply of the input, of which the first byte
   says what is asked: p(ublish), h(istory), m(embers), l(ease), b(ury), s(et of presence), c(luster slots), e(rrors). */
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "broker/redis.h"
#include "broker/redis_backend.h"
#include "broker/redis_redirect.h"
#include "broker/redis_slots.h"
#include "fuzz.h"

void __wrap_redis_op_send(RedisOp *op);

static redisReader *replies;
static unsigned n_answers;
static uint64_t sum;

static redisReply *next_reply(void) {
    void *reply = NULL;
    return redisReaderGetReply(replies, &reply) == REDIS_OK ? reply : NULL;
}

/* As redis_op.c answers what was sent, at once. */
void __wrap_redis_op_send(RedisOp *op) {
    redisReply *reply = next_reply();
    BrokerResult result = !reply ? BROKER_UNAVAILABLE : reply->type == REDIS_REPLY_ERROR ? BROKER_REFUSED : BROKER_OK;
    op->answered(op, result, reply);
    redis_op_free(op);
    if (reply)
        freeReplyObject(reply);
}

static void look(const char *bytes, size_t n_bytes) {
    for (size_t i = 0; i < n_bytes; i++)
        sum += (uint8_t)bytes[i];
}

static void on_published(void *context, void *cookie, BrokerResult result, Position position) {
    n_answers++;
}

static void on_read(void *context, void *cookie, HistoryReply *reply) {
    n_answers++;
    for (uint32_t i = 0; i < reply->n_messages; i++)
        look(message_payload(reply->messages[i]), reply->messages[i]->n_payload);
}

static void on_ended(void *context, void *cookie, BrokerResult result) {
    n_answers++;
}

static void on_members(void *context, void *cookie, BrokerResult result, const PresenceList *list) {
    n_answers++;
    fuzz_must((result == BROKER_OK) == (list != NULL), "there is a list when all is well");
    for (uint32_t i = 0; list && i < list->reply->n_members; i++) {
        look(list->reply->members[i].user, list->reply->members[i].n_user);
        look(list->reply->members[i].text, list->reply->members[i].n_text);
    }
}

static void on_leased(void *context, void *cookie, BrokerResult result, const LeaseReply *reply) {
    n_answers++;
    for (size_t i = 0; reply && reply->dead[i]; i++)
        look(reply->dead[i], strlen(reply->dead[i]));
}

static void on_complained(void *context, const BrokerComplaint *complaint) {
    fuzz_must(complaint->command && memchr(complaint->code, 0, sizeof complaint->code), "a complaint's texts end");
    fuzz_must(!complaint->words || complaint->code[0], "words stand behind a code");
}

static const BackendEvents events = {.complained = on_complained,
                                     .published = on_published,
                                     .read = on_read,
                                     .presented = on_ended,
                                     .members = on_members,
                                     .leased = on_leased,
                                     .buried = on_ended};

static uv_loop_t loop; /* never run: no server is ever connected to */

static Backend *given_a_backend(void) {
    static RedisUrl url;
    static Backend *backend;
    static const RedisOptions options = {.urls = &url, .n_urls = 1, .prefix = "barker:", .publish_limit_bytes = 1 << 20};
    char error[256];
    if (backend)
        return backend;
    fuzz_must(uv_loop_init(&loop) == 0 && redis_url_parse(&url, "redis://127.0.0.1:1", error, sizeof error) == 0 &&
                  redis_backend_new(&backend, &loop, &options, &events, NULL) == 0,
              "there is a backend");
    return backend;
}

static void publish(Backend *backend) {
    static const HistoryLimits limits = {.n_messages = 10, .age_ms = 1000};
    Message *message;
    fuzz_must(message_new(&message, "a", 1, "x", 1) == 0, "there is memory");
    backend->ops->publish(backend, message, &limits, NULL);
    message_unref(message);
}

static void read_history(Backend *backend) {
    static const HistoryOrder orders[] = {HISTORY_RESUME, HISTORY_FORWARD, HISTORY_REVERSE};
    const HistoryQuery query = {.since = {1, 2}, .limit = 10, .limit_bytes = 40, .order = orders[n_answers % 3]};
    backend->ops->read(backend, "a", 1, &query, NULL);
}

static void read_slots(void) {
    static RedisSlotMap map;
    const RedisEndpoint asked = {.host = "10.0.0.9", .port = 7009};
    char name[64];
    redisReply *reply = next_reply();
    if (!reply)
        return;
    if (redis_slots_parse(&map, reply, &asked) == 0) {
        unsigned n_covered = 0;
        for (unsigned i = 0; i < REDIS_SLOTS; i++) {
            n_covered += map.owners[i] != REDIS_SLOT_NOBODY;
            fuzz_must(map.owners[i] == REDIS_SLOT_NOBODY || map.owners[i] < map.n_masters, "a slot's owner is a master");
        }
        fuzz_must(n_covered == map.n_covered && map.n_masters <= REDIS_SERVERS_MAX, "the slots that have an owner are counted");
        for (unsigned i = 0; i < map.n_masters && n_covered > REDIS_SLOTS / 2; i++)
            redis_slots_name(&map, i, "barker/canary/0123456789abcdef", name, sizeof name);
    }
    freeReplyObject(reply);
}

static void judge_error(void) {
    const RedisEndpoint asked = {.host = "10.0.0.9", .port = 7009};
    RedisEndpoint endpoint = {.port = 0};
    redisReply *reply = next_reply();
    if (!reply)
        return;
    if (reply->type == REDIS_REPLY_ERROR) {
        RedisVerdict verdict = redis_redirect_judge(reply, &asked, &endpoint);
        if (verdict == REDIS_VERDICT_MOVED || verdict == REDIS_VERDICT_ASK)
            fuzz_must(endpoint.host[0] && memchr(endpoint.host, 0, sizeof endpoint.host) && endpoint.port >= 1 &&
                          endpoint.port <= 65535,
                      "a redirection leads to a place");
    }
    freeReplyObject(reply);
}

static void ask(Backend *backend, unsigned what) {
    static const LeaseRequest lease = {.node = "n", .lease_ms = 1000};
    static const PresenceEntry entry = {.channel = "a",
                                        .n_channel = 1,
                                        .node = "n",
                                        .user = "u",
                                        .n_user = 1,
                                        .n_connections = 1,
                                        .member = "{}",
                                        .n_member = 2};
    unsigned n_before = n_answers;
    switch (what) {
    case 'p':
        publish(backend);
        break;
    case 'h':
        read_history(backend);
        break;
    case 'm':
        backend->ops->members(backend, "a", 1, NULL);
        break;
    case 'l':
        backend->ops->lease(backend, &lease, NULL);
        break;
    case 'b':
        backend->ops->bury(backend, "n", NULL);
        break;
    case 's':
        backend->ops->present(backend, &entry, NULL);
        break;
    case 'c':
        read_slots();
        return;
    default:
        judge_error();
        return;
    }
    fuzz_must(n_answers == n_before + 1, "each question has one answer");
}

/* hiredis allocates what an array claims to have: that is known, and of Redis itself not feared. */
static bool claims_much(const FuzzInput *input) {
    size_t n_digits = 0;
    for (size_t i = 0; i < input->n_bytes; i++) {
        n_digits = input->bytes[i] >= '0' && input->bytes[i] <= '9' ? n_digits + 1 : 0;
        if (n_digits > 5)
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    FuzzInput input = {(const char *)bytes, n_bytes};
    unsigned what = fuzz_take_byte(&input);
    if (claims_much(&input))
        return 0;
    Backend *backend = given_a_backend();
    replies = redisReaderCreate();
    redisReaderFeed(replies, input.bytes, input.n_bytes);
    n_answers = (unsigned)n_bytes; /* so that each order of a history has its turn */
    ask(backend, what);
    redisReaderFree(replies);
    return 0;
}
