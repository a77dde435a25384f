/* RedisShard: which of several standalone servers a name belongs to; any backend can compute the same. Any thread; no state.
   The name with its prefix goes through FNV-1a of 64 bits (offset basis 14695981039346656037, prime 1099511628211), the hash
   through the jump consistent hash (Lamping and Veach, arXiv:1406.2294) to a number below that of the servers, counted in the
   order in which redis.url names them. A server added at the end takes its share from all others and moves nothing else. */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint64_t redis_shard_hash(const void *bytes, size_t n_bytes);
unsigned redis_shard_jump(uint64_t hash, unsigned n_servers); /* n_servers is not 0 */
unsigned redis_shard_of(const char *name, size_t n_name, unsigned n_servers);
