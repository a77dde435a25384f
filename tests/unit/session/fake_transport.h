/* Fake transport: takes what a session writes, and answers as the test says. Owner: the main thread of the test. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session/transport.h"

enum { FAKE_WRITTEN_MAX = 256 * 1024 };

typedef struct FakeTransport {
    Transport transport;
    int answer;        /* to the next writes */
    int64_t silent_ms; /* -1: cannot say */
    uint64_t n_acknowledged_bytes;
    uint64_t n_acknowledged_step; /* more at each question: a peer that reads */
    TransportFacts facts;
    uint32_t n_inspected;
    uint32_t n_writes;
    uint32_t n_terminated;
    size_t n_written;
    uint8_t written[FAKE_WRITTEN_MAX];
    size_t n_read_bytes;
} FakeTransport;

typedef struct FakeFrame {
    uint8_t opcode;
    const uint8_t *payload;
    size_t n_payload;
    uint16_t code; /* of a close frame; 0: it has none */
} FakeFrame;

void fake_transport_init(FakeTransport *fake); /* all is written, silence is not known, nothing is acknowledged, and the
                                                   facts say ESTABLISHED with bytes held back */
/* The next frame that was written and not yet read. False when there is none. Aborts the test on half a frame. */
bool fake_transport_next(FakeTransport *fake, FakeFrame *frame);
