/* The bus between workers that check every number they are handed and a broker with a true stream, in random order: publishes,
   outages, lost subscriptions, messages that are dropped or come twice, data that is lost, answers that come late or fail, and
   memory that fails. Whatever happens, each worker sees the stream without a hole or a duplicate, or is told of a gap. */
#include "broker/bus.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "failing_memory.h"
#include "suite.h"

enum { WORKERS = 3, QUEUE_MAX = 4096, RESUMES_MAX = 4096, STEPS = 1500, RUNS = 250, CHANNEL_BYTES = 3 };

static const char channel[] = "d:1";

typedef enum Faults {
    FAULT_LINK = 1,    /* outages, lost subscriptions, answers that fail */
    FAULT_DROP = 2,    /* messages that are lost on the way */
    FAULT_DATA = 4,    /* the broker loses the stream, or trims it hard */
    FAULT_REFUSAL = 8, /* histories that may not be read */
    FAULT_MEMORY = 16,
    FAULT_SYNCHRONOUS = 32, /* no fault: the broker answers before the call returns */
    FAULT_NARROW = 64,      /* no fault: a question waits until the one before it, of an outage before, is answered */
} Faults;

typedef struct Worker {
    bool wants, is_granted;
    uint64_t token;
    Position at;
} Worker;

typedef struct Question {
    void *cookie;
    HistoryQuery query;
    HistoryReply *reply; /* once it has been executed */
} Question;

typedef struct Asked {
    bool is_open, is_wanted; /* by a worker that has wanted the channel all the time since */
    uint32_t worker;
    Position since;
} Asked;

static struct {
    Faults faults;
    bool may_be_adrift; /* a worker without a place may be handed any number */
    uint64_t random;
    Bus bus;
    /* the broker */
    Position head;
    uint64_t first; /* the oldest that is kept */
    uint64_t last_epoch;
    bool is_reachable, is_subscribing, is_subscribed;
    Position flight[QUEUE_MAX]; /* epoch 0: the acknowledgement of the subscription */
    unsigned n_flight;
    Question questions[QUEUE_MAX];
    unsigned n_questions;
    /* the workers */
    Worker workers[WORKERS];
    Asked asked[RESUMES_MAX];
    unsigned n_asked;
    uint64_t now_ms;
    unsigned n_gaps, n_recovered, n_delivered;
} model;

/* An assertion that holds takes memory, too: not while it fails. */
static void require(bool is_true, const char *what) {
    if (is_true)
        return;
    memory_fail_at(0);
    ck_abort_msg("%s", what);
}

static uint64_t draw(uint64_t n) {
    model.random ^= model.random << 13;
    model.random ^= model.random >> 7;
    model.random ^= model.random << 17;
    return (model.random >> 11) % n;
}

static bool has(Faults fault, uint64_t one_in) {
    return (model.faults & fault) && draw(one_in) == 0;
}

static bool is_same(Position a, Position b) {
    return a.epoch == b.epoch && a.seq == b.seq;
}

/* The broker. */

static size_t print_payload(char text[64], Position position) {
    return (size_t)snprintf(text, 64, "%" PRIu64 "-%" PRIu64, position.epoch, position.seq);
}

static HistoryReply *execute(const HistoryQuery *query) {
    bool has_since = query->order == HISTORY_RESUME;
    Position since = query->since, head = model.head;
    bool is_recovered = !has_since || (head.epoch && since.epoch == head.epoch && since.seq <= head.seq &&
                                       since.seq + 1 >= model.first && head.seq - since.seq <= query->limit);
    uint32_t n = is_recovered && has_since ? (uint32_t)(head.seq - since.seq) : 0;
    HistoryReply *reply = history_reply_new(n);
    reply->is_recovered = is_recovered;
    reply->position = head;
    for (uint32_t i = 0; i < n; i++) {
        char text[64];
        Position position = {head.epoch, since.seq + 1 + i};
        size_t n_text = print_payload(text, position);
        require(message_new(&reply->messages[i], channel, CHANNEL_BYTES, text, n_text) == 0, "memory");
        reply->messages[i]->position = position;
    }
    return reply;
}

