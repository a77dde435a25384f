/* ChannelKeys: what channels are called in Redis, where a channel's name is also its history's key: the prefix and the name, but for
   the channel of control. Owner: the bus thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "broker/control.h"

enum { CONTROL_CHANNEL_BYTES = sizeof CONTROL_CHANNEL - 1 };

typedef struct ChannelKeys {
    const char *prefix; /* borrowed */
    size_t n_prefix;
    size_t n_root; /* of the prefix without a last ':' */
} ChannelKeys;

/* A key is these two, one behind the other. */
typedef struct ChannelKey {
    const char *root;
    size_t n_root;
    const char *name;
    size_t n_name;
} ChannelKey;

void channel_keys_init(ChannelKeys *keys, const char *prefix);

bool channel_is_control(const char *channel, size_t n_channel);
/* Borrows the channel. */
ChannelKey channel_key(const ChannelKeys *keys, const char *channel, size_t n_channel);
/* Whether this channel of a client would be called like that of control: it is refused. */
bool channel_key_is_taken(const ChannelKeys *keys, const char *channel, size_t n_channel);
/* The channel of a key, within it or static. False: it is none's. */
bool channel_of_key(const ChannelKeys *keys, const char *key, size_t n_key, const char **channel, size_t *n_channel);
