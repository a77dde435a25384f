/* broker/envelope: each input as it stands, and behind the magic. What is opened, made anew, is the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "broker/envelope.h"
#include "fuzz.h"

static const char magic[] = "\0barker/1 ";
enum { MAGIC_BYTES = sizeof magic - 1 };

static size_t head_again(char head[static ENVELOPE_HEAD_MAX], const Envelope *envelope) {
    if (envelope->kind != MESSAGE_DATA)
        return envelope_head_presence(head, envelope->kind, envelope->version, envelope->n_user);
    if (envelope->position.epoch)
        return envelope_head_message(head, envelope->position);
    return envelope_head_escape(head);
}

static void open_one(const char *bytes, size_t n_bytes) {
    Envelope envelope;
    char head[ENVELOPE_HEAD_MAX];
    envelope_open(&envelope, bytes, n_bytes);
    fuzz_must(envelope.payload >= bytes && envelope.n_payload <= n_bytes &&
                  envelope.payload + envelope.n_payload == bytes + n_bytes,
              "the payload is the end of the bytes");
    if (envelope.n_payload == n_bytes) {
        fuzz_must(envelope.kind == MESSAGE_DATA && envelope.position.epoch == 0, "what is no envelope is a live payload");
        return;
    }
    size_t n_head = head_again(head, &envelope);
    fuzz_must(n_head + envelope.n_user + envelope.n_payload == n_bytes && memcmp(head, bytes, n_head) == 0,
              "there is one way to write a head");
    fuzz_must(envelope.n_user == 0 || envelope.user == bytes + n_head, "the user stands behind the head");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    char *copy = malloc(MAGIC_BYTES + n_bytes);
    memcpy(copy, magic, MAGIC_BYTES);
    if (n_bytes)
        memcpy(copy + MAGIC_BYTES, bytes, n_bytes);
    open_one(copy, MAGIC_BYTES + n_bytes);
    free(copy);
    copy = fuzz_copy(bytes, n_bytes);
    open_one(copy, n_bytes);
    free(copy);
    return 0;
}