static HistoryReply *failure(BrokerResult result) {
    HistoryReply *reply = history_reply_new(0);
    reply->result = result;
    return reply;
}

static void answer(unsigned i, HistoryReply *reply) {
    void *cookie = model.questions[i].cookie;
    memmove(model.questions + i, model.questions + i + 1, (--model.n_questions - i) * sizeof model.questions[0]);
    bus_backend_events.read(&model.bus, cookie, reply);
    history_reply_unref(reply);
}

static void acknowledge(void) {
    if (model.is_subscribing)
        model.flight[model.n_flight++] = (Position){0};
    model.is_subscribed |= model.is_subscribing;
    model.is_subscribing = false;
}

static void forget_subscription(void) {
    model.is_subscribing = model.is_subscribed = false;
    model.n_flight = 0;
}

static bool on_is_reachable(Backend *backend, const char *name, size_t n_name) {
    return model.is_reachable;
}

static void on_subscribe(Backend *backend, const char *name, size_t n_name) {
    require(!model.is_subscribing && !model.is_subscribed, "subscribed twice");
    if (!model.is_reachable)
        return;
    model.is_subscribed = model.faults & FAULT_SYNCHRONOUS;
    model.is_subscribing = !model.is_subscribed;
    if (model.is_subscribed)
        bus_backend_events.subscribed(&model.bus, channel, CHANNEL_BYTES);
}

static void on_unsubscribe(Backend *backend, const char *name, size_t n_name) {
    require(model.is_subscribed, "unsubscribed what was not");
    forget_subscription();
}

static void on_read(Backend *backend, const char *name, size_t n_name, const HistoryQuery *query, void *cookie) {
    require(model.n_questions < QUEUE_MAX, "too many questions");
    model.questions[model.n_questions++] = (Question){.cookie = cookie, .query = *query};
    if (!(model.faults & FAULT_SYNCHRONOUS))
        return;
    memory_fail_at(0);
    answer(model.n_questions - 1, execute(query));
}

static const BackendOps backend_ops = {
    .is_reachable = on_is_reachable, .subscribe = on_subscribe, .unsubscribe = on_unsubscribe, .read = on_read};
static Backend backend = {.ops = &backend_ops, .events = &bus_backend_events, .context = &model.bus};

/* The workers. */

static void drop_wants(uint32_t worker) {
    for (unsigned i = 0; i < model.n_asked; i++)
        if (model.asked[i].worker == worker)
            model.asked[i].is_wanted = false;
}

static void check_place(uint32_t worker, const Message *message) {
    Worker *w = &model.workers[worker];
    Position position = message->position;
    char text[64];
    size_t n_text = print_payload(text, position);
    require(n_text == message->n_payload && memcmp(text, message_payload(message), n_text) == 0, "another message");
    bool is_next =
        position.epoch == w->at.epoch ? position.seq == w->at.seq + 1 : position.epoch > w->at.epoch && position.seq == 1;
    require(is_next || (model.may_be_adrift && w->at.epoch == 0), "not the next message");
}

static void on_deliver(void *context, uint32_t worker, Message *message) {
    require(model.workers[worker].is_granted, "delivered to a worker that was not granted");
    check_place(worker, message);
    model.workers[worker].at = message->position;
    model.n_delivered++;
}

static void on_acknowledged(void *context, uint32_t worker, const char *name, size_t n_name, uint64_t token,
                            BrokerResult result, Position position) {
    Worker *w = &model.workers[worker];
    require(w->wants && !w->is_granted && token == w->token, "acknowledged what was not asked");
    require(result == BROKER_OK || result == BROKER_UNAVAILABLE || (model.faults & FAULT_MEMORY), "result");
    w->is_granted = w->wants = result == BROKER_OK;
    if (!w->wants)
        drop_wants(worker);
    w->at = position;
}

