#include "hub/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "hub/subscription.h"

enum { MIN_ALLOCATED = 4, SHRINK_ABOVE = 64 };

bool channel_name_is_valid(const char *name, size_t n_name) {
    if (n_name == 0 || n_name > CHANNEL_NAME_MAX || !utf8_is_valid(name, n_name))
        return false;
    for (size_t i = 0; i < n_name; i++) {
        unsigned char byte = (unsigned char)name[i];
        if (byte < 0x20 || byte == 0x7f)
            return false;
        if (byte == 0xc2 && (unsigned char)name[i + 1] < 0xa0) /* U+0080 to U+009F; valid UTF-8, so a byte follows */
            return false;
    }
    return true;
}

int channel_new(Channel **out, const char *name, size_t n_name, const Namespace *namespace, uint64_t token) {
    Channel *channel = calloc(1, sizeof(*channel) + n_name + 1);
    if (!channel)
        return error_origin(-ENOMEM);
    memcpy(channel->name, name, n_name);
    channel->node.key = channel->name;
    channel->node.n_key = n_name;
    channel->state = CHANNEL_PENDING;
    channel->namespace = namespace;
    channel->token = token;
    *out = channel;
    return 0;
}

Channel *channel_free(Channel *channel) {
    if (channel) {
        free(channel->subscriptions);
        free(channel);
    }
    return NULL;
}

static int resize(Channel *channel, uint32_t n_allocated) {
    Subscription **subscriptions = realloc(channel->subscriptions, n_allocated * sizeof(*subscriptions));
    if (!subscriptions)
        return error_origin(-ENOMEM);
    channel->subscriptions = subscriptions;
    channel->n_allocated = n_allocated;
    return 0;
}

static void put(Channel *channel, uint32_t index, Subscription *subscription) {
    channel->subscriptions[index] = subscription;
    subscription->index = index;
}

int channel_add(Channel *channel, Subscription *subscription) {
    if (channel->n_subscriptions == channel->n_allocated) {
        int r = resize(channel, channel->n_allocated ? channel->n_allocated * 2 : MIN_ALLOCATED);
        if (r < 0)
            return error_trace(r);
    }
    put(channel, channel->n_subscriptions++, subscription);
    return 0;
}

void channel_activate(Channel *channel, Subscription *subscription) {
    uint32_t index = subscription->index;
    put(channel, index, channel->subscriptions[channel->n_active]);
    put(channel, channel->n_active++, subscription);
}

void channel_remove(Channel *channel, Subscription *subscription) {
    uint32_t hole = subscription->index;
    uint32_t last = --channel->n_subscriptions;
    if (hole < channel->n_active) { /* the last active one moves here, and the last of all into its place */
        put(channel, hole, channel->subscriptions[--channel->n_active]);
        hole = channel->n_active;
    }
    if (hole != last)
        put(channel, hole, channel->subscriptions[last]);
    if (channel->n_allocated > SHRINK_ABOVE && channel->n_subscriptions < channel->n_allocated / 4)
        (void)resize(channel, channel->n_allocated / 2); /* without memory it keeps what it has */
}
