#include "tally.h"

#include <errno.h>
#include <stdlib.h>

enum { TRACK_BITS = 64, TRACK_NEW = 0, TRACK_LATE, TRACK_DUPLICATE };

int tally_init(Tally *tally, uint32_t n_connections, uint32_t n_channels, uint32_t n_window) {
    uint32_t *remaining = calloc(n_window != 0 ? n_window : 1, sizeof(*remaining));
    if (remaining == NULL)
        return -ENOMEM;
    *tally = (Tally){.n_connections = n_connections, .n_channels = n_channels, .n_window = n_window, .remaining = remaining};
    return 0;
}

void tally_finish(Tally *tally) {
    free(tally->remaining);
    tally->remaining = NULL;
}

bool tally_may_publish(const Tally *tally) {
    return tally->n_published - tally->n_completed < tally->n_window;
}

uint64_t tally_publish(Tally *tally) {
    uint64_t message = tally->n_published++;
    uint32_t channel = (uint32_t)(message % tally->n_channels);
    uint32_t n_hearing =
        tally->n_connections / tally->n_channels + (channel < tally->n_connections % tally->n_channels ? 1 : 0);
    tally->n_expected += n_hearing;
    if (tally->n_window != 0)
        tally->remaining[message % tally->n_window] = n_hearing;
    return message;
}

static int track_note(Track *track, uint32_t sequence) {
    if (sequence >= track->next) {
        uint32_t n_ahead = sequence - track->next + 1;
        track->recent = n_ahead < TRACK_BITS ? track->recent << n_ahead : 0;
        track->recent |= 1;
        track->next = sequence + 1;
        return TRACK_NEW;
    }
    uint32_t n_behind = track->next - 1 - sequence;
    if (n_behind >= TRACK_BITS || (track->recent >> n_behind & 1) != 0)
        return TRACK_DUPLICATE;
    track->recent |= UINT64_C(1) << n_behind;
    return TRACK_LATE;
}

static void complete(Tally *tally, uint64_t message) {
    tally->remaining[message % tally->n_window]--;
    while (tally->n_completed < tally->n_published && tally->remaining[tally->n_completed % tally->n_window] == 0)
        tally->n_completed++;
}

bool tally_deliver(Tally *tally, Track *track, uint32_t connection, uint32_t channel, uint32_t sequence) {
    uint64_t message = (uint64_t)sequence * tally->n_channels + channel;
    if (channel != connection % tally->n_channels || message >= tally->n_published) {
        tally->n_stray++;
        return false;
    }
    int note = track_note(track, sequence);
    if (note == TRACK_DUPLICATE) {
        tally->n_duplicate++;
        return false;
    }
    if (note == TRACK_LATE)
        tally->n_disordered++;
    tally->n_arrived++;
    if (tally->n_window != 0)
        complete(tally, message);
    return true;
}

uint64_t tally_missing(const Tally *tally) {
    return tally->n_expected - tally->n_arrived;
}

bool tally_is_clean(const Tally *tally) {
    return tally_missing(tally) == 0 && tally->n_duplicate == 0 && tally->n_disordered == 0 && tally->n_stray == 0;
}