static void on_gap(void *context, uint32_t worker, const char *name, size_t n_name, Position position) {
    require(model.workers[worker].is_granted, "a gap for a worker that was not granted");
    model.workers[worker].at = position;
    model.n_gaps++;
}

static void on_history(void *context, const BrokerReturn *to, const char *name, size_t n_name, HistoryReply *reply) {
    Asked *asked = &model.asked[to->request_id];
    const Worker *w = &model.workers[to->worker];
    require(asked->is_open, "answered twice");
    asked->is_open = false;
    if (reply->result != BROKER_OK || !asked->is_wanted)
        return;
    require(w->is_granted, "a resume before the grant");
    require(is_same(reply->position, w->at), "a resume that does not end where the worker stands");
    require(reply->is_recovered || reply->n_messages == 0, "messages though not recovered");
    if (!reply->is_recovered)
        return;
    model.n_recovered++;
    require(reply->position.epoch == asked->since.epoch, "another epoch");
    require(reply->n_messages == reply->position.seq - asked->since.seq, "not all, or too many");
    for (uint32_t i = 0; i < reply->n_messages; i++)
        require(is_same(reply->messages[i]->position, (Position){asked->since.epoch, asked->since.seq + 1 + i}),
                "not in their order");
}

static void on_link(void *context, bool is_up, const char *reason) {}

static const BusOps bus_ops = {
    .deliver = on_deliver, .acknowledged = on_acknowledged, .gap = on_gap, .history = on_history, .link = on_link};

/* What may happen. */

static void step_want(uint32_t worker) {
    static uint64_t token;
    Worker *w = &model.workers[worker];
    if (w->wants)
        return;
    drop_wants(worker);
    *w = (Worker){.wants = true, .token = ++token};
    bus_want(&model.bus, worker, channel, CHANNEL_BYTES, token);
}

static void step_unwant(uint32_t worker) {
    Worker *w = &model.workers[worker];
    if (!w->wants || draw(3))
        return;
    drop_wants(worker);
    *w = (Worker){0};
    bus_unwant(&model.bus, worker, channel, CHANNEL_BYTES);
}

static void step_resume(uint32_t worker) {
    if (!model.workers[worker].wants || model.n_asked == RESUMES_MAX || !model.head.epoch)
        return;
    Position since = {model.head.epoch, model.head.seq - draw(model.head.seq < 12 ? model.head.seq + 1 : 12)};
    if (draw(20) == 0)
        since.epoch--;
    if (draw(20) == 0)
        since.seq += 2;
    model.asked[model.n_asked] = (Asked){.is_open = true, .is_wanted = true, .worker = worker, .since = since};
    HistoryQuery query = {.since = since, .limit = draw(4) ? 100 : 4, .order = HISTORY_RESUME};
    BrokerReturn to = {.worker = worker, .request_id = model.n_asked++};
    bus_read(&model.bus, channel, CHANNEL_BYTES, &query, &to);
}

static void step_publish(void) {
    if (!model.head.epoch) {
        model.head = (Position){++model.last_epoch, 0};
        model.first = 1;
    }
    model.head.seq++;
    if (model.is_subscribed && model.n_flight < QUEUE_MAX - 1 && !has(FAULT_DROP, 10))
        model.flight[model.n_flight++] = model.head;
    if (model.is_subscribed && model.n_flight < QUEUE_MAX - 1 && has(FAULT_DROP, 20)) /* and once more */
        model.flight[model.n_flight++] = model.head;
}

static void step_arrive(void) {
    if (model.n_flight == 0)
        return;
    Position position = model.flight[0];
    memmove(model.flight, model.flight + 1, --model.n_flight * sizeof position);
    if (!position.epoch) {
        bus_backend_events.subscribed(&model.bus, channel, CHANNEL_BYTES);
        return;
    }
    char bytes[ENVELOPE_HEAD_MAX + 64];
    size_t n_head = envelope_head_message(bytes, position);
    size_t n_payload = print_payload(bytes + n_head, position);
    bus_backend_events.message(&model.bus, channel, CHANNEL_BYTES, bytes, n_head + n_payload);
}

