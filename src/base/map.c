#include "base/map.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"

enum { MIN_BUCKETS = 16 };

void map_init(Map *map) {
    *map = (Map){0};
}

void map_finish(Map *map) {
    free(map->buckets);
    map_init(map);
}

static MapNode **bucket_of(const Map *map, uint64_t hash) {
    return &map->buckets[hash & (map->n_buckets - 1)];
}

static bool node_has(const MapNode *node, uint64_t hash, const char *key, size_t n_key) {
    return node->hash == hash && node->n_key == n_key && (n_key == 0 || memcmp(node->key, key, n_key) == 0);
}

MapNode *map_find(const Map *map, const char *key, size_t n_key) {
    return map_find_hashed(map, hash_bytes(key, n_key), key, n_key);
}

MapNode *map_find_hashed(const Map *map, uint64_t hash, const char *key, size_t n_key) {
    if (map->n_buckets == 0)
        return NULL;
    for (MapNode *node = *bucket_of(map, hash); node; node = node->next)
        if (node_has(node, hash, key, n_key))
            return node;
    return NULL;
}

static void link_node(Map *map, MapNode *node) {
    MapNode **bucket = bucket_of(map, node->hash);
    node->next = *bucket;
    *bucket = node;
}

static int map_grow(Map *map) {
    Map grown = {.n_buckets = map->n_buckets ? map->n_buckets * 2 : MIN_BUCKETS, .n_nodes = map->n_nodes};
    grown.buckets = calloc(grown.n_buckets, sizeof(*grown.buckets));
    if (!grown.buckets)
        return error_origin(-ENOMEM);
    for (size_t i = 0; i < map->n_buckets; i++) {
        for (MapNode *node = map->buckets[i], *next; node; node = next) {
            next = node->next;
            link_node(&grown, node);
        }
    }
    free(map->buckets);
    *map = grown;
    return 0;
}

int map_insert(Map *map, MapNode *node) {
    node->hash = hash_bytes(node->key, node->n_key);
    if (map_find_hashed(map, node->hash, node->key, node->n_key))
        return MAP_EXISTS;
    if (map->n_nodes == map->n_buckets) {
        int r = map_grow(map);
        if (r < 0)
            return error_trace(r);
    }
    link_node(map, node);
    map->n_nodes++;
    return MAP_OK;
}

void map_remove(Map *map, MapNode *node) {
    MapNode **link = bucket_of(map, node->hash);
    while (*link != node)
        link = &(*link)->next;
    *link = node->next;
    node->next = NULL;
    map->n_nodes--;
}

void map_each(Map *map, MapVisit *visit, void *context) {
    for (size_t i = 0; i < map->n_buckets; i++) {
        for (MapNode *node = map->buckets[i], *next; node; node = next) {
            next = node->next;
            visit(node, context);
        }
    }
}

size_t map_some(Map *map, size_t bucket, size_t n_nodes, MapVisit *visit, void *context) {
    for (size_t n = 0; bucket < map->n_buckets && n < n_nodes; bucket++) {
        n++; /* an empty one is looked at, too */
        for (MapNode *node = map->buckets[bucket], *next; node; node = next, n++) {
            next = node->next;
            visit(node, context);
        }
    }
    return bucket;
}
