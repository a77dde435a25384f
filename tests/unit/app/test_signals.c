#include "app/signals.h"

#include <signal.h>
#include <unistd.h>

#include "suite.h"

START_TEST(the_end_comes_before_a_reload) {
    static const int ends[] = {SIGTERM, SIGINT};
    signals_block();
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        kill(getpid(), SIGHUP);
        kill(getpid(), ends[i]);
        ck_assert_int_eq(signals_wait(0), ends[i]);
        ck_assert_int_eq(signals_wait(0), SIGHUP);
        ck_assert_int_eq(signals_wait(0), 0);
    }
}
END_TEST

START_TEST(a_nudge_ends_a_wait_with_no_signal) {
    signals_block();
    signals_nudge(NULL);
    ck_assert_int_eq(signals_wait(60000), 0);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        the_end_comes_before_a_reload,
        a_nudge_ends_a_wait_with_no_signal,
    };
    return run_suite("signals", tests, N_ELEMENTS(tests));
}
