#include "broker/resume.h"

#include <stdlib.h>
#include <string.h>

Read *read_new(ReadKind kind, const char *channel, size_t n_channel, const HistoryQuery *query, const BrokerReturn *to) {
    Read *read = calloc(1, sizeof *read + n_channel);
    if (!read)
        return NULL;
    list_init(&read->waiting.link);
    wheel_entry_init(&read->waiting.timer.entry);
    read->waiting.is_resume = true;
    read->waiting.worker = to->worker;
    read->kind = kind;
    read->to = *to;
    read->query = *query;
    read->n_channel = n_channel;
    memcpy(read->channel, channel, n_channel);
    return read;
}

static void resume_end(Bus *bus, Read *read) {
    Interest *interest = read->waiting.interest;
    waiting_leave(bus, &read->waiting);
    if (interest && read->early)
        interest->track->n_early--;
    if (interest && list_is_empty(&interest->track->resumes))
        ring_finish(&interest->track->recent);
    history_reply_unref(read->early);
    free(read);
}

void read_answer(Bus *bus, Read *read, HistoryReply *reply) {
    bus->ops->history(bus->context, &read->to, read->channel, read->n_channel,
                      reply ? reply : bus->failures[BROKER_OVERLOADED]);
    history_reply_unref(reply);
    resume_end(bus, read);
}

/* Nothing of the past; the worker is handed what follows the position. */
static HistoryReply *reply_without(bool is_recovered, const Read *read) {
    const Interest *interest = read->waiting.interest;
    HistoryReply *reply = history_reply_new(0);
    if (!reply)
        return NULL;
    reply->is_recovered = is_recovered;
    reply->position = interest ? interest_position(interest) : (Position){0};
    return reply;
}

void resume_refuse(Bus *bus, Read *read) {
    read_answer(bus, read, reply_without(false, read));
}

void resume_start(Bus *bus, Read *read) {
    Interest *interest = read->waiting.interest;
    Track *track = interest->track;
    Position since = read->query.since;
    if (!interest_is_durable(interest)) {
        read_answer(bus, read, ring_history(&track->kept, track->position, &read->query));
    } else if (since.epoch == 0 || since.epoch != track->position.epoch) {
        resume_refuse(bus, read);
    } else if (since.seq == track->position.seq) {
        read_answer(bus, read, reply_without(true, read));
    } else {
        list_append(&track->resumes, &read->waiting.link);
        bus->backend->ops->read(bus->backend, read->channel, read->n_channel, &read->query, read);
    }
}

void resume_remember(Bus *bus, Interest *interest, Message *message) {
    Ring *recent = &interest->track->recent;
    ring_make_room(recent, ring_cost(message), bus->options.hold_limit_bytes);
    if (ring_push(recent, message) < 0)
        ring_finish(recent);
}

static bool reply_is_within(const HistoryReply *reply, const HistoryQuery *query) {
    size_t n_bytes = 0;
    for (uint32_t i = 0; i < reply->n_messages; i++)
        n_bytes += reply->messages[i]->n_payload;
    return reply->n_messages <= query->limit && (!query->limit_bytes || n_bytes <= query->limit_bytes);
}

/* The messages of the reply up to the track's position, and from what it remembers those that the reply had not yet. */
static HistoryReply *resume_join(const Track *track, const HistoryReply *reply, uint32_t n_recent) {
    uint32_t n_kept = 0;
    while (n_kept < reply->n_messages && reply->messages[n_kept]->position.seq <= track->position.seq)
        n_kept++;
    HistoryReply *joined = history_reply_new(n_kept + n_recent);
    if (!joined)
        return NULL;
    for (uint32_t i = 0; i < n_kept; i++)
        joined->messages[i] = message_ref(reply->messages[i]);
    for (uint32_t i = 0; i < n_recent; i++)
        joined->messages[n_kept + i] = message_ref(ring_at(&track->recent, track->recent.n - n_recent + i));
    joined->is_recovered = true;
    joined->position = track->position;
    return joined;
}

/* The interest stands at or behind the resume's beginning. */
static void resume_answer_joined(Bus *bus, Read *read, const HistoryReply *reply) {
    const Interest *interest = read->waiting.interest;
    const Track *track = interest->track;
    uint64_t n_missing = track->position.seq > reply->position.seq ? track->position.seq - reply->position.seq : 0;
    if (n_missing > track->recent.n) {
        resume_refuse(bus, read);
        return;
    }
    HistoryReply *joined = resume_join(track, reply, (uint32_t)n_missing);
    if (joined && !reply_is_within(joined, &read->query)) {
        history_reply_unref(joined);
        joined = reply_without(false, read);
    }
    read_answer(bus, read, joined);
}

static bool resume_can_join(const Read *read, const HistoryReply *reply) {
    const Interest *interest = read->waiting.interest;
    uint64_t epoch = read->query.since.epoch;
    return interest && reply->is_recovered && reply->position.epoch == epoch && interest->track->position.epoch == epoch;
}

static bool resume_is_early(const Read *read) {
    return read->query.since.seq > read->waiting.interest->track->position.seq;
}

void resume_answered(Bus *bus, Read *read, HistoryReply *reply) {
    if (reply->result != BROKER_OK) {
        read_answer(bus, read, history_reply_ref(reply));
    } else if (!resume_can_join(read, reply)) {
        resume_refuse(bus, read);
    } else if (resume_is_early(read)) {
        read->early = history_reply_ref(reply);
        read->waiting.interest->track->n_early++;
        bus_arm(bus, &read->waiting.timer, bus->options.subscribe_ms);
    } else {
        resume_answer_joined(bus, read, reply);
    }
}

/* The client has been told of messages that have not come here yet: an answer now would have them come to it twice. */
void resume_look(Bus *bus, Interest *interest) {
    ListNode *resumes = &interest->track->resumes;
    for (ListNode *node = resumes->next, *next; node != resumes; node = next) {
        next = node->next;
        Read *read = container_of(container_of(node, Waiting, link), Read, waiting);
        if (!read->early)
            continue;
        if (!resume_can_join(read, read->early))
            resume_refuse(bus, read);
        else if (!resume_is_early(read))
            resume_answer_joined(bus, read, read->early);
    }
}

/* One with an early answer has no other to come: it is answered here, unless the bus has ended. */
void resume_forget(Bus *bus, Interest *interest) {
    ListNode *node;
    while ((node = list_pop(&interest->track->resumes))) {
        Read *read = container_of(container_of(node, Waiting, link), Read, waiting);
        read->waiting.interest = NULL;
        if (!read->early)
            continue;
        bus->ops->history(bus->context, &read->to, read->channel, read->n_channel, bus->failures[BROKER_UNAVAILABLE]);
        resume_end(bus, read);
    }
    interest->track->n_early = 0;
}
