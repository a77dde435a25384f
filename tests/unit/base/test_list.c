#include "base/list.h"

#include "suite.h"

typedef struct Item {
    int value;
    ListNode link;
} Item;

static void append_values(ListNode *head, Item *items, int first, int n_items) {
    for (int i = 0; i < n_items; i++) {
        items[i].value = first + i;
        list_init(&items[i].link);
        list_append(head, &items[i].link);
    }
}

static void assert_counts_from_zero(ListNode *head, int n_items) {
    int expected = 0;
    const ListNode *before = head;
    for (ListNode *node = head->next; node != head; node = node->next) {
        ck_assert_int_eq(container_of(node, Item, link)->value, expected++);
        ck_assert_ptr_eq(node->prev, before);
        before = node;
    }
    ck_assert_int_eq(expected, n_items);
    ck_assert_ptr_eq(head->prev, before);
}

START_TEST(a_new_head_is_empty_and_a_new_node_is_in_no_list) {
    ListNode head, node;
    list_init(&head);
    list_init(&node);
    ck_assert(list_is_empty(&head));
    ck_assert(!list_is_linked(&node));
    ck_assert_ptr_null(list_pop(&head));
}
END_TEST

START_TEST(nodes_stand_in_the_order_they_came) {
    ListNode head;
    Item items[3];
    list_init(&head);
    append_values(&head, items, 0, 3);
    assert_counts_from_zero(&head, 3);
}
END_TEST

START_TEST(unlinking_twice_is_harmless) {
    ListNode head;
    Item items[3];
    list_init(&head);
    append_values(&head, items, 0, 3);
    list_unlink(&items[2].link);
    list_unlink(&items[2].link);
    ck_assert(!list_is_linked(&items[2].link));
    assert_counts_from_zero(&head, 2);
}
END_TEST

START_TEST(popping_takes_the_first_and_unlinks_it) {
    ListNode head;
    Item items[2];
    list_init(&head);
    append_values(&head, items, 0, 2);
    ck_assert_ptr_eq(list_pop(&head), &items[0].link);
    ck_assert(!list_is_linked(&items[0].link));
    ck_assert_ptr_eq(list_pop(&head), &items[1].link);
    ck_assert(list_is_empty(&head));
}
END_TEST

START_TEST(taking_appends_all_and_empties_the_source) {
    ListNode to, from;
    Item first[2], second[3];
    list_init(&to);
    list_init(&from);
    append_values(&to, first, 0, 2);
    append_values(&from, second, 2, 3);
    list_take(&to, &from);
    ck_assert(list_is_empty(&from));
    assert_counts_from_zero(&to, 5);
}
END_TEST

START_TEST(taking_from_an_empty_list_changes_nothing) {
    ListNode to, from;
    Item items[2];
    list_init(&to);
    list_init(&from);
    append_values(&to, items, 0, 2);
    list_take(&to, &from);
    assert_counts_from_zero(&to, 2);
}
END_TEST

START_TEST(taking_into_an_empty_list_moves_everything) {
    ListNode to, from;
    Item items[2];
    list_init(&to);
    list_init(&from);
    append_values(&from, items, 0, 2);
    list_take(&to, &from);
    ck_assert(list_is_empty(&from));
    assert_counts_from_zero(&to, 2);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_new_head_is_empty_and_a_new_node_is_in_no_list,
        nodes_stand_in_the_order_they_came,
        unlinking_twice_is_harmless,
        popping_takes_the_first_and_unlinks_it,
        taking_appends_all_and_empties_the_source,
        taking_from_an_empty_list_changes_nothing,
        taking_into_an_empty_list_moves_everything,
    };
    return run_suite("list", tests, N_ELEMENTS(tests));
}
