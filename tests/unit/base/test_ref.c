#include "base/ref.h"

#include <pthread.h>

#include "suite.h"

enum { N_THREADS = 4, N_ROUNDS = 10000 };

static Ref shared;
static atomic_uint n_last;

START_TEST(only_the_last_release_says_so) {
    Ref ref;
    ref_init(&ref);
    ref_acquire(&ref);
    ck_assert(!ref_release(&ref));
    ck_assert(ref_release(&ref));
}
END_TEST

static void *acquire_and_release(void *context) {
    for (int i = 0; i < N_ROUNDS; i++) {
        ref_acquire(&shared);
        if (ref_release(&shared))
            atomic_fetch_add(&n_last, 1);
    }
    if (ref_release(&shared))
        atomic_fetch_add(&n_last, 1);
    return NULL;
}

START_TEST(of_several_threads_one_releases_the_last) {
    pthread_t threads[N_THREADS];
    ref_init(&shared);
    for (int i = 1; i < N_THREADS; i++)
        ref_acquire(&shared);
    for (int i = 0; i < N_THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, acquire_and_release, NULL), 0);
    for (int i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(atomic_load(&n_last), 1);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        only_the_last_release_says_so,
        of_several_threads_one_releases_the_last,
    };
    return run_suite("ref", tests, N_ELEMENTS(tests));
}
