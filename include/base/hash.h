/* Hash: SipHash-1-3 under a seed drawn at start, so that a peer cannot choose names that collide. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

void hash_seed(uint64_t k0, uint64_t k1); /* before any map is used; tests pass constants */
uint64_t hash_bytes(const void *bytes, size_t n_bytes);
/* The algorithm itself, for its test vectors: c rounds 1, d rounds 3. */
uint64_t hash_siphash13(uint64_t k0, uint64_t k1, const void *bytes, size_t n_bytes);
