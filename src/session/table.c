#include "session/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "session/flush.h"
#include "session/identity.h"
#include "session/reaper.h"
#include "session/session.h"

enum { TURN_ROUNDS = 4 };

static const uint64_t FIRST_RESUME_TOKEN = UINT64_C(1) << 63;

static Session *session_of(Subscriber *subscriber) {
    return container_of(subscriber, Session, subscriber);
}

static void hub_send(Subscriber *subscriber, Frame *frame) {
    (void)session_send(session_of(subscriber), frame); /* it counts what it refuses */
}

static void hub_subscribed(Subscriber *subscriber, Subscription *subscription) {
    Session *session = session_of(subscriber);
    const Channel *channel = subscription->channel;
    if (session->state != READY_STATE_OPEN)
        return;
    if (subscription->is_given) {
        session->dialect->given(session, channel->name, channel->position);
    } else if (subscription->resume_token == 0) {
        session->dialect->subscribed(session, channel->name, subscription->request_id, channel->position);
    } else { /* it is not held: there is nothing that it could resume from */
        subscription->resume_token = 0;
        session->dialect->resumed(session, channel->name, subscription->request_id,
                                  &(HistoryReply){.position = channel->position});
    }
    identity_enter(session, subscription);
}

static void hub_refused(Subscriber *subscriber, Subscription *subscription, int refusal) {
    Session *session = session_of(subscriber);
    if (session->state == READY_STATE_OPEN)
        session->dialect->subscribe_refused(session, subscription->channel->name, subscription->request_id,
                                            (BrokerResult)refusal);
}

static void hub_removed(Subscriber *subscriber, Subscription *subscription) {
    identity_leave(session_of(subscriber), subscription);
}

static void hub_told_gap(Subscriber *subscriber, const Channel *channel, GapReason reason) {
    (void)session_send_gap(session_of(subscriber), channel, reason);
}

static void hub_want(void *context, const char *channel, size_t n_channel, uint64_t token) {
    const SessionTable *table = context;
    table->broker->ops->want(table->broker, channel, n_channel, token);
}

static void hub_unwant(void *context, const char *channel, size_t n_channel) {
    const SessionTable *table = context;
    table->broker->ops->unwant(table->broker, channel, n_channel);
}

static const HubOps hub_ops = {
    .send = hub_send,
    .subscribed = hub_subscribed,
    .refused = hub_refused,
    .removed = hub_removed,
    .gap = hub_told_gap,
    .want = hub_want,
    .unwant = hub_unwant,
};

int session_table_init(SessionTable *table, const SessionOptions *options, BrokerPort *broker, uint32_t worker,
                       uint64_t now_ms) {
    *table = (SessionTable){.options = *options, .broker = broker, .now_ms = now_ms, .next_resume_token = FIRST_RESUME_TOKEN};
    table->scratch = malloc(SESSION_TABLE_SCRATCH);
    if (!table->scratch)
        return error_origin(-ENOMEM);
    /* Not empty: the library does not tell of an empty pong. */
    int r = frame_new_copy(&table->ping, FRAME_PING, "barker", strlen("barker"));
    if (r < 0) {
        free(table->scratch);
        return error_trace(r);
    }
    table->audit.began_ms = now_ms;
    hub_init(&table->hub, options->namespaces, &hub_ops, table);
    wheel_init(&table->wheel, now_ms);
    slots_init(&table->slots, worker, (uint32_t)random_u64());
    map_init(&table->users);
    errands_init(&table->errands);
    list_init(&table->dirty);
    list_init(&table->ending);
    for (int state = 0; state < READY_STATES; state++)
        list_init(&table->members[state]);
    return 0;
}

/* What a function appends to the list of members while they are walked is not walked. */
static void terminate_all(SessionTable *table, ReadyState state) {
    ListNode walked, *node;
    list_init(&walked);
    list_take(&walked, &table->members[state]);
    while ((node = list_pop(&walked)) != NULL) {
        list_append(&table->members[state], node);
        session_terminate(container_of(node, Session, member), CAUSE_SHUTDOWN);
    }
}

void session_table_finish(SessionTable *table) {
    for (ReadyState state = READY_STATE_CONNECTING; state < READY_STATE_CLOSED; state++)
        terminate_all(table, state);
    reaper_run(table);
    errands_finish(&table->errands);
    hub_finish(&table->hub);
    slots_finish(&table->slots);
    map_finish(&table->users);
    table->ping = frame_unref(table->ping);
    free(table->scratch);
    table->scratch = NULL;
}

void session_table_tick(SessionTable *table, uint64_t now_ms) {
    table->now_ms = now_ms;
    wheel_advance(&table->wheel, now_ms, watchdog_expired, NULL);
    audit_run(table, now_ms);
    errands_tick(table);
    session_table_drain_tick(table);
}

static void flush_all(SessionTable *table) {
    uint64_t began_ns = clock_now_ns();
    ListNode flushed, *node;
    list_init(&flushed);
    list_take(&flushed, &table->dirty);
    while ((node = list_pop(&flushed)) != NULL)
        session_flush(container_of(node, Session, dirty));
    histogram_add(&table->counters.flush_us, clock_us_since(began_ns));
}

/* A flush may end sessions; their end may make others dirty. The bound keeps a turn finite whatever the dialects do: what is
   left then leaves at the next. */
void session_table_turn(SessionTable *table) {
    for (int round = 0; round < TURN_ROUNDS; round++) {
        if (list_is_empty(&table->dirty) && list_is_empty(&table->ending))
            return;
        if (!list_is_empty(&table->dirty))
            flush_all(table);
        reaper_run(table);
    }
}

size_t session_table_count(const SessionTable *table) {
    return table->slots.n_used;
}

Session *session_table_find(SessionTable *table, uint64_t id) {
    return slots_find(&table->slots, id);
}