/* Questions are executed in their order, and answered in it. */
static void step_execute(void) {
    for (unsigned i = 0; i < model.n_questions; i++) {
        Question *question = &model.questions[i];
        if (question->reply)
            continue;
        question->reply = has(FAULT_REFUSAL, 4) ? failure(BROKER_REFUSED)
                          : has(FAULT_LINK, 10) ? failure(draw(2) ? BROKER_OVERLOADED : BROKER_UNAVAILABLE)
                                                : execute(&question->query);
        return;
    }
}

static void step_answer(void) {
    if (model.n_questions > 0 && model.questions[0].reply)
        answer(0, model.questions[0].reply);
}

static void lose_questions(void) {
    while (model.n_questions > 0) {
        history_reply_unref(model.questions[0].reply);
        answer(0, failure(BROKER_UNAVAILABLE));
    }
}

static void step_link(void) {
    bool is_answered_first = draw(2);
    model.is_reachable = !model.is_reachable;
    if (!model.is_reachable)
        forget_subscription();
    if (!model.is_reachable && is_answered_first)
        lose_questions();
    bus_backend_events.changed(&model.bus);
    if (!model.is_reachable)
        lose_questions();
}

static void step_lost(void) {
    if (!model.is_subscribed && !model.is_subscribing)
        return;
    forget_subscription();
    bus_backend_events.lost(&model.bus, channel, CHANNEL_BYTES);
}

static void step_tick(void) {
    bus_tick(&model.bus, model.now_ms += 100);
}

static void step_fault(void) {
    if (has(FAULT_LINK, 5) || (!model.is_reachable && draw(4) == 0))
        step_link();
    else if (has(FAULT_LINK, 10))
        step_lost();
    else if (has(FAULT_DATA, 10))
        model.head = (Position){0};
    else if (has(FAULT_DATA, 5) && model.head.epoch)
        model.first = model.head.seq - draw(3) + 1;
}

/* One of sixteen, each as often as it stands here. Only our own code may be short of memory. */
static void step(void) {
    static void (*const of_the_world[])(void) = {step_publish, step_publish, step_publish,
                                                 acknowledge,  step_execute, step_fault};
    static void (*const of_the_bus[])(void) = {step_arrive, step_arrive, step_arrive, step_arrive, step_answer, step_tick};
    static void (*const of_a_worker[])(uint32_t worker) = {step_want, step_want, step_unwant, step_resume};
    uint32_t worker = (uint32_t)draw(WORKERS);
    uint64_t drawn = draw(16);
    if (drawn < 6) {
        of_the_world[drawn]();
        return;
    }
    if (has(FAULT_MEMORY, 10))
        memory_fail_at(1 + (unsigned)draw(4));
    if (drawn < 12)
        of_the_bus[drawn - 6]();
    else
        of_a_worker[drawn - 12](worker);
    memory_fail_at(0);
    if (model.faults & FAULT_NARROW)
        model.bus.window.expected_bytes = SIZE_MAX / 1024;
}

/* Without any more faults everything that was asked is answered, and every worker stands at the head. */
static void settle(void) {
    model.faults &= FAULT_SYNCHRONOUS | FAULT_NARROW;
    if (!model.is_reachable)
        step_link();
    for (int i = 0; i < 400; i++) {
        acknowledge();
        while (model.n_flight > 0)
            step_arrive();
        step_execute();
        step_answer();
        step_tick();
    }
}

static void check_settled(void) {
    for (unsigned i = 0; i < model.n_asked; i++)
        require(!model.asked[i].is_open, "a resume was not answered");
    for (uint32_t i = 0; i < WORKERS; i++) {
        const Worker *w = &model.workers[i];
        require(w->wants == w->is_granted, "a want was not answered");
        require(!w->wants || !model.head.epoch || is_same(w->at, model.head), "a worker does not stand at the head");
    }
}

