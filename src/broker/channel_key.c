#include "broker/channel_key.h"

#include <string.h>

static const char control_name[] = "/control";
enum { CONTROL_NAME_BYTES = sizeof control_name - 1 };

void channel_keys_init(ChannelKeys *keys, const char *prefix) {
    size_t n_prefix = strlen(prefix);
    bool has_colon = n_prefix > 0 && prefix[n_prefix - 1] == ':';
    *keys = (ChannelKeys){.prefix = prefix, .n_prefix = n_prefix, .n_root = n_prefix - has_colon};
}

bool channel_is_control(const char *channel, size_t n_channel) {
    return n_channel == CONTROL_CHANNEL_BYTES && memcmp(channel, CONTROL_CHANNEL, CONTROL_CHANNEL_BYTES) == 0;
}

ChannelKey channel_key(const ChannelKeys *keys, const char *channel, size_t n_channel) {
    if (channel_is_control(channel, n_channel))
        return (ChannelKey){.root = keys->prefix, .n_root = keys->n_root, .name = control_name, .n_name = CONTROL_NAME_BYTES};
    return (ChannelKey){.root = keys->prefix, .n_root = keys->n_prefix, .name = channel, .n_name = n_channel};
}

/* Only where the prefix has no ':' at its end. */
bool channel_key_is_taken(const ChannelKeys *keys, const char *channel, size_t n_channel) {
    return keys->n_root == keys->n_prefix && n_channel == CONTROL_NAME_BYTES &&
           memcmp(channel, control_name, CONTROL_NAME_BYTES) == 0;
}

bool channel_of_key(const ChannelKeys *keys, const char *key, size_t n_key, const char **channel, size_t *n_channel) {
    if (n_key == keys->n_root + CONTROL_NAME_BYTES && memcmp(key, keys->prefix, keys->n_root) == 0 &&
        memcmp(key + keys->n_root, control_name, CONTROL_NAME_BYTES) == 0) {
        *channel = CONTROL_CHANNEL;
        *n_channel = CONTROL_CHANNEL_BYTES;
        return true;
    }
    if (n_key <= keys->n_prefix || memcmp(key, keys->prefix, keys->n_prefix) != 0)
        return false;
    *channel = key + keys->n_prefix;
    *n_channel = n_key - keys->n_prefix;
    return !channel_is_control(*channel, *n_channel);
}
