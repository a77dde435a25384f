#include "broker/bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "broker/bus_presence.h"
#include "broker/bus_read.h"
#include "broker/catch_up.h"
#include "broker/interest.h"
#include "broker/resume.h"

enum { BUS_UNSUBSCRIBE_BUDGET = 4096, BUS_PUT_OFF_MS = 100 };

static bool bus_can_reach(const Bus *bus, const char *channel, size_t n_channel) {
    return bus->backend->ops->is_reachable(bus->backend, channel, n_channel);
}

static bool bus_reaches(const Bus *bus, const Interest *interest) {
    return bus_can_reach(bus, interest->name, interest->node.n_key);
}

static void bus_subscribe(Bus *bus, Interest *interest) {
    if (interest->workers)
        bus_disarm(bus, &interest->timer);
    interest_set_state(bus, interest, INTEREST_SUBSCRIBING);
    bus->backend->ops->subscribe(bus->backend, interest->name, interest->node.n_key);
}

static void bus_acknowledge(Bus *bus, uint32_t worker, const char *channel, size_t n_channel, uint64_t token,
                            BrokerResult result) {
    bus->ops->acknowledged(bus->context, worker, channel, n_channel, token, result, (Position){0});
}

/* Ends the wait of one that stands in line. */
static void bus_turn_away(Bus *bus, Waiting *waiting, BrokerResult result) {
    Interest *interest = waiting->interest;
    waiting_leave(bus, waiting);
    if (waiting->is_resume) {
        read_answer(bus, container_of(waiting, Read, waiting), history_reply_ref(bus->failures[result]));
        return;
    }
    Want *want = container_of(waiting, Want, waiting);
    bus_acknowledge(bus, waiting->worker, interest->name, interest->node.n_key, want->token, result);
    free(want);
}

static void bus_turn_all_away(Bus *bus, Interest *interest, BrokerResult result) {
    while (!list_is_empty(&interest->line))
        bus_turn_away(bus, container_of(interest->line.next, Waiting, link), result);
}

static void bus_drop(Bus *bus, Interest *interest) {
    bus_turn_all_away(bus, interest, BROKER_UNAVAILABLE);
    interest_free(bus, interest);
}

/* The last worker has gone. */
static void bus_linger(Bus *bus, Interest *interest) {
    uint32_t linger_ms = bus->options.linger_ms;
    if (interest->track && !interest_is_durable(interest) && linger_ms < interest->local_linger_ms)
        linger_ms = interest->local_linger_ms;
    if (interest->state == INTEREST_WAITING)
        bus_drop(bus, interest);
    else
        bus_arm(bus, &interest->timer, linger_ms);
}

/* One that is being subscribed is put off: its acknowledgement must not be taken for that of a later subscription. */
static void bus_lingered(Bus *bus, Interest *interest) {
    if (interest->state == INTEREST_SUBSCRIBING || bus->n_unsubscribes == 0) {
        bus_arm(bus, &interest->timer, BUS_PUT_OFF_MS);
        return;
    }
    bus->n_unsubscribes--;
    bus->backend->ops->unsubscribe(bus->backend, interest->name, interest->node.n_key);
    bus_drop(bus, interest);
}

static void bus_interest_due(Bus *bus, BusTimer *timer) {
    Interest *interest = container_of(timer, Interest, timer);
    if (!interest->workers)
        bus_lingered(bus, interest);
    else if (interest->state == INTEREST_READING)
        catch_up_go_on(bus, interest);
    else if (interest->state == INTEREST_WAITING && bus_reaches(bus, interest))
        bus_subscribe(bus, interest);
}

static void bus_want_due(Bus *bus, BusTimer *timer) {
    Waiting *waiting = container_of(timer, Waiting, timer);
    Interest *interest = waiting->interest;
    uint32_t worker = waiting->worker;
    bus_turn_away(bus, waiting, BROKER_UNAVAILABLE);
    if ((interest->granted & worker_bit(worker)) || interest_has_want(interest, worker))
        return;
    interest->workers &= ~worker_bit(worker);
    if (!interest->workers)
        bus_linger(bus, interest);
}

static int bus_new_failures(Bus *bus) {
    for (BrokerResult result = BROKER_UNAVAILABLE; result <= BROKER_REFUSED; result++) {
        bus->failures[result] = history_reply_new(0);
        if (!bus->failures[result])
            return error_origin(-ENOMEM);
        bus->failures[result]->result = result;
    }
    bus->no_presence = presence_reply_new(0, 0);
    if (!bus->no_presence)
        return error_origin(-ENOMEM);
    bus->no_presence->result = BROKER_REFUSED;
    return 0;
}