static const Namespace durable = {.name = "d", .history_limit = 1000, .history_age_ms = 60000};
static const Namespaces namespaces = {.items = (Namespace *)&durable, .n_items = 1};

static void run(Faults faults, uint64_t seed, uint32_t hold_limit_bytes, uint32_t history_limit) {
    static unsigned n_runs;
    BusOptions options = {.n_workers = WORKERS,
                          .linger_ms = 500,
                          .subscribe_ms = 3000,
                          .hold_limit_bytes = hold_limit_bytes,
                          .history_limit = history_limit,
                          .node_id = "node",
                          .namespaces = &namespaces};
    memset(&model, 0, sizeof model);
    model.faults = faults;
    model.may_be_adrift = faults & FAULT_REFUSAL;
    model.random = seed * 0x9E3779B97F4A7C15u + ++n_runs;
    model.is_reachable = true;
    ck_assert_int_eq(bus_init(&model.bus, &options, &bus_ops, NULL), 0);
    ck_assert_int_eq(bus_attach(&model.bus, &backend), 0);
    step_publish();
    for (int i = 0; i < STEPS; i++)
        step();
    settle();
    if (!(faults & FAULT_DROP)) /* else the newest may be missing until the next tells so */
        check_settled();
    step_publish();
    settle();
    check_settled();
    for (uint32_t i = 0; i < WORKERS; i++)
        while (model.workers[i].wants)
            step_unwant(i);
    settle();
    ck_assert_uint_eq(model.bus.interests.n_nodes, 0);
    ck_assert_uint_eq(counter_read(&model.bus.counters.channels) + counter_read(&model.bus.counters.reads_waiting), 0);
    ck_assert_uint_eq(model.bus.wheel.n_armed, 0);
    bus_finish(&model.bus);
}

START_TEST(through_outages_alone_no_worker_notices_anything) {
    unsigned n_recovered = 0, n_delivered = 0;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        run(FAULT_LINK | (seed % 2 ? FAULT_NARROW : 0), seed, 1 << 20, 100000);
        ck_assert_uint_eq(model.n_gaps, 0);
        n_recovered += model.n_recovered;
        n_delivered += model.n_delivered;
    }
    ck_assert_uint_gt(n_recovered, RUNS);
    ck_assert_uint_gt(n_delivered / 10, RUNS);
}
END_TEST

START_TEST(whatever_is_lost_on_the_way_is_read_or_announced) {
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        run(FAULT_LINK | FAULT_DROP | (seed % 5 ? 0 : FAULT_NARROW), seed, seed % 2 ? 1 << 20 : 400, seed % 3 ? 100 : 3);
}
END_TEST

START_TEST(whatever_the_broker_loses_is_announced) {
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        run(FAULT_LINK | FAULT_DROP | FAULT_DATA, seed, seed % 2 ? 1 << 20 : 400, seed % 3 ? 100 : 3);
}
END_TEST

START_TEST(without_memory_nothing_is_lost_in_silence) {
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        run(FAULT_LINK | (seed % 2 ? FAULT_DATA : 0) | FAULT_MEMORY, seed, seed % 2 ? 1 << 20 : 400, 100);
}
END_TEST

START_TEST(histories_that_are_refused_at_times_leave_the_channel_live) {
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        run(FAULT_LINK | FAULT_DROP | FAULT_REFUSAL, seed, 1 << 20, 100);
}
END_TEST

START_TEST(a_broker_that_answers_before_the_call_returns_is_no_different) {
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        run(FAULT_LINK | FAULT_DROP | FAULT_DATA | FAULT_SYNCHRONOUS, seed, 400, 100);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        through_outages_alone_no_worker_notices_anything,
        whatever_is_lost_on_the_way_is_read_or_announced,
        whatever_the_broker_loses_is_announced,
        without_memory_nothing_is_lost_in_silence,
        histories_that_are_refused_at_times_leave_the_channel_live,
        a_broker_that_answers_before_the_call_returns_is_no_different,
    };
    return run_suite("bus_model", tests, N_ELEMENTS(tests));
}
