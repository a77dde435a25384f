#include "broker/bus_read.h"

#include "broker/catch_up.h"
#include "broker/resume.h"

static void bus_answer(Bus *bus, const char *channel, size_t n_channel, const BrokerReturn *to, HistoryReply *reply) {
    bus->ops->history(bus->context, to, channel, n_channel, reply ? reply : bus->failures[BROKER_OVERLOADED]);
    history_reply_unref(reply);
}

/* A ring of this node's own; of a channel that nobody here wants there is none. */
static void bus_read_local(Bus *bus, const char *channel, size_t n_channel, const HistoryQuery *query, const BrokerReturn *to) {
    static const Ring nothing;
    const Interest *interest = interest_find(bus, channel, n_channel);
    const Ring *ring = interest && interest->track && !interest_is_durable(interest) ? &interest->track->kept : &nothing;
    bus_answer(bus, channel, n_channel, to, ring_history(ring, interest ? interest_position(interest) : (Position){0}, query));
}

static void bus_resume_due(Bus *bus, BusTimer *timer) {
    Read *read = container_of(container_of(timer, Waiting, timer), Read, waiting);
    if (read->early)
        resume_refuse(bus, read);
    else
        read_answer(bus, read, history_reply_ref(bus->failures[BROKER_UNAVAILABLE]));
}

static void bus_resume(Bus *bus, Read *read) {
    Interest *interest = interest_find(bus, read->channel, read->n_channel);
    read->waiting.timer.expired = bus_resume_due;
    if (!interest || !interest->track || !(interest->workers & worker_bit(read->to.worker))) {
        resume_refuse(bus, read);
    } else if (interest->state == INTEREST_SUBSCRIBED) {
        read->waiting.interest = interest;
        resume_start(bus, read);
    } else {
        interest_stand_in_line(bus, interest, &read->waiting);
    }
}

void bus_read(Bus *bus, const char *channel, size_t n_channel, const HistoryQuery *query, const BrokerReturn *to) {
    const Namespace *namespace = bus_namespace(bus, channel, n_channel);
    bool is_durable = namespace->history_limit > 0;
    counter_add(&bus->counters.histories, 1);
    if (!is_durable && !namespace->local_limit) {
        bus_answer(bus, channel, n_channel, to, history_reply_ref(bus->failures[BROKER_REFUSED]));
        return;
    }
    if (!is_durable && query->order != HISTORY_RESUME) {
        bus_read_local(bus, channel, n_channel, query, to);
        return;
    }
    Read *read = read_new(query->order == HISTORY_RESUME ? READ_RESUME : READ_HISTORY, channel, n_channel, query, to);
    if (!read)
        bus_answer(bus, channel, n_channel, to, NULL);
    else if (read->kind == READ_RESUME)
        bus_resume(bus, read);
    else
        bus->backend->ops->read(bus->backend, channel, n_channel, query, read);
}

void bus_on_read(void *context, void *cookie, HistoryReply *reply) {
    Bus *bus = context;
    Read *read = cookie;
    switch (read->kind) {
    case READ_HISTORY:
        read_answer(bus, read, history_reply_ref(reply));
        break;
    case READ_RESUME:
        resume_answered(bus, read, reply);
        break;
    case READ_CATCH_UP:
        catch_up_answered(bus, read, reply);
        break;
    }
}
