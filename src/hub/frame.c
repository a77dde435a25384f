#include "hub/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"

enum { FINAL = 0x80, LENGTH_16 = 126, LENGTH_64 = 127, CLOSE_CODE_SIZE = 2 };

/* RFC 6455 section 5.2: the shortest form of the length. */
static size_t write_header(uint8_t *bytes, FrameOpcode opcode, size_t n_payload) {
    uint64_t n = n_payload;
    bytes[0] = (uint8_t)(FINAL | opcode);
    if (n < LENGTH_16) {
        bytes[1] = (uint8_t)n;
        return 2;
    }
    size_t n_length = n <= UINT16_MAX ? 2 : 8;
    bytes[1] = n_length == 2 ? LENGTH_16 : LENGTH_64;
    for (size_t i = 0; i < n_length; i++)
        bytes[2 + i] = (uint8_t)(n >> (8 * (n_length - 1 - i)));
    return 2 + n_length;
}

int frame_new(Frame **out, FrameOpcode opcode, size_t n_payload, uint8_t **payload) {
    if (n_payload > UINT32_MAX - FRAME_HEADER_MAX)
        return error_origin(-ENOMEM);
    uint8_t header[FRAME_HEADER_MAX];
    size_t n_header = write_header(header, opcode, n_payload);
    Frame *frame = malloc(sizeof(*frame) + n_header + n_payload);
    if (!frame)
        return error_origin(-ENOMEM);
    *frame = (Frame){.n_references = 1, .n_bytes = (uint32_t)(n_header + n_payload)};
    memcpy(frame->bytes, header, n_header);
    *payload = frame->bytes + n_header;
    *out = frame;
    return 0;
}

int frame_new_copy(Frame **out, FrameOpcode opcode, const void *payload, size_t n_payload) {
    uint8_t *bytes;
    int r = frame_new(out, opcode, n_payload, &bytes);
    if (r < 0)
        return error_trace(r);
    if (n_payload)
        memcpy(bytes, payload, n_payload);
    return 0;
}

int frame_new_close(Frame **out, uint16_t code, const char *reason) {
    uint8_t body[FRAME_CONTROL_PAYLOAD_MAX];
    size_t n_body = 0;
    if (code) {
        size_t n_reason = utf8_prefix(reason, strlen(reason), sizeof(body) - CLOSE_CODE_SIZE);
        body[0] = (uint8_t)(code >> 8);
        body[1] = (uint8_t)code;
        memcpy(body + CLOSE_CODE_SIZE, reason, n_reason);
        n_body = CLOSE_CODE_SIZE + n_reason;
    }
    int r = frame_new_copy(out, FRAME_CLOSE, body, n_body);
    return r < 0 ? error_trace(r) : 0;
}

Frame *frame_ref(Frame *frame) {
    frame->n_references++;
    return frame;
}

Frame *frame_unref(Frame *frame) {
    if (frame && --frame->n_references == 0)
        free(frame);
    return NULL;
}
