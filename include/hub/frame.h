/* Frame: bytes ready for the wire, built once and shared by reference. Owner: one worker; the count is not atomic. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "hub/message.h"
#include "hub/namespace.h"

typedef enum FrameOpcode { /* RFC 6455 section 5.2 */
                           FRAME_TEXT = 0x1,
                           FRAME_BINARY = 0x2,
                           FRAME_CLOSE = 0x8,
                           FRAME_PING = 0x9,
                           FRAME_PONG = 0xa,
} FrameOpcode;

enum { FRAME_HEADER_MAX = 10, FRAME_CONTROL_PAYLOAD_MAX = 125 };

/* What a full outbox needs to know stands in the frame itself; frame_new leaves it 0, the hub sets it when it fans out. */
typedef struct Frame {
    uint32_t n_references;
    uint32_t n_bytes;
    uint64_t channel_token; /* of the channel whose message it is; 0: of none, and never dropped */
    uint8_t slow;           /* SlowPolicy: what makes room for it, and whether it may be dropped itself */
    uint8_t bytes[];
} Frame;

/* One final, unmasked frame (RFC 6455 section 5.1: a server does not mask) with room for n_payload bytes, which the caller
   writes at *payload before the frame is shared. -ENOMEM, also when the frame would pass 4 GiB. The caller owns one
   reference. */
int frame_new(Frame **out, FrameOpcode opcode, size_t n_payload, uint8_t **payload);
/* The same with the payload copied in. */
int frame_new_copy(Frame **out, FrameOpcode opcode, const void *payload, size_t n_payload);
/* A close frame (RFC 6455 section 5.5.1). The reason is valid UTF-8, cut at 123 bytes on a character boundary. Code 0: without
   a body. -ENOMEM. */
int frame_new_close(Frame **out, uint16_t code, const char *reason);

Frame *frame_ref(Frame *frame);
Frame *frame_unref(Frame *frame); /* NULL, also for NULL */

/* A dialect's way to put a message into a frame: called once per message and worker, however many subscribers there are. */
enum { FRAME_ENCODERS_MAX = 8 };
typedef struct FrameEncoder {
    unsigned index; /* distinct for each encoder, below FRAME_ENCODERS_MAX */
    /* 0 or -ENOMEM. *out NULL: the dialect has no frame for a message of that kind (MESSAGE_JOIN, MESSAGE_LEAVE). */
    int (*encode)(Frame **out, const Message *message);
} FrameEncoder;