static void bus_free_failures(Bus *bus) {
    for (BrokerResult result = BROKER_UNAVAILABLE; result <= BROKER_REFUSED; result++)
        bus->failures[result] = history_reply_unref(bus->failures[result]);
    bus->no_presence = presence_reply_unref(bus->no_presence);
}

int bus_init(Bus *bus, const BusOptions *options, const BusOps *ops, void *context) {
    *bus = (Bus){.options = *options, .ops = ops, .context = context};
    map_init(&bus->interests);
    wheel_init(&bus->wheel, 0);
    catch_up_init(bus);
    int r = bus_new_failures(bus);
    if (r < 0) {
        bus_free_failures(bus);
        return error_trace(r);
    }
    return 0;
}

int bus_attach(Bus *bus, Backend *backend) {
    bus->backend = backend;
    int r = bus_new_presence(bus);
    return r < 0 ? error_trace(r) : 0;
}

static void bus_say_nothing(void *context, const BrokerReturn *to, const char *channel, size_t n_channel, HistoryReply *reply) {
}

static void bus_forget(MapNode *node, void *context) {
    interest_free(context, interest_of(node));
}

void bus_finish(Bus *bus) {
    static const BusOps silent = {.history = bus_say_nothing};
    bus->ops = &silent;
    map_each(&bus->interests, bus_forget, bus);
    map_finish(&bus->interests);
    bus->presence = presence_free(bus->presence);
    bus_free_failures(bus);
}

static Want *want_new(uint32_t worker, uint64_t token) {
    Want *want = malloc(sizeof *want);
    if (!want)
        return NULL;
    *want = (Want){.token = token, .waiting = {.worker = worker, .timer.expired = bus_want_due}};
    list_init(&want->waiting.link);
    wheel_entry_init(&want->waiting.timer.entry);
    return want;
}

static void bus_wait(Bus *bus, Interest *interest, Want *want) {
    bool was_lingering = !interest->workers;
    interest->workers |= worker_bit(want->waiting.worker);
    if (was_lingering)
        bus_disarm(bus, &interest->timer);
    interest_stand_in_line(bus, interest, &want->waiting);
    if (interest->state == INTEREST_READING && was_lingering)
        catch_up_go_on(bus, interest);
    else if (interest->state == INTEREST_WAITING && bus_reaches(bus, interest))
        bus_subscribe(bus, interest);
}

void bus_want(Bus *bus, uint32_t worker, const char *channel, size_t n_channel, uint64_t token) {
    Interest *interest = interest_find(bus, channel, n_channel);
    if (interest && interest->state == INTEREST_SUBSCRIBED) {
        interest->workers |= worker_bit(worker);
        interest->granted |= worker_bit(worker);
        bus_disarm(bus, &interest->timer);
        bus->ops->acknowledged(bus->context, worker, channel, n_channel, token, BROKER_OK, interest_position(interest));
        return;
    }
    Want *want = want_new(worker, token);
    if (!want || (!interest && interest_new(&interest, bus, channel, n_channel, bus_interest_due) < 0)) {
        free(want);
        bus_acknowledge(bus, worker, channel, n_channel, token, BROKER_OVERLOADED);
        return;
    }
    bus_wait(bus, interest, want);
}

void bus_unwant(Bus *bus, uint32_t worker, const char *channel, size_t n_channel) {
    Interest *interest = interest_find(bus, channel, n_channel);
    if (!interest || !(interest->workers & worker_bit(worker)))
        return;
    ListNode *line = &interest->line;
    for (ListNode *node = line->next, *next; node != line; node = next) {
        next = node->next;
        Waiting *waiting = container_of(node, Waiting, link);
        if (waiting->worker != worker)
            continue;
        if (waiting->is_resume)
            bus_turn_away(bus, waiting, BROKER_UNAVAILABLE);
        else
            waiting_free(waiting_leave(bus, waiting));
    }
    interest->workers &= ~worker_bit(worker);
    interest->granted &= ~worker_bit(worker);
    if (!interest->workers)
        bus_linger(bus, interest);
}

/* A live payload that begins like an envelope is told apart by one of its own. */
static int bus_escape(Message **out, const Message *message) {
    char head[ENVELOPE_HEAD_MAX];
    size_t n_head = envelope_head_escape(head);
    char *bytes = malloc(n_head + message->n_payload);
    if (!bytes)
        return error_origin(-ENOMEM);
    memcpy(bytes, head, n_head);
    memcpy(bytes + n_head, message_payload(message), message->n_payload);
    int r = message_new(out, message_channel(message), message->n_channel, bytes, n_head + message->n_payload);
    free(bytes);
    return r < 0 ? error_trace(r) : 0;
}

