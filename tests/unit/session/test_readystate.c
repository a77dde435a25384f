#include "session/readystate.h"

#include "suite.h"

static const struct {
    ReadyState from;
    ReadyEvent event;
    ReadyState to;
} legal[] = {
    {READY_STATE_CONNECTING, READY_EVENT_OPENED, READY_STATE_OPEN},
    {READY_STATE_CONNECTING, READY_EVENT_TERMINATE, READY_STATE_CLOSED},
    {READY_STATE_CONNECTING, READY_EVENT_GONE, READY_STATE_CLOSED},
    {READY_STATE_OPEN, READY_EVENT_CLOSE, READY_STATE_CLOSING},
    {READY_STATE_OPEN, READY_EVENT_PEER_CLOSED, READY_STATE_CLOSING},
    {READY_STATE_OPEN, READY_EVENT_TERMINATE, READY_STATE_CLOSED},
    {READY_STATE_OPEN, READY_EVENT_GONE, READY_STATE_CLOSED},
    {READY_STATE_CLOSING, READY_EVENT_TERMINATE, READY_STATE_CLOSED},
    {READY_STATE_CLOSING, READY_EVENT_GONE, READY_STATE_CLOSED},
};

static int expected(ReadyState from, ReadyEvent event) {
    for (size_t i = 0; i < N_ELEMENTS(legal); i++)
        if (legal[i].from == from && legal[i].event == event)
            return (int)legal[i].to;
    return -1;
}

START_TEST(only_these_changes_are_legal) {
    for (ReadyState from = READY_STATE_CONNECTING; from <= READY_STATE_CLOSED; from++)
        for (ReadyEvent event = READY_EVENT_OPENED; event <= READY_EVENT_GONE; event++)
            ck_assert_int_eq(readystate_next(from, event), expected(from, event));
}
END_TEST

START_TEST(no_change_goes_back) {
    for (ReadyState from = READY_STATE_CONNECTING; from <= READY_STATE_CLOSED; from++)
        for (ReadyEvent event = READY_EVENT_OPENED; event <= READY_EVENT_GONE; event++) {
            int to = readystate_next(from, event);
            ck_assert(to == -1 || to > (int)from);
        }
}
END_TEST

START_TEST(the_values_and_names_are_the_browsers) {
    const char *const names[] = {"CONNECTING", "OPEN", "CLOSING", "CLOSED"};
    for (int state = 0; state < READY_STATES; state++)
        ck_assert_str_eq(readystate_name((ReadyState)state), names[state]);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        only_these_changes_are_legal,
        no_change_goes_back,
        the_values_and_names_are_the_browsers,
    };
    return run_suite("readystate", tests, N_ELEMENTS(tests));
}
