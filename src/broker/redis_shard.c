#include "broker/redis_shard.h"

uint64_t redis_shard_hash(const void *bytes, size_t n_bytes) {
    const unsigned char *at = bytes;
    uint64_t hash = 14695981039346656037ull;
    for (size_t i = 0; i < n_bytes; i++)
        hash = (hash ^ at[i]) * 1099511628211ull;
    return hash;
}

unsigned redis_shard_jump(uint64_t hash, unsigned n_servers) {
    int64_t bucket = -1;
    int64_t next = 0;
    while (next < n_servers) {
        bucket = next;
        hash = hash * 2862933555777941757ull + 1;
        next = (int64_t)((double)(bucket + 1) * ((double)(1ll << 31) / (double)((hash >> 33) + 1)));
    }
    return (unsigned)bucket;
}

unsigned redis_shard_of(const char *name, size_t n_name, unsigned n_servers) {
    return redis_shard_jump(redis_shard_hash(name, n_name), n_servers);
}
