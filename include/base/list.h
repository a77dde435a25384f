/* Intrusive doubly linked list. Owner: whoever owns the head; nothing is allocated. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

typedef struct ListNode ListNode;
struct ListNode {
    ListNode *prev;
    ListNode *next;
};

/* A head is a node linked to itself; so is a node that is in no list. */
static inline void list_init(ListNode *node) {
    node->prev = node->next = node;
}

static inline bool list_is_linked(const ListNode *node) {
    return node->next != node;
}

static inline bool list_is_empty(const ListNode *head) {
    return head->next == head;
}

static inline void list_append(ListNode *head, ListNode *node) {
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

/* Idempotent: an unlinked node stays unlinked. */
static inline void list_unlink(ListNode *node) {
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* Moves every node of from to the end of to; from is empty afterwards. What a callback appends to from while to is being
   walked waits for the next round. */
static inline void list_take(ListNode *to, ListNode *from) {
    if (list_is_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

/* The first node, unlinked; NULL when empty. */
static inline ListNode *list_pop(ListNode *head) {
    ListNode *node = head->next;
    if (node == head)
        return NULL;
    list_unlink(node);
    return node;
}
