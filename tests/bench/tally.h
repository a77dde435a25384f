/* Tally: which deliveries are due, and which came, once and in order. Owner: the load generator's thread.
   Messages go round robin over the channels: message m is the (m / n_channels)th of channel m % n_channels, and connection
   i hears channel i % n_channels. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What one connection has heard; it starts zeroed. */
typedef struct Track {
    uint32_t next;   /* one past the highest sequence seen */
    uint64_t recent; /* bit k: the sequence next - 1 - k has come */
} Track;

typedef struct Tally {
    uint32_t n_connections;
    uint32_t n_channels;
    uint32_t n_window;   /* 0 for an open loop */
    uint32_t *remaining; /* closed loop: deliveries that message m still lacks, at m % n_window */
    uint64_t n_published;
    uint64_t n_completed; /* closed loop: every message below this number has reached everyone */
    uint64_t n_expected;  /* deliveries */
    uint64_t n_arrived;   /* each counted once */
    uint64_t n_duplicate;
    uint64_t n_disordered; /* arrived after a later one of the same channel */
    uint64_t n_stray;      /* of a channel that the connection does not hear, or never published */
} Tally;

int tally_init(Tally *tally, uint32_t n_connections, uint32_t n_channels, uint32_t n_window); /* 0 or -ENOMEM */
void tally_finish(Tally *tally);

bool tally_may_publish(const Tally *tally); /* closed loop: fewer than n_window messages in flight */
uint64_t tally_publish(Tally *tally);       /* the number of the message to be published now */

/* A delivery to the connection of this number. True when it counts: the first of its kind, wanted there. A sequence more
   than 64 behind the newest cannot be told from a duplicate and is counted as one: it stays missing as well. */
bool tally_deliver(Tally *tally, Track *track, uint32_t connection, uint32_t channel, uint32_t sequence);
uint64_t tally_missing(const Tally *tally);
bool tally_is_clean(const Tally *tally); /* nothing missing, duplicated, out of order or stray */
