#include "broker/interest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "broker/catch_up.h"
#include "broker/channel_key.h"
#include "broker/resume.h"

static const Namespace live_namespace = {.name = ""};
/* Kept, so that a node that was cut off carries out what it has missed. */
static const Namespace control_namespace = {.history_limit = 1000, .history_age_ms = 3600 * 1000};

const Namespace *bus_namespace(const Bus *bus, const char *channel, size_t n_channel) {
    if (channel_is_control(channel, n_channel))
        return &control_namespace;
    return bus->options.namespaces ? namespaces_find(bus->options.namespaces, channel, n_channel) : &live_namespace;
}

bool interest_is_control(const Interest *interest) {
    return channel_is_control(interest->name, interest->node.n_key);
}

Interest *interest_of(MapNode *node) {
    return node ? container_of(node, Interest, node) : NULL;
}

Interest *interest_find(const Bus *bus, const char *channel, size_t n_channel) {
    return interest_of(map_find(&bus->interests, channel, n_channel));
}

void bus_arm(Bus *bus, BusTimer *timer, uint32_t delay_ms) {
    wheel_arm(&bus->wheel, &timer->entry, bus->now_ms + delay_ms);
}

void bus_disarm(Bus *bus, BusTimer *timer) {
    wheel_disarm(&bus->wheel, &timer->entry);
}

static void interest_init_track(Interest *interest, Track *track) {
    interest->track = track;
    track->interest = interest;
    list_init(&track->turn);
    list_init(&track->resumes);
    if (!interest_is_durable(interest))
        interest_restart_local(interest);
}

/* The track is a part of the same memory, behind the interest. */
int interest_new(Interest **out, Bus *bus, const char *channel, size_t n_channel, void (*expired)(Bus *, BusTimer *)) {
    const Namespace *namespace = bus_namespace(bus, channel, n_channel);
    bool has_track = namespace->history_limit || namespace->local_limit;
    size_t n_interest = (sizeof(Interest) + n_channel + 1 + _Alignof(Track) - 1) & ~(_Alignof(Track) - 1);
    Interest *interest = calloc(1, n_interest + (has_track ? sizeof(Track) : 0));
    if (!interest)
        return error_origin(-ENOMEM);
    memcpy(interest->name, channel, n_channel);
    interest->node.key = interest->name;
    interest->node.n_key = n_channel;
    int r = map_insert(&bus->interests, &interest->node);
    if (r < 0) {
        free(interest);
        return error_trace(r);
    }
    interest->history_limit = namespace->history_limit;
    interest->local_limit = namespace->local_limit;
    interest->local_linger_ms = namespace->local_linger_ms;
    interest->timer.expired = expired;
    wheel_entry_init(&interest->timer.entry);
    list_init(&interest->line);
    if (has_track)
        interest_init_track(interest, (Track *)((char *)interest + n_interest));
    *out = interest;
    return 0;
}

void interest_configure(const Bus *bus, Interest *interest) {
    const Namespace *namespace = bus_namespace(bus, interest->name, interest->node.n_key);
    if (interest->history_limit > 0 && namespace->history_limit > 0)
        interest->history_limit = namespace->history_limit;
    if (namespace->local_limit > 0)
        interest->local_limit = namespace->local_limit;
    interest->local_linger_ms = namespace->local_linger_ms;
}

static void interest_finish_track(Bus *bus, Interest *interest) {
    catch_up_cancel(bus, interest);
    resume_forget(bus, interest);
    ring_finish(&interest->track->kept);
    ring_finish(&interest->track->recent);
}

Interest *interest_free(Bus *bus, Interest *interest) {
    while (!list_is_empty(&interest->line))
        waiting_free(waiting_leave(bus, container_of(interest->line.next, Waiting, link)));
    if (interest->track)
        interest_finish_track(bus, interest);
    if (interest->has_roster)
        presence_unsubscribed(bus->presence, interest->name, interest->node.n_key);
    interest_set_state(bus, interest, INTEREST_WAITING);
    bus_disarm(bus, &interest->timer);
    map_remove(&bus->interests, &interest->node);
    free(interest);
    return NULL;
}

