#include "broker/catch_up.h"

#include <stdlib.h>

#include "broker/resume.h"

enum { CATCH_UP_MESSAGE_BYTES = 64 /* its frame, about */ };
enum { CATCH_UP_ROUNDS = 3, CATCH_UP_PAUSE_MS = 100, CATCH_UP_PAUSE_MAX_MS = 1000 };

typedef enum Place { PLACE_NEXT, PLACE_OLD, PLACE_BEHIND_A_HOLE } Place;

static Place track_place(const Track *track, Position position) {
    if (track->is_adrift)
        return PLACE_NEXT;
    if (position.epoch > track->position.epoch && position.seq == 1)
        return PLACE_NEXT; /* the history began anew while it was heard */
    if (position.epoch != track->position.epoch || position.seq > track->position.seq + 1)
        return PLACE_BEHIND_A_HOLE;
    return position.seq > track->position.seq ? PLACE_NEXT : PLACE_OLD;
}

static void catch_up_advance(Bus *bus, Interest *interest, Message *message) {
    Track *track = interest->track;
    if (track->position.epoch != message->position.epoch)
        ring_finish(&track->recent);
    track->position = message->position;
    track->is_adrift = false;
    if (!list_is_empty(&track->resumes))
        resume_remember(bus, interest, message);
    interest_deliver(bus, interest, message);
    if (track->n_early)
        resume_look(bus, interest);
}

/* What lies between is lost for those who hear it. */
static void catch_up_jump(Bus *bus, Interest *interest, Position position) {
    Track *track = interest->track;
    ring_finish(&track->recent);
    track->position = position;
    track->is_adrift = false;
    interest_gap(bus, interest);
    if (track->n_early)
        resume_look(bus, interest);
}

static void catch_up_pause(Bus *bus, Interest *interest) {
    Track *track = interest->track;
    uint32_t pause_ms = CATCH_UP_PAUSE_MAX_MS;
    if (track->n_retries < 4)
        pause_ms = (uint32_t)CATCH_UP_PAUSE_MS << track->n_retries++;
    if (interest->workers) /* else the timer is the linger's */
        bus_arm(bus, &interest->timer, pause_ms);
}

/* While nobody hears it, or since no place is known, only where the history stands now is of interest. Commands that were missed are
   carried out all the same: a history that was not there before, or has begun anew, is new to us. */
static HistoryQuery catch_up_query(const Bus *bus, const Interest *interest) {
    const Track *track = interest->track;
    if (interest->granted && track->position.epoch && !track->is_cut_off)
        return (HistoryQuery){.order = HISTORY_RESUME, .since = track->position, .limit = bus->options.history_limit};
    bool is_whole = interest->granted && interest_is_control(interest) && !track->is_adrift;
    return (HistoryQuery){.order = HISTORY_FORWARD,
                          .limit = is_whole ? bus_namespace(bus, interest->name, interest->node.n_key)->history_limit : 0};
}

static void catch_up_leave(Bus *bus, Track *track) {
    if (list_is_linked(&track->turn))
        counter_subtract(&bus->counters.reads_waiting, 1);
    list_unlink(&track->turn);
}

static void catch_up_ask(Bus *bus, Interest *interest) {
    Track *track = interest->track;
    const HistoryQuery query = catch_up_query(bus, interest);
    Read *read = read_new(READ_CATCH_UP, interest->name, interest->node.n_key, &query, &(BrokerReturn){0});
    if (!read) {
        catch_up_pause(bus, interest);
        return;
    }
    read->waiting.interest = interest;
    track->reading = read;
    track->n_stale = track->kept.n;
    track->is_doubted = false;
    bus->window.n_under_way++;
    bus->backend->ops->read(bus->backend, interest->name, interest->node.n_key, &query, read);
}

static bool window_has_room(const CatchUpWindow *window) {
    return window->n_under_way == 0 || (window->n_under_way < CATCH_UP_READS_MAX &&
                                        (window->n_under_way + 1) * window->expected_bytes <= CATCH_UP_WINDOW_BYTES);
}

