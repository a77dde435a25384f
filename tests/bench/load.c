#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "now.h"

enum { PENDING_CONNECTIONS = 128, PROBE_EVERY_MS = 250 };

/* Every phase ends, come what may. */
#define OPEN_LIMIT_NS (60 * NS_PER_SECOND)
#define READY_LIMIT_NS (15 * NS_PER_SECOND)
#define PATIENCE_NS (5 * NS_PER_SECOND) /* without one delivery, while some are due */

static int fail(const Load *load, int error, const char *phase) {
    fprintf(stderr, "barker-load: %s: %s", phase, strerror(-error));
    if (error == -EPROTO && load->publisher.line[0] != '\0')
        fprintf(stderr, "; Redis said: %s", load->publisher.line);
    if (load->shared.reason[0] != '\0')
        fprintf(stderr, "; %s", load->shared.reason);
    fprintf(stderr, " (%u connections begun, %u subscribed, %u ready, %u lost)\n", load->n_started, load->n_subscribed,
            load->n_ready, load->n_lost);
    return error;
}

static int open_all(Load *load) {
    uint64_t deadline_ns = now_ns() + OPEN_LIMIT_NS;
    while (load->n_subscribed < load->options->n_connections) {
        int error = load_start_clients(load, PENDING_CONNECTIONS);
        if (error == 0)
            error = load_turn(load, 100);
        if (error == 0 && (load->n_lost > 0 || load->shared.reason[0] != '\0'))
            error = -ECONNREFUSED;
        if (error == 0 && now_ns() > deadline_ns)
            error = -ETIMEDOUT;
        if (error != 0)
            return fail(load, error, "opening connections");
    }
    return 0;
}

/* A handshake's answer does not say that the server's own subscription at Redis stands: only a message that arrives does. */
static int await_ready(Load *load) {
    uint64_t deadline_ns = now_ns() + READY_LIMIT_NS;
    uint64_t next_probe_ns = 0;
    while (load->n_ready < load->options->n_connections) {
        int error = 0;
        if (now_ns() >= next_probe_ns) {
            error = load_probe(load);
            next_probe_ns = now_ns() + PROBE_EVERY_MS * NS_PER_MS;
        }
        if (error == 0)
            error = load_turn(load, PROBE_EVERY_MS);
        if (error == 0 && load->n_lost > 0)
            error = -ECONNRESET;
        if (error == 0 && now_ns() > deadline_ns)
            error = -ETIMEDOUT;
        if (error != 0)
            return fail(load, error, "waiting for a first message at every connection");
    }
    return 0;
}

static bool is_stalled(const Load *load, uint64_t at_ns) {
    return tally_missing(&load->tally) > 0 && at_ns > load->last_delivery_ns + PATIENCE_NS;
}

static int measure(Load *load) {
    uint64_t from_ns = now_ns() + load->options->warmup_ns;
    uint64_t to_ns = from_ns + load->options->measure_ns;
    int error = 0;
    load->last_delivery_ns = now_ns();
    while (error == 0) {
        uint64_t at_ns = now_ns();
        if (!load->is_measuring && at_ns >= from_ns) {
            load->is_measuring = true;
            error = load_sample(load, &load->from);
        }
        if (at_ns >= to_ns || load->n_lost > 0 || is_stalled(load, at_ns))
            break;
        if (error == 0)
            error = load_pump(load);
        if (error == 0)
            error = load_turn(load, 10);
    }
    if (error == 0)
        error = load_sample(load, &load->to);
    if (!load->is_measuring) /* it broke off during the warm-up: nothing was measured */
        load->from = load->to;
    load->is_measuring = false;
    return error != 0 ? fail(load, error, "measuring") : 0;
}

static int drain(Load *load) {
    int error = 0;
    while (error == 0 && tally_missing(&load->tally) > 0 && !is_stalled(load, now_ns()))
        error = load_turn(load, 100);
    for (int i = 0; error == 0 && i < 3; i++) /* a duplicate would come right behind */
        error = load_turn(load, 20);
    return error != 0 ? fail(load, error, "waiting for the last deliveries") : 0;
}

static int judge(const Load *load) {
    load_report(load);
    if (tally_is_clean(&load->tally) && load->n_lost == 0 && load->latencies.n_values > 0)
        return EX_OK;
    fprintf(stderr,
            "barker-load: %llu missing, %llu duplicate, %llu out of order, %llu stray of %llu deliveries; %u connections "
            "lost%s%s\n",
            (unsigned long long)tally_missing(&load->tally), (unsigned long long)load->tally.n_duplicate,
            (unsigned long long)load->tally.n_disordered, (unsigned long long)load->tally.n_stray,
            (unsigned long long)load->tally.n_expected, load->n_lost, load->shared.reason[0] != '\0' ? ": " : "",
            load->shared.reason);
    return 1;
}

int main(int argc, char **argv) {
    Options options;
    Load *load = NULL;
    int status = options_parse(&options, argc, argv);
    if (status != EX_OK)
        return status < 0 ? EX_OK : status;
    int error = load_create(&load, &options);
    if (error != 0) {
        fprintf(stderr, "barker-load: cannot start: %s\n", strerror(-error));
        return EX_UNAVAILABLE;
    }
    if (open_all(load) != 0 || await_ready(load) != 0 || measure(load) != 0 || drain(load) != 0)
        status = EX_UNAVAILABLE;
    else
        status = judge(load);
    load_destroy(load);
    return status;
}
