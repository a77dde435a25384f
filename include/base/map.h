/* Map: intrusive hash map from bytes to the structure that embeds the node. Owner: whoever embeds the map.
   The key is not copied: it lives in the structure, as long as the node is in the map. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { MAP_OK, MAP_EXISTS };

typedef struct MapNode MapNode;
struct MapNode {
    MapNode *next;
    uint64_t hash; /* hash_bytes(key, n_key) */
    const char *key;
    size_t n_key;
};

typedef struct Map {
    MapNode **buckets;
    size_t n_buckets; /* a power of two, or 0 before the first insert */
    size_t n_nodes;
} Map;

void map_init(Map *map);   /* allocates nothing */
void map_finish(Map *map); /* frees the buckets; the nodes are the caller's */

/* NULL when absent. The second form takes the key's hash where it is known already. */
MapNode *map_find(const Map *map, const char *key, size_t n_key);
MapNode *map_find_hashed(const Map *map, uint64_t hash, const char *key, size_t n_key);

/* node->key and node->n_key are set by the caller; the hash is computed here. MAP_OK; MAP_EXISTS; -ENOMEM. */
int map_insert(Map *map, MapNode *node);
void map_remove(Map *map, MapNode *node); /* the node must be in the map */

/* Walks every node; the function may remove the node that it is given, and nothing else. */
typedef void MapVisit(MapNode *node, void *context);
void map_each(Map *map, MapVisit *visit, void *context);
/* The same in parts: from that bucket on, a little over n_nodes of them. Returns the bucket to go on from, n_buckets at the end; once
   n_buckets has changed the walk begins anew. */
size_t map_some(Map *map, size_t bucket, size_t n_nodes, MapVisit *visit, void *context);
