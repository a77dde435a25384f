/* Message: what was published to one channel, immutable. Shared by threads through its reference count. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ref.h"

enum { CHANNEL_NAME_MAX = 255 /* bytes of UTF-8 */, MESSAGE_ID_MAX = 255 };

/* A place in a channel's history: the message with the number seq, or right behind it. Numbers are dense within an epoch, from
   1; another epoch is another history. Epochs of a broker's history are below 2^63, those of a node's own ring are not. */
typedef struct Position {
    uint64_t epoch; /* 0: no place at all */
    uint64_t seq;
} Position;

typedef enum MessageKind {
    MESSAGE_DATA,
    MESSAGE_JOIN,  /* presence: the payload is the member, a JSON object {"user":…,"info":…} */
    MESSAGE_LEAVE, /* the same */
} MessageKind;

typedef struct Message {
    Ref ref;
    MessageKind kind;  /* set, as position is, before the message is shared; message_new leaves both 0 */
    Position position; /* epoch 0: live, in no history */
    uint32_t n_channel;
    uint32_t n_payload;
    uint32_t n_id;
    uint64_t channel_hash; /* hash_bytes of the channel's name, so that no worker computes it again */
    char bytes[];          /* the channel's name, a NUL, the payload, the idempotency key */
} Message;

/* The one copy of the payload. -ENOMEM; -EINVAL when channel is not 1 to CHANNEL_NAME_MAX bytes or the payload is over 4 GiB.
   The caller owns one reference. Any thread. */
int message_new(Message **out, const char *channel, size_t n_channel, const void *payload, size_t n_payload);
/* The same with an idempotency key, up to MESSAGE_ID_MAX bytes (else -EINVAL): while the channel's history knows a message of
   that key, this one takes its place and is not published again. n_id 0: none. Live channels have no such memory. */
int message_new_keyed(Message **out, const char *channel, size_t n_channel, const void *payload, size_t n_payload,
                      const char *id, size_t n_id);
Message *message_ref(Message *message);
Message *message_unref(Message *message); /* NULL, also for NULL */

static inline const char *message_channel(const Message *message) {
    return message->bytes;
}

static inline const char *message_payload(const Message *message) {
    return message->bytes + message->n_channel + 1;
}

static inline const char *message_id(const Message *message) {
    return message_payload(message) + message->n_payload;
}
