#include "fake_transport.h"

#include <check.h>
#include <string.h>

static FakeTransport *fake_of(Transport *transport) {
    return (FakeTransport *)transport; /* its first member */
}

static int fake_write(Transport *transport, const uint8_t *bytes, size_t n_bytes) {
    FakeTransport *fake = fake_of(transport);
    if (fake->answer == TRANSPORT_FAILED)
        return TRANSPORT_FAILED;
    ck_assert_uint_le(n_bytes, FAKE_WRITTEN_MAX - fake->n_written);
    memcpy(fake->written + fake->n_written, bytes, n_bytes);
    fake->n_written += n_bytes;
    fake->n_writes++;
    return fake->answer;
}

static void fake_terminate(Transport *transport) {
    fake_of(transport)->n_terminated++;
}

static int64_t fake_silent_ms(Transport *transport) {
    return fake_of(transport)->silent_ms;
}

static uint64_t fake_acknowledged_bytes(Transport *transport) {
    FakeTransport *fake = fake_of(transport);
    return fake->n_acknowledged_bytes += fake->n_acknowledged_step;
}

static void fake_inspect(Transport *transport, TransportFacts *facts) {
    fake_of(transport)->n_inspected++;
    *facts = fake_of(transport)->facts;
}

static const TransportOps ops = {fake_write, fake_terminate, fake_silent_ms, fake_acknowledged_bytes, fake_inspect};

void fake_transport_init(FakeTransport *fake) {
    memset(fake, 0, sizeof(*fake));
    fake->transport.ops = &ops;
    fake->answer = TRANSPORT_WRITTEN;
    fake->silent_ms = -1;
    fake->facts =
        (TransportFacts){.is_alive = true, .is_tcp = true, .tcp_state = TRANSPORT_TCP_ESTABLISHED, .is_holding = true};
}

static uint64_t big_endian(const uint8_t *bytes, size_t n_bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < n_bytes; i++)
        value = value << 8 | bytes[i];
    return value;
}

bool fake_transport_next(FakeTransport *fake, FakeFrame *frame) {
    const uint8_t *bytes = fake->written + fake->n_read_bytes;
    size_t n_left = fake->n_written - fake->n_read_bytes;
    if (n_left == 0)
        return false;
    ck_assert_uint_ge(n_left, 2);
    size_t n_length = bytes[1] == 127 ? 8 : bytes[1] == 126 ? 2 : 0;
    ck_assert_uint_ge(n_left, 2 + n_length);
    frame->opcode = bytes[0] & 0xf;
    frame->n_payload = n_length ? big_endian(bytes + 2, n_length) : bytes[1];
    frame->payload = bytes + 2 + n_length;
    ck_assert_uint_ge(n_left, 2 + n_length + frame->n_payload);
    frame->code = frame->opcode == 8 && frame->n_payload ? (uint16_t)big_endian(frame->payload, 2) : 0;
    fake->n_read_bytes += 2 + n_length + frame->n_payload;
    return true;
}
