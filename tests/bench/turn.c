#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cpu.h"
#include "now.h"
#include "template.h"

enum { EVENTS = 1024, CONNECTIONS_PER_SOURCE = 10000 };

static void drop(Load *load, Client *client) {
    client_close(client);
    load->n_lost++;
}

static int watch(const Load *load, Client *client, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = client};
    return epoll_ctl(load->epoll_fd, operation, client->fd, &event) == 0 ? 0 : -errno;
}

static void channel_name(const Load *load, const Client *client, char *name, size_t n_name) {
    const char *full = load->channels[client->number % load->options->n_channels];
    snprintf(name, n_name, "%s", full + strlen(load->options->prefix));
}

int load_start_clients(Load *load, uint32_t n_pending_limit) {
    const Options *options = load->options;
    bool is_spread = options->n_connections > CONNECTIONS_PER_SOURCE && address_is_ipv4_loopback(&options->server);
    while (load->n_started < options->n_connections && load->n_started - load->n_subscribed < n_pending_limit) {
        Client *client = &load->clients[load->n_started];
        uint8_t source_host = is_spread ? (uint8_t)(1 + load->n_started / CONNECTIONS_PER_SOURCE) : 0;
        client->number = load->n_started;
        int error = client_connect(client, &options->server, source_host);
        if (error == 0)
            error = watch(load, client, EPOLL_CTL_ADD, EPOLLOUT);
        if (error != 0)
            return error;
        load->n_started++;
    }
    return 0;
}

static int begin_handshake(const Load *load, Client *client) {
    char channel[512];
    char path[512];
    channel_name(load, client, channel, sizeof(channel));
    int error = template_expand(path, sizeof(path), load->options->path, client->number, channel);
    if (error == 0)
        error = client_connected(client, &load->options->server, path);
    return error == 0 ? watch(load, client, EPOLL_CTL_MOD, EPOLLIN) : error;
}

static void client_event(Load *load, Client *client) {
    if (client->state == CLIENT_CLOSED)
        return;
    int error = client->state == CLIENT_CONNECTING ? begin_handshake(load, client) : client_read(client, &load->shared);
    if (error == 0)
        return;
    if (load->shared.reason[0] == '\0')
        snprintf(load->shared.reason, sizeof(load->shared.reason), "connection %u: %s", client->number, strerror(-error));
    drop(load, client);
}

int load_turn(Load *load, int wait_ms) {
    struct epoll_event events[EVENTS];
    int n = epoll_wait(load->epoll_fd, events, EVENTS, wait_ms);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < n; i++) {
        void *source = events[i].data.ptr;
        if (source == &load->publisher) {
            int error = publisher_read(&load->publisher);
            if (error == 0)
                error = publisher_flush(&load->publisher);
            if (error != 0)
                return error;
        } else if (source == &load->timer_fd) {
            uint64_t n_expired = 0;
            if (read(load->timer_fd, &n_expired, sizeof(n_expired)) < 0 && errno != EAGAIN)
                return -errno;
        } else {
            client_event(load, source);
        }
    }
    return 0;
}

static int publish(Load *load, uint32_t channel, uint32_t sequence, uint64_t sent_ns) {
    Stamp stamp = {.sequence = sequence, .channel = channel, .sent_ns = sent_ns};
    stamp_write(load->payload, load->options->n_payload_bytes, &load->mark, &stamp);
    return publisher_add(&load->publisher, load->channels[channel], load->payload, load->options->n_payload_bytes);
}

int load_probe(Load *load) {
    for (uint32_t channel = 0; channel < load->options->n_channels; channel++) {
        int error = load->n_not_ready[channel] > 0 ? publish(load, channel, STAMP_PROBE, now_ns()) : 0;
        if (error != 0)
            return error;
    }
    return publisher_flush(&load->publisher);
}

static int publish_next(Load *load, uint64_t sent_ns) {
    uint64_t message = tally_publish(&load->tally);
    uint32_t n_channels = load->options->n_channels;
    return publish(load, (uint32_t)(message % n_channels), (uint32_t)(message / n_channels), sent_ns);
}

static int pump_by_rate(Load *load, uint64_t at_ns) {
    uint64_t interval_ns = (uint64_t)((double)NS_PER_SECOND / load->options->rate);
    if (load->next_due_ns == 0)
        load->next_due_ns = at_ns;
    for (; load->next_due_ns <= at_ns; load->next_due_ns += interval_ns) {
        int error = publish_next(load, load->next_due_ns); /* late messages keep the time at which they were due */
        if (error != 0)
            return error;
    }
    struct itimerspec due = {.it_value = {.tv_sec = (time_t)(load->next_due_ns / NS_PER_SECOND),
                                          .tv_nsec = (long)(load->next_due_ns % NS_PER_SECOND)}};
    return timerfd_settime(load->timer_fd, TFD_TIMER_ABSTIME, &due, NULL) == 0 ? 0 : -errno;
}

int load_pump(Load *load) {
    int error = 0;
    uint64_t at_ns = now_ns();
    if (load->options->n_window == 0)
        error = pump_by_rate(load, at_ns);
    else
        while (error == 0 && tally_may_publish(&load->tally))
            error = publish_next(load, at_ns);
    return error != 0 ? error : publisher_flush(&load->publisher);
}

int load_sample(const Load *load, Sample *sample) {
    *sample = (Sample){.at_ns = now_ns(),
                       .n_messages = load->tally.n_published,
                       .n_deliveries = load->tally.n_arrived,
                       .n_reads = load->shared.n_reads};
    int error = cpu_of_process(getpid(), &sample->generator_cpu_ns);
    for (unsigned i = 0; error == 0 && i < load->options->n_pids; i++) {
        uint64_t cpu_ns = 0;
        error = cpu_of_process(load->options->pids[i], &cpu_ns);
        sample->cpu_ns += cpu_ns;
    }
    return error;
}