/* An answer may come before the question returns, and let another in line: that is asked in the same loop. */
static void catch_up_open(Bus *bus) {
    CatchUpWindow *window = &bus->window;
    if (window->is_opening)
        return;
    window->is_opening = true;
    while (!list_is_empty(&window->waiting) && window_has_room(window)) {
        Track *track = container_of(window->waiting.next, Track, turn);
        catch_up_leave(bus, track);
        catch_up_ask(bus, track->interest);
    }
    window->is_opening = false;
    if (window->n_under_way == 0)
        window->expected_bytes = CATCH_UP_FIRST_BYTES;
}

/* The question is made when its turn has come: what is heard until then is in the answer. */
static void catch_up_read(Bus *bus, Interest *interest) {
    list_append(&bus->window.waiting, &interest->track->turn);
    counter_add(&bus->counters.reads_waiting, 1);
    catch_up_open(bus);
}

/* One heavy answer narrows the window at once; light ones widen it little by little. */
static void window_weigh(CatchUpWindow *window, const HistoryReply *reply) {
    size_t n_bytes = 0;
    for (uint32_t i = 0; i < reply->n_messages; i++)
        n_bytes += reply->messages[i]->n_payload + CATCH_UP_MESSAGE_BYTES;
    window->n_under_way--;
    if (reply->result == BROKER_OK)
        window->expected_bytes -= window->expected_bytes / 8;
    if (window->expected_bytes < n_bytes)
        window->expected_bytes = n_bytes;
}

void catch_up_init(Bus *bus) {
    list_init(&bus->window.waiting);
    bus->window.expected_bytes = CATCH_UP_FIRST_BYTES;
}

void catch_up_begin(Bus *bus, Interest *interest) {
    interest_set_state(bus, interest, INTEREST_READING);
    interest->track->n_rounds = 0;
    interest->track->n_retries = 0;
    interest->track->is_cut_off = false;
    catch_up_read(bus, interest);
}

void catch_up_go_on(Bus *bus, Interest *interest) {
    if (!interest->track->reading && !list_is_linked(&interest->track->turn))
        catch_up_read(bus, interest);
}

static void catch_up_hold(Bus *bus, Interest *interest, Message *message) {
    Track *track = interest->track;
    uint32_t n_dropped = ring_make_room(&track->kept, ring_cost(message), bus->options.hold_limit_bytes);
    track->n_stale -= track->n_stale < n_dropped ? track->n_stale : n_dropped;
    if (ring_push(&track->kept, message) < 0)
        track->is_doubted = true;
}

void catch_up_hear(Bus *bus, Interest *interest, Message *message) {
    if (interest->state == INTEREST_READING) {
        catch_up_hold(bus, interest, message);
        return;
    }
    switch (track_place(interest->track, message->position)) {
    case PLACE_NEXT:
        catch_up_advance(bus, interest, message);
        break;
    case PLACE_OLD:
        counter_add(&bus->counters.duplicates, 1);
        break;
    case PLACE_BEHIND_A_HOLE:
        catch_up_hold(bus, interest, message); /* the answer has it too, unless it is a refusal */
        catch_up_begin(bus, interest);
        break;
    }
}

void catch_up_lose(Bus *bus, Interest *interest) {
    if (interest->state == INTEREST_READING)
        interest->track->is_doubted = true;
    else
        catch_up_begin(bus, interest);
}

void catch_up_cancel(Bus *bus, Interest *interest) {
    Track *track = interest->track;
    catch_up_leave(bus, track);
    if (track->reading)
        track->reading->waiting.interest = NULL;
    track->reading = NULL;
    if (interest_is_durable(interest))
        ring_finish(&track->kept);
    track->n_stale = 0;
}

/* False: the numbers are not those that follow. */
static bool catch_up_deliver(Bus *bus, Interest *interest, const HistoryReply *reply) {
    const Track *track = interest->track;
    for (uint32_t i = 0; i < reply->n_messages; i++) {
        if (track_place(track, reply->messages[i]->position) != PLACE_NEXT)
            return false;
        counter_add(&bus->counters.caught_up, 1);
        catch_up_advance(bus, interest, reply->messages[i]);
    }
    return track->position.epoch == reply->position.epoch && track->position.seq == reply->position.seq;
}

static bool position_is_behind(Position position, Position other) {
    return position.epoch < other.epoch || (position.epoch == other.epoch && position.seq < other.seq);
}