/* BROKER_OK: the answer follows. */
static BrokerResult bus_send(Bus *bus, Message *message, const HistoryLimits *limits, const BrokerReturn *to) {
    BrokerReturn *cookie = malloc(sizeof *cookie);
    if (!cookie)
        return BROKER_OVERLOADED;
    *cookie = *to;
    bus->backend->ops->publish(bus->backend, message, limits, cookie);
    return BROKER_OK;
}

static BrokerResult bus_send_live(Bus *bus, Message *message, const BrokerReturn *to) {
    if (!envelope_is_needed(message_payload(message), message->n_payload))
        return bus_send(bus, message, NULL, to);
    Message *escaped;
    if (bus_escape(&escaped, message) < 0)
        return BROKER_OVERLOADED;
    BrokerResult result = bus_send(bus, escaped, NULL, to);
    message_unref(escaped);
    return result;
}

void bus_publish(Bus *bus, Message *message, const BrokerReturn *to) {
    const Namespace *namespace = bus_namespace(bus, message_channel(message), message->n_channel);
    const HistoryLimits limits = {.n_messages = namespace->history_limit, .age_ms = namespace->history_age_ms};
    BrokerResult result = BROKER_UNAVAILABLE;
    if (bus_can_reach(bus, message_channel(message), message->n_channel))
        result = limits.n_messages ? bus_send(bus, message, &limits, to) : bus_send_live(bus, message, to);
    if (result == BROKER_OK)
        return;
    counter_add(&bus->counters.publish_failures, 1);
    bus->ops->published(bus->context, to, result, (Position){0});
}

static void bus_expired(WheelEntry *entry, uint64_t now_ms, void *context) {
    BusTimer *timer = container_of(entry, BusTimer, entry);
    timer->expired(context, timer);
}

/* The bus counts from the first tick, so that nothing of what came before it is late at once. */
void bus_tick(Bus *bus, uint64_t now_ms) {
    if (!bus->has_ticked)
        bus->first_ms = now_ms;
    bus->has_ticked = true;
    bus->now_ms = now_ms - bus->first_ms;
    bus->n_unsubscribes = BUS_UNSUBSCRIBE_BUDGET;
    wheel_advance(&bus->wheel, bus->now_ms, bus_expired, bus);
    if (bus->presence)
        presence_tick(bus->presence, now_ms);
}

/* It is not heard any more. False: nobody wants it either, and it is gone. */
static bool bus_lose(Bus *bus, Interest *interest) {
    if (!interest->workers) {
        bus_drop(bus, interest);
        return false;
    }
    bus_disarm(bus, &interest->timer);
    interest_set_state(bus, interest, INTEREST_WAITING);
    if (interest_is_durable(interest))
        catch_up_cancel(bus, interest);
    else if (interest->track)
        interest_restart_local(interest);
    return true;
}

static void bus_look_at(MapNode *node, void *context) {
    Bus *bus = context;
    Interest *interest = interest_of(node);
    bool is_reachable = bus_reaches(bus, interest);
    if (interest->state != INTEREST_WAITING && !is_reachable)
        bus_lose(bus, interest);
    else if (interest->state == INTEREST_WAITING && is_reachable)
        bus_subscribe(bus, interest);
}

/* A walk over the interests bears no other within it: what changes meanwhile is looked at in the next. */
static void bus_on_changed(void *context) {
    Bus *bus = context;
    bus->has_changed = true;
    if (bus->is_looking)
        return;
    bus->is_looking = true;
    while (bus->has_changed) {
        bus->has_changed = false;
        map_each(&bus->interests, bus_look_at, bus);
    }
    bus->is_looking = false;
    if (bus->presence)
        presence_reachable(bus->presence);
}

static void bus_on_link(void *context, bool is_up, const char *reason) {
    Bus *bus = context;
    if (bus->is_up && !is_up)
        counter_add(&bus->counters.links_lost, 1);
    if (bus->is_up != is_up)
        counter_add(&bus->counters.up, is_up ? 1 : UINT64_MAX);
    bus->is_up = is_up;
    bus->ops->link(bus->context, is_up, reason);
}

