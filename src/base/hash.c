#include "base/hash.h"

#include <endian.h>
#include <string.h>

static uint64_t seed_k0;
static uint64_t seed_k1;

void hash_seed(uint64_t k0, uint64_t k1) {
    seed_k0 = k0;
    seed_k1 = k1;
}

uint64_t hash_bytes(const void *bytes, size_t n_bytes) {
    return hash_siphash13(seed_k0, seed_k1, bytes, n_bytes);
}

typedef struct SipState {
    uint64_t v0, v1, v2, v3;
} SipState;

static inline uint64_t rotate_left(uint64_t value, unsigned n_bits) {
    return value << n_bits | value >> (64 - n_bits);
}

static inline void sip_round(SipState *s) {
    s->v0 += s->v1;
    s->v1 = rotate_left(s->v1, 13) ^ s->v0;
    s->v0 = rotate_left(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate_left(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate_left(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate_left(s->v1, 17) ^ s->v2;
    s->v2 = rotate_left(s->v2, 32);
}

static inline void sip_compress(SipState *s, uint64_t word) {
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

uint64_t hash_siphash13(uint64_t k0, uint64_t k1, const void *bytes, size_t n_bytes) {
    const uint8_t *text = bytes;
    /* "somepseudorandomlygeneratedbytes", from the definition of SipHash (Aumasson, Bernstein 2012, section 2) */
    SipState s = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573};
    size_t at = 0;
    for (; n_bytes - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, text + at, sizeof(word));
        sip_compress(&s, le64toh(word));
    }
    uint64_t last = (uint64_t)n_bytes << 56;
    for (unsigned n_shift = 0; at < n_bytes; at++, n_shift += 8)
        last |= (uint64_t)text[at] << n_shift;
    sip_compress(&s, last);
    s.v2 ^= 0xff;
    sip_round(&s);
    sip_round(&s);
    sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