static void catch_up_deliver_newer(Bus *bus, Interest *interest, const HistoryReply *reply) {
    const Track *track = interest->track;
    for (uint32_t i = 0; i < reply->n_messages; i++) {
        Message *message = reply->messages[i];
        if (!position_is_behind(track->position, message->position))
            continue;
        if (track_place(track, message->position) == PLACE_BEHIND_A_HOLE)
            catch_up_jump(bus, interest, (Position){message->position.epoch, message->position.seq - 1});
        counter_add(&bus->counters.caught_up, 1);
        catch_up_advance(bus, interest, message);
    }
}

/* False: what follows must be asked in another way. */
static bool catch_up_take(Bus *bus, Interest *interest, const HistoryQuery *query, const HistoryReply *reply) {
    Track *track = interest->track;
    bool is_resume = query->order == HISTORY_RESUME;
    if (is_resume && reply->is_recovered && catch_up_deliver(bus, interest, reply))
        return true;
    if (is_resume && interest_is_control(interest)) {
        track->is_cut_off = true;
        return false;
    }
    bool is_whole = !is_resume && query->limit > 0;
    if (is_whole)
        catch_up_deliver_newer(bus, interest, reply);
    bool is_there = track->position.epoch == reply->position.epoch && track->position.seq == reply->position.seq;
    if (!is_whole || !is_there || track->is_cut_off)
        catch_up_jump(bus, interest, reply->position);
    track->is_cut_off = false;
    return true;
}

/* What came before the question is in the answer, or in a gap. */
static void catch_up_drop_stale(Track *track) {
    ring_drop(&track->kept, track->n_stale);
    track->n_stale = 0;
}

/* Hands on what was held back. False: behind a hole, which is being read. */
static bool catch_up_flush(Bus *bus, Interest *interest) {
    Track *track = interest->track;
    while (track->kept.n > 0) {
        Message *message = message_ref(ring_at(&track->kept, 0));
        Place place = track_place(track, message->position);
        if (place == PLACE_BEHIND_A_HOLE && ++track->n_rounds < CATCH_UP_ROUNDS) {
            message_unref(message);
            catch_up_read(bus, interest);
            return false;
        }
        ring_drop(&track->kept, 1);
        if (place == PLACE_BEHIND_A_HOLE)
            catch_up_jump(bus, interest, (Position){message->position.epoch, message->position.seq - 1});
        if (place == PLACE_OLD)
            counter_add(&bus->counters.duplicates, 1);
        else
            catch_up_advance(bus, interest, message);
        message_unref(message);
    }
    return true;
}

static void catch_up_finish(Bus *bus, Interest *interest) {
    if (!catch_up_flush(bus, interest))
        return;
    if (interest->track->is_doubted) {
        catch_up_pause(bus, interest);
        return;
    }
    ring_finish(&interest->track->kept);
    interest_grant(bus, interest);
}

/* It is heard all the same, and from here on any number is taken for the next. */
static void catch_up_refused(Bus *bus, Interest *interest) {
    counter_add(&bus->counters.history_failures, 1);
    catch_up_jump(bus, interest, (Position){0});
    interest->track->is_adrift = true;
    interest->track->is_doubted = false;
    interest->track->is_cut_off = false;
}

static void catch_up_use(Bus *bus, Interest *interest, const HistoryQuery *query, const HistoryReply *reply) {
    interest->track->reading = NULL;
    if (reply->result == BROKER_UNAVAILABLE || reply->result == BROKER_OVERLOADED) {
        catch_up_pause(bus, interest);
        return;
    }
    if (reply->result == BROKER_REFUSED) {
        catch_up_refused(bus, interest);
    } else {
        bool is_taken = catch_up_take(bus, interest, query, reply);
        catch_up_drop_stale(interest->track);
        if (!is_taken) {
            catch_up_read(bus, interest);
            return;
        }
    }
    catch_up_finish(bus, interest);
}

void catch_up_answered(Bus *bus, Read *read, HistoryReply *reply) {
    Interest *interest = read->waiting.interest;
    const HistoryQuery query = read->query;
    free(read);
    window_weigh(&bus->window, reply);
    if (interest)
        catch_up_use(bus, interest, &query, reply);
    catch_up_open(bus);
}
