#include "base/tally.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/hash.h"
#include "suite.h"

static Tally *tally;

static void begin(void) {
    hash_seed(1, 2);
    ck_assert_int_eq(tally_new(&tally), 0);
}

static uint64_t hash_of(uint64_t n) {
    return hash_bytes(&n, sizeof(n));
}

static bool is_empty(void) {
    for (unsigned row = 0; row < TALLY_ROWS; row++)
        for (unsigned i = 0; i < TALLY_CELLS; i++)
            if (tally->cells[row][i] != 0)
                return false;
    return true;
}

START_TEST(each_is_counted_for_itself) {
    begin();
    ck_assert_uint_eq(tally_add(tally, hash_of(1)), 1);
    ck_assert_uint_eq(tally_add(tally, hash_of(1)), 2);
    ck_assert_uint_eq(tally_add(tally, hash_of(2)), 1);
    tally_remove(tally, hash_of(1));
    ck_assert_uint_eq(tally_add(tally, hash_of(1)), 2);
    tally_remove(tally, hash_of(1));
    tally_remove(tally, hash_of(1));
    tally_remove(tally, hash_of(2));
    ck_assert(is_empty());
    tally = tally_free(tally);
}
END_TEST

START_TEST(a_million_are_told_apart_by_a_limit_of_ten) {
    enum { CROWD = 1000000 };
    uint32_t most = 0;
    begin();
    for (uint64_t i = 0; i < CROWD; i++) {
        uint32_t n = tally_add(tally, hash_of(i));
        most = n > most ? n : most;
    }
    ck_assert_uint_le(most, 10);
    for (uint64_t i = 0; i < CROWD; i++)
        tally_remove(tally, hash_of(i));
    ck_assert(is_empty());
    tally = tally_free(tally);
}
END_TEST

static void *count_up_and_down(void *context) {
    for (uint64_t i = 0; i < 20000; i++)
        tally_add(tally, hash_of(i % 7));
    for (uint64_t i = 0; i < 20000; i++)
        tally_remove(tally, hash_of(i % 7));
    return context;
}

START_TEST(threads_lose_nothing) {
    pthread_t threads[4];
    begin();
    for (unsigned i = 0; i < N_ELEMENTS(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_up_and_down, NULL), 0);
    for (unsigned i = 0; i < N_ELEMENTS(threads); i++)
        pthread_join(threads[i], NULL);
    ck_assert(is_empty());
    tally = tally_free(tally);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        each_is_counted_for_itself,
        a_million_are_told_apart_by_a_limit_of_ten,
        threads_lose_nothing,
    };
    return run_suite("tally", tests, N_ELEMENTS(tests));
}
