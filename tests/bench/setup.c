#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "template.h"

enum { OTHER_DESCRIPTORS = 32 };

static void subscribed(Load *load, Client *client) {
    client->is_subscribed = true;
    load->n_subscribed++;
}

static void on_opened(void *context, Client *client) {
    Load *load = context;
    const Options *options = load->options;
    if (options->subscribe == NULL) {
        subscribed(load, client);
        return;
    }
    char frame[2048];
    const char *channel = load->channels[client->number % options->n_channels] + strlen(options->prefix);
    int error = template_expand(frame, sizeof(frame), options->subscribe, client->number, channel);
    if (error == 0)
        error = client_send_text(client, frame);
    if (error != 0) /* the reason ends the run */
        snprintf(load->shared.reason, sizeof(load->shared.reason), "--subscribe: %s", strerror(-error));
}

static void on_probe(Load *load, Client *client) {
    if (client->is_ready)
        return;
    client->is_ready = true;
    load->n_ready++;
    load->n_not_ready[client->number % load->options->n_channels]--;
}

static void on_message(void *context, Client *client, const uint8_t *payload, size_t n_payload) {
    Load *load = context;
    Stamp stamp;
    if (!stamp_find(&stamp, &load->mark, payload, n_payload)) {
        if (!client->is_subscribed && memmem(payload, n_payload, "\"ok\"", 4) != NULL)
            subscribed(load, client);
        else if (!client->is_subscribed && memmem(payload, n_payload, "\"error\"", 7) != NULL)
            snprintf(load->shared.reason, sizeof(load->shared.reason), "%.*s", (int)n_payload, payload);
        return;
    }
    if (stamp.sequence == STAMP_PROBE) {
        on_probe(load, client);
        return;
    }
    load->last_delivery_ns = load->shared.read_ns;
    if (tally_deliver(&load->tally, &client->track, client->number, stamp.channel, stamp.sequence) && load->is_measuring)
        histogram_add(&load->latencies, load->shared.read_ns > stamp.sent_ns ? load->shared.read_ns - stamp.sent_ns : 0);
}

static int allow_descriptors(uint32_t n_connections) {
    struct rlimit limit;
    rlim_t n_wanted = n_connections + OTHER_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return -errno;
    if (limit.rlim_cur >= n_wanted)
        return 0;
    if (limit.rlim_max < n_wanted) {
        fprintf(stderr, "barker-load: at most %lu connections with the process's limit of %lu descriptors\n",
                (unsigned long)limit.rlim_max - OTHER_DESCRIPTORS, (unsigned long)limit.rlim_max);
        return -EMFILE;
    }
    limit.rlim_cur = n_wanted;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : -errno;
}

static int name_channels(Load *load) {
    const Options *options = load->options;
    for (uint32_t i = 0; i < options->n_channels; i++) {
        char name[400];
        int error = template_expand(name, sizeof(name), options->channel, i, NULL);
        if (error != 0)
            return error;
        if (asprintf(&load->channels[i], "%s%s", options->prefix, name) < 0) {
            load->channels[i] = NULL; /* asprintf leaves it undefined */
            return -ENOMEM;
        }
        load->n_not_ready[i] =
            options->n_connections / options->n_channels + (i < options->n_connections % options->n_channels ? 1 : 0);
    }
    return 0;
}

static int allocate(Load *load) {
    const Options *options = load->options;
    uint32_t run = 0;
    if (getrandom(&run, sizeof(run), 0) != sizeof(run))
        return -EIO;
    stamp_mark_init(&load->mark, run);
    load->shared.context = load;
    load->shared.opened = on_opened;
    load->shared.message = on_message;
    load->clients = calloc(options->n_connections, sizeof(*load->clients));
    load->channels = calloc(options->n_channels, sizeof(*load->channels));
    load->n_not_ready = calloc(options->n_channels, sizeof(*load->n_not_ready));
    load->payload = malloc(options->n_payload_bytes);
    if (load->clients == NULL || load->channels == NULL || load->n_not_ready == NULL || load->payload == NULL)
        return -ENOMEM;
    int error = tally_init(&load->tally, options->n_connections, options->n_channels, options->n_window);
    return error != 0 ? error : name_channels(load);
}

static int open_descriptors(Load *load) {
    struct epoll_event timer = {.events = EPOLLIN, .data.ptr = &load->timer_fd};
    struct epoll_event redis = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = &load->publisher};
    int error = allow_descriptors(load->options->n_connections);
    if (error != 0)
        return error;
    error = publisher_connect(&load->publisher, &load->options->redis);
    if (error != 0) {
        fprintf(stderr, "barker-load: Redis at %s: %s\n", load->options->redis.text, strerror(-error));
        return error;
    }
    load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    load->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (load->epoll_fd < 0 || load->timer_fd < 0 || epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, load->timer_fd, &timer) != 0 ||
        epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, load->publisher.fd, &redis) != 0)
        return -errno;
    return 0;
}

int load_create(Load **out, const Options *options) {
    Load *load = calloc(1, sizeof(*load));
    if (load == NULL)
        return -ENOMEM;
    load->options = options;
    load->epoll_fd = load->timer_fd = load->publisher.fd = -1;
    int error = allocate(load);
    if (error == 0)
        error = open_descriptors(load);
    if (error != 0) {
        load_destroy(load);
        return error;
    }
    *out = load;
    return 0;
}

Load *load_destroy(Load *load) {
    if (load == NULL)
        return NULL;
    for (uint32_t i = 0; i < load->n_started; i++)
        client_close(&load->clients[i]);
    for (uint32_t i = 0; load->channels != NULL && i < load->options->n_channels; i++)
        free(load->channels[i]);
    if (load->publisher.fd >= 0)
        publisher_close(&load->publisher);
    if (load->timer_fd >= 0)
        close(load->timer_fd);
    if (load->epoll_fd >= 0)
        close(load->epoll_fd);
    tally_finish(&load->tally);
    free(load->channels);
    free(load->n_not_ready);
    free(load->clients);
    free(load->payload);
    free(load);
    return NULL;
}
