#include "hub/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"

int message_new(Message **out, const char *channel, size_t n_channel, const void *payload, size_t n_payload) {
    int r = message_new_keyed(out, channel, n_channel, payload, n_payload, NULL, 0);
    return r < 0 ? error_trace(r) : 0;
}

int message_new_keyed(Message **out, const char *channel, size_t n_channel, const void *payload, size_t n_payload,
                      const char *id, size_t n_id) {
    if (n_channel == 0 || n_channel > CHANNEL_NAME_MAX || n_payload > UINT32_MAX || n_id > MESSAGE_ID_MAX)
        return error_origin(-EINVAL);
    Message *message = malloc(sizeof(*message) + n_channel + 1 + n_payload + n_id);
    if (!message)
        return error_origin(-ENOMEM);
    ref_init(&message->ref);
    message->kind = MESSAGE_DATA;
    message->position = (Position){0};
    message->n_channel = (uint32_t)n_channel;
    message->n_payload = (uint32_t)n_payload;
    message->n_id = (uint32_t)n_id;
    message->channel_hash = hash_bytes(channel, n_channel);
    memcpy(message->bytes, channel, n_channel);
    message->bytes[n_channel] = '\0';
    if (n_payload)
        memcpy(message->bytes + n_channel + 1, payload, n_payload);
    if (n_id)
        memcpy(message->bytes + n_channel + 1 + n_payload, id, n_id);
    *out = message;
    return 0;
}

Message *message_ref(Message *message) {
    ref_acquire(&message->ref);
    return message;
}

Message *message_unref(Message *message) {
    if (message && ref_release(&message->ref))
        free(message);
    return NULL;
}
