/* Load: one run of the generator, its connections and what it counts. Owner: the only thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client.h"
#include "histogram.h"
#include "options.h"
#include "publisher.h"
#include "stamp.h"
#include "tally.h"

typedef struct Sample { /* the counters at one moment; the report is about the difference between two */
    uint64_t at_ns;
    uint64_t cpu_ns;           /* the server's, all threads */
    uint64_t generator_cpu_ns; /* ours */
    uint64_t n_messages;
    uint64_t n_deliveries;
    uint64_t n_reads;
} Sample;

typedef struct Load {
    const Options *options;
    int epoll_fd;
    int timer_fd; /* open loop: the next message is due */
    Client *clients;
    char **channels;       /* names with the prefix, one for each channel */
    uint32_t *n_not_ready; /* by channel: subscribers that no probe has reached yet */
    uint32_t n_started;    /* connections begun, in order of their numbers */
    uint32_t n_subscribed; /* open, and answered when a subscription was sent */
    uint32_t n_ready;      /* reached by a probe */
    uint32_t n_lost;       /* closed by the server or broken */
    ClientShared shared;
    Publisher publisher;
    StampMark mark;
    Tally tally;
    Histogram latencies;
    bool is_measuring;
    uint64_t last_delivery_ns;
    uint64_t next_due_ns; /* open loop */
    char *payload;
    Sample from;
    Sample to;
} Load;

int load_create(Load **load, const Options *options); /* 0 or -errno; says on standard error what failed */
Load *load_destroy(Load *load);                       /* NULL is fine; closes every connection */

/* One round: waits at most wait_ms for events and handles them. 0, or -errno when Redis or epoll fails. */
int load_turn(Load *load, int wait_ms);
int load_start_clients(Load *load, uint32_t n_pending_limit); /* begins connections while fewer than that are not open */
int load_probe(Load *load);                                   /* publishes a probe to every channel with someone not ready */
int load_pump(Load *load);                                    /* publishes what is due: the window's free places, or by rate */
int load_sample(const Load *load, Sample *sample);            /* 0, or -ESRCH when the server's process is gone */

void load_report(const Load *load); /* table or JSON on standard output */