static void bus_on_subscribed(void *context, const char *channel, size_t n_channel) {
    Bus *bus = context;
    Interest *interest = interest_find(bus, channel, n_channel);
    if (!interest || interest->state != INTEREST_SUBSCRIBING)
        return;
    bus_presence_subscribed(bus, interest);
    if (interest_is_durable(interest)) {
        catch_up_begin(bus, interest);
        return;
    }
    interest_gap(bus, interest); /* those that heard it before it was lost */
    interest_grant(bus, interest);
}

static void bus_on_refused(void *context, const char *channel, size_t n_channel) {
    Bus *bus = context;
    Interest *interest = interest_find(bus, channel, n_channel);
    if (!interest || interest->state != INTEREST_SUBSCRIBING)
        return;
    uint64_t granted = interest->granted;
    bus_turn_all_away(bus, interest, BROKER_REFUSED);
    for (; granted; granted &= granted - 1)
        bus_acknowledge(bus, (uint32_t)__builtin_ctzll(granted), channel, n_channel, 0, BROKER_REFUSED);
    interest_free(bus, interest);
}

/* One that is lost while it is being subscribed waits a little: the backend may not know yet where it has gone. */
static void bus_on_lost(void *context, const char *channel, size_t n_channel) {
    Bus *bus = context;
    Interest *interest = interest_find(bus, channel, n_channel);
    if (!interest || interest->state == INTEREST_WAITING)
        return;
    bool was_heard = interest_is_heard(interest);
    if (!bus_lose(bus, interest) || !bus_reaches(bus, interest))
        return;
    if (was_heard)
        bus_subscribe(bus, interest);
    else
        bus_arm(bus, &interest->timer, BUS_PUT_OFF_MS);
}

/* No memory for it: what can be read again is, else those who should have heard it are told. */
static void bus_lose_message(Bus *bus, const char *channel, size_t n_channel, Position position) {
    Interest *interest = interest_find(bus, channel, n_channel);
    if (!interest || !interest_is_heard(interest))
        return;
    if (interest_is_durable(interest) && position.epoch) {
        catch_up_lose(bus, interest);
        return;
    }
    if (interest->track && !interest_is_durable(interest))
        interest_restart_local(interest);
    interest_gap(bus, interest);
}

/* A number counts only where the node reads the history it belongs to. */
static void bus_hear(Bus *bus, Interest *interest, Message *message, Position position) {
    bool is_durable = interest_is_durable(interest);
    if (is_durable && position.epoch) {
        message->position = position;
        catch_up_hear(bus, interest, message);
    } else if (interest->track && !is_durable) {
        interest_hear_local(bus, interest, message);
    } else {
        interest_deliver(bus, interest, message);
    }
}

static void bus_on_message(void *context, const char *channel, size_t n_channel, const void *payload, size_t n_payload) {
    Bus *bus = context;
    Envelope envelope;
    Message *message;
    counter_add(&bus->counters.received, 1);
    envelope_open(&envelope, payload, n_payload);
    if (envelope.kind != MESSAGE_DATA) {
        bus_presence_heard(bus, channel, n_channel, &envelope);
        return;
    }
    if (message_new(&message, channel, n_channel, envelope.payload, envelope.n_payload) < 0) {
        bus_lose_message(bus, channel, n_channel, envelope.position);
        return;
    }
    Interest *interest = interest_of(map_find_hashed(&bus->interests, message->channel_hash, channel, n_channel));
    if (interest && interest_is_heard(interest))
        bus_hear(bus, interest, message, envelope.position);
    else
        counter_add(&bus->counters.unwanted, 1);
    message_unref(message);
}

static void bus_on_complained(void *context, const BrokerComplaint *complaint) {
    Bus *bus = context;
    bus->ops->complained(bus->context, complaint);
}

static void bus_on_published(void *context, void *cookie, BrokerResult result, Position position) {
    Bus *bus = context;
    BrokerReturn *to = cookie;
    counter_add(result == BROKER_OK ? &bus->counters.published : &bus->counters.publish_failures, 1);
    bus->ops->published(bus->context, to, result, position);
    free(to);
}

const BackendEvents bus_backend_events = {
    .changed = bus_on_changed,
    .link = bus_on_link,
    .complained = bus_on_complained,
    .subscribed = bus_on_subscribed,
    .refused = bus_on_refused,
    .lost = bus_on_lost,
    .message = bus_on_message,
    .published = bus_on_published,
    .read = bus_on_read,
    .presented = bus_on_presented,
    .members = bus_on_members,
    .leased = bus_on_leased,
    .buried = bus_on_buried,
};
