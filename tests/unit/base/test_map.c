#include "base/map.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "suite.h"

enum { N_MANY = 1000 };

typedef struct Item {
    MapNode node;
    char key[16];
    int n_visits;
} Item;

static bool memory_is_out;

void *__real_calloc(size_t n_items, size_t n_bytes);
void *__wrap_calloc(size_t n_items, size_t n_bytes);

void *__wrap_calloc(size_t n_items, size_t n_bytes) {
    return memory_is_out ? NULL : __real_calloc(n_items, n_bytes);
}

static void item_init(Item *item, const char *key) {
    memset(item, 0, sizeof(*item));
    snprintf(item->key, sizeof(item->key), "%s", key);
    item->node.key = item->key;
    item->node.n_key = strlen(item->key);
}

static void insert_many(Map *map, Item *items, int n_items) {
    for (int i = 0; i < n_items; i++) {
        char key[16];
        snprintf(key, sizeof(key), "key:%d", i);
        item_init(&items[i], key);
        ck_assert_int_eq(map_insert(map, &items[i].node), MAP_OK);
    }
}

START_TEST(an_empty_map_finds_nothing) {
    Map map;
    map_init(&map);
    ck_assert_ptr_null(map_find(&map, "key", 3));
    map_finish(&map);
}
END_TEST

START_TEST(what_was_inserted_is_found) {
    Map map;
    Item items[N_MANY];
    map_init(&map);
    insert_many(&map, items, N_MANY);
    ck_assert_uint_eq(map.n_nodes, N_MANY);
    for (int i = 0; i < N_MANY; i++) {
        const MapNode *node = &items[i].node;
        ck_assert_ptr_eq(map_find(&map, node->key, node->n_key), node);
        ck_assert_ptr_eq(map_find_hashed(&map, hash_bytes(node->key, node->n_key), node->key, node->n_key), node);
    }
    map_finish(&map);
}
END_TEST

START_TEST(a_key_is_all_of_its_bytes) {
    Map map;
    Item item;
    map_init(&map);
    item_init(&item, "a");
    item.node.n_key = 3; /* "a", NUL, NUL */
    map_insert(&map, &item.node);
    ck_assert_ptr_null(map_find(&map, "a", 1));
    ck_assert_ptr_null(map_find(&map, "a\0b", 3));
    ck_assert_ptr_eq(map_find(&map, "a\0\0", 3), &item.node);
    map_finish(&map);
}
END_TEST

START_TEST(an_equal_hash_does_not_make_an_equal_key) {
    Map map;
    Item item;
    map_init(&map);
    item_init(&item, "key");
    map_insert(&map, &item.node);
    ck_assert_ptr_null(map_find_hashed(&map, item.node.hash, "kez", 3));
    ck_assert_ptr_null(map_find_hashed(&map, item.node.hash, "ke", 2));
    ck_assert_ptr_eq(map_find_hashed(&map, item.node.hash, "key", 3), &item.node);
    map_finish(&map);
}
END_TEST

START_TEST(the_empty_key_is_a_key) {
    Map map;
    Item item;
    map_init(&map);
    item_init(&item, "");
    ck_assert_int_eq(map_insert(&map, &item.node), MAP_OK);
    ck_assert_ptr_eq(map_find(&map, NULL, 0), &item.node);
    map_finish(&map);
}
END_TEST

START_TEST(a_second_node_with_the_same_key_is_refused) {
    Map map;
    Item first, second;
    map_init(&map);
    item_init(&first, "same");
    item_init(&second, "same");
    map_insert(&map, &first.node);
    ck_assert_int_eq(map_insert(&map, &second.node), MAP_EXISTS);
    ck_assert_ptr_eq(map_find(&map, "same", 4), &first.node);
    ck_assert_uint_eq(map.n_nodes, 1);
    map_finish(&map);
}
END_TEST

START_TEST(the_load_stays_at_most_one) {
    Map map;
    Item items[N_MANY];
    map_init(&map);
    insert_many(&map, items, N_MANY);
    ck_assert_uint_ge(map.n_buckets, map.n_nodes);
    ck_assert_uint_eq(map.n_buckets & (map.n_buckets - 1), 0);
    map_finish(&map);
}
END_TEST

START_TEST(a_removed_node_is_gone_and_the_others_stay) {
    Map map;
    Item items[N_MANY];
    map_init(&map);
    insert_many(&map, items, N_MANY);
    for (int i = 0; i < N_MANY; i += 2)
        map_remove(&map, &items[i].node);
    ck_assert_uint_eq(map.n_nodes, N_MANY / 2);
    for (int i = 0; i < N_MANY; i++) {
        const MapNode *found = map_find(&map, items[i].key, items[i].node.n_key);
        ck_assert_ptr_eq(found, i % 2 ? &items[i].node : NULL);
    }
    ck_assert_int_eq(map_insert(&map, &items[0].node), MAP_OK);
    map_finish(&map);
}
END_TEST

static void count_visit(MapNode *node, void *context) {
    ((Item *)node)->n_visits++; /* the node is the item's first member */
}

static void remove_visited(MapNode *node, void *context) {
    count_visit(node, NULL);
    map_remove(context, node);
    memset(&node->next, 0xff, sizeof(node->next)); /* as if the item had been freed */
}

START_TEST(each_node_is_visited_once) {
    Map map;
    Item items[N_MANY];
    map_init(&map);
    insert_many(&map, items, N_MANY);
    map_each(&map, count_visit, NULL);
    for (int i = 0; i < N_MANY; i++)
        ck_assert_int_eq(items[i].n_visits, 1);
    map_finish(&map);
}
END_TEST

START_TEST(a_visit_may_remove_its_node) {
    Map map;
    Item items[N_MANY];
    map_init(&map);
    insert_many(&map, items, N_MANY);
    map_each(&map, remove_visited, &map);
    ck_assert_uint_eq(map.n_nodes, 0);
    for (int i = 0; i < N_MANY; i++)
        ck_assert_int_eq(items[i].n_visits, 1);
    map_finish(&map);
}
END_TEST

START_TEST(without_memory_an_insert_changes_nothing) {
    Map map;
    Item items[N_MANY], last;
    map_init(&map);
    item_init(&last, "last");
    memory_is_out = true;
    ck_assert_int_eq(map_insert(&map, &last.node), -ENOMEM);
    memory_is_out = false;
    insert_many(&map, items, 16); /* the next one grows the map */
    memory_is_out = true;
    ck_assert_int_eq(map_insert(&map, &last.node), -ENOMEM);
    memory_is_out = false;
    ck_assert_uint_eq(map.n_nodes, 16);
    ck_assert_ptr_null(map_find(&map, "last", 4));
    ck_assert_ptr_eq(map_find(&map, "key:7", 5), &items[7].node);
    ck_assert_int_eq(map_insert(&map, &last.node), MAP_OK);
    map_finish(&map);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        an_empty_map_finds_nothing,
        what_was_inserted_is_found,
        a_key_is_all_of_its_bytes,
        an_equal_hash_does_not_make_an_equal_key,
        the_empty_key_is_a_key,
        a_second_node_with_the_same_key_is_refused,
        the_load_stays_at_most_one,
        a_removed_node_is_gone_and_the_others_stay,
        each_node_is_visited_once,
        a_visit_may_remove_its_node,
        without_memory_an_insert_changes_nothing,
    };
    return run_suite("map", tests, N_ELEMENTS(tests));
}
