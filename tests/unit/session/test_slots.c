#include "session/slots.h"

#include <errno.h>
#include <stdbool.h>

#include "base/random.h"
#include "failing_memory.h"
#include "suite.h"

/* Slots only compare the pointers. */
static Session *session_at(size_t i) {
    static char sessions[1000];
    return (Session *)(void *)&sessions[i];
}

START_TEST(a_session_is_found_by_its_id_while_it_is_in_use) {
    Slots slots;
    uint64_t id;
    slots_init(&slots, 3, 7);
    ck_assert_int_eq(slots_take(&slots, session_at(1), &id), 0);
    ck_assert_ptr_eq(slots_find(&slots, id), session_at(1));
    ck_assert_uint_eq(slots.n_used, 1);
    slots_release(&slots, id);
    ck_assert_ptr_null(slots_find(&slots, id));
    ck_assert_uint_eq(slots.n_used, 0);
    slots_finish(&slots);
}
END_TEST

START_TEST(a_slot_used_again_gives_another_id) {
    Slots slots;
    uint64_t first, second;
    slots_init(&slots, 0, 0);
    slots_take(&slots, session_at(1), &first);
    slots_release(&slots, first);
    slots_take(&slots, session_at(2), &second);
    ck_assert_uint_ne(first, second);
    ck_assert_ptr_null(slots_find(&slots, first));
    ck_assert_ptr_eq(slots_find(&slots, second), session_at(2));
    slots_finish(&slots);
}
END_TEST

START_TEST(the_worker_is_the_top_byte_of_an_id) {
    Slots slots;
    uint64_t id;
    slots_init(&slots, 255, 7);
    slots_take(&slots, session_at(1), &id);
    ck_assert_uint_eq(id >> 56, 255);
    ck_assert_ptr_null(slots_find(&slots, id ^ 1ULL << 56)); /* another worker's */
    slots_finish(&slots);
}
END_TEST

START_TEST(ids_that_were_never_given_find_nothing) {
    Slots slots;
    uint64_t id;
    slots_init(&slots, 0, 0);
    ck_assert_ptr_null(slots_find(&slots, 0));
    slots_take(&slots, session_at(1), &id);
    ck_assert_uint_ne(id, 0);
    ck_assert_ptr_null(slots_find(&slots, 0));
    ck_assert_ptr_null(slots_find(&slots, id + 1));
    ck_assert_ptr_null(slots_find(&slots, id + (1 << 24)));
    ck_assert_ptr_null(slots_find(&slots, UINT64_MAX));
    slots_finish(&slots);
}
END_TEST

START_TEST(no_id_is_zero_when_the_generations_have_gone_round) {
    Slots slots;
    uint64_t id;
    slots_init(&slots, 0, 7);
    slots_take(&slots, session_at(1), &id);
    slots_release(&slots, id);
    slots.slots[0].generation = UINT32_MAX;
    slots_take(&slots, session_at(1), &id);
    slots_release(&slots, id);
    slots_take(&slots, session_at(1), &id);
    ck_assert_uint_ne(id, 0);
    ck_assert_ptr_eq(slots_find(&slots, id), session_at(1));
    slots_finish(&slots);
}
END_TEST

START_TEST(a_random_crowd_keeps_each_to_his_own) {
    enum { CROWD = 1000 };
    static uint64_t ids[CROWD];
    Slots slots;
    slots_init(&slots, 1, 7);
    for (int step = 0; step < 20000; step++) {
        size_t i = random_below(CROWD);
        if (ids[i]) {
            slots_release(&slots, ids[i]);
            ck_assert(slots_find(&slots, ids[i]) == NULL);
            ids[i] = 0;
        } else {
            ck_assert(slots_take(&slots, session_at(i), &ids[i]) == 0);
        }
    }
    for (size_t i = 0; i < CROWD; i++)
        ck_assert(!ids[i] || slots_find(&slots, ids[i]) == session_at(i));
    slots_finish(&slots);
}
END_TEST

START_TEST(without_memory_nothing_is_taken) {
    Slots slots;
    uint64_t id;
    slots_init(&slots, 0, 7);
    memory_fail_at(1);
    ck_assert_int_eq(slots_take(&slots, session_at(1), &id), -ENOMEM);
    ck_assert_uint_eq(slots.n_used, 0);
    ck_assert_int_eq(slots_take(&slots, session_at(1), &id), 0);
    slots_finish(&slots);
}
END_TEST

START_TEST(the_first_generation_is_the_one_that_was_drawn) {
    Slots slots;
    uint64_t id;
    slots_init(&slots, 0, UINT32_MAX);
    slots_take(&slots, session_at(1), &id);
    ck_assert_uint_eq((uint32_t)(id >> 24), UINT32_MAX);
    slots_release(&slots, id);
    slots_take(&slots, session_at(1), &id);
    ck_assert_uint_eq((uint32_t)(id >> 24), 1);
    slots_finish(&slots);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_session_is_found_by_its_id_while_it_is_in_use,
        a_slot_used_again_gives_another_id,
        the_worker_is_the_top_byte_of_an_id,
        ids_that_were_never_given_find_nothing,
        no_id_is_zero_when_the_generations_have_gone_round,
        a_random_crowd_keeps_each_to_his_own,
        without_memory_nothing_is_taken,
        the_first_generation_is_the_one_that_was_drawn,
    };
    return run_suite("slots", tests, N_ELEMENTS(tests));
}