void interest_set_state(Bus *bus, Interest *interest, InterestState state) {
    bool was_heard = interest_is_heard(interest);
    interest->state = state;
    if (was_heard && !interest_is_heard(interest))
        counter_subtract(&bus->counters.channels, 1);
    if (!was_heard && interest_is_heard(interest))
        counter_add(&bus->counters.channels, 1);
}

void interest_stand_in_line(Bus *bus, Interest *interest, Waiting *waiting) {
    waiting->interest = interest;
    list_append(&interest->line, &waiting->link);
    bus_arm(bus, &waiting->timer, bus->options.subscribe_ms);
}

Waiting *waiting_leave(Bus *bus, Waiting *waiting) {
    list_unlink(&waiting->link);
    bus_disarm(bus, &waiting->timer);
    return waiting;
}

void waiting_free(Waiting *waiting) {
    if (waiting->is_resume)
        free(container_of(waiting, Read, waiting));
    else
        free(container_of(waiting, Want, waiting));
}

bool interest_has_want(const Interest *interest, uint32_t worker) {
    for (const ListNode *node = interest->line.next; node != &interest->line; node = node->next) {
        const Waiting *waiting = container_of(node, Waiting, link);
        if (!waiting->is_resume && waiting->worker == worker)
            return true;
    }
    return false;
}

/* A resume asks the backend, which may find then that the channel is gone: the rest stays in line. */
void interest_grant(Bus *bus, Interest *interest) {
    interest_set_state(bus, interest, INTEREST_SUBSCRIBED);
    while (interest->state == INTEREST_SUBSCRIBED && !list_is_empty(&interest->line)) {
        Waiting *waiting = waiting_leave(bus, container_of(interest->line.next, Waiting, link));
        if (waiting->is_resume) {
            resume_start(bus, container_of(waiting, Read, waiting));
            continue;
        }
        Want *want = container_of(waiting, Want, waiting);
        interest->workers |= worker_bit(waiting->worker);
        interest->granted |= worker_bit(waiting->worker);
        bus->ops->acknowledged(bus->context, waiting->worker, interest->name, interest->node.n_key, want->token, BROKER_OK,
                               interest_position(interest));
        free(want);
    }
}

void interest_deliver(Bus *bus, Interest *interest, Message *message) {
    if (!interest->granted)
        counter_add(&bus->counters.unwanted, 1);
    for (uint64_t workers = interest->granted; workers; workers &= workers - 1)
        bus->ops->deliver(bus->context, (uint32_t)__builtin_ctzll(workers), message);
}

void interest_gap(Bus *bus, Interest *interest) {
    if (interest->granted)
        counter_add(&bus->counters.gaps, 1);
    for (uint64_t workers = interest->granted; workers; workers &= workers - 1)
        bus->ops->gap(bus->context, (uint32_t)__builtin_ctzll(workers), interest->name, interest->node.n_key,
                      interest_position(interest));
}

void interest_restart_local(Interest *interest) {
    ring_finish(&interest->track->kept);
    interest->track->position = (Position){.epoch = random_u64() | (uint64_t)1 << 63};
}

/* The ring ends at the position in any case: without memory it gets shorter, down to nothing. */
static void local_keep(Interest *interest, Message *message) {
    Ring *ring = &interest->track->kept;
    if (ring->n >= interest->local_limit)
        ring_drop(ring, ring->n - interest->local_limit + 1); /* more than one when the limit has been lowered */
    if (ring_push(ring, message) == 0 || ring->n == 0)
        return;
    ring_drop(ring, 1);
    (void)ring_push(ring, message); /* into the slot that is free now */
}

void interest_hear_local(Bus *bus, Interest *interest, Message *message) {
    interest->track->position.seq++;
    message->position = interest->track->position;
    local_keep(interest, message);
    interest_deliver(bus, interest, message);
}
