#include "session/readystate.h"

#include "suite.h"

typedef struct Transition {
    ReadyState from;
    ReadyEvent event;
    ReadyState to;
} Transition;

#define TRANSITION(from, event, to) {READY_STATE_##from, READY_EVENT_##event, READY_STATE_##to},
static const Transition model[] = {
#include "../../model/transitions.pml"
};

static const Transition *find(ReadyState from, ReadyEvent event) {
    for (size_t i = 0; i < N_ELEMENTS(model); i++)
        if (model[i].from == from && model[i].event == event)
            return &model[i];
    return NULL;
}

START_TEST(the_code_changes_state_as_the_model_does) {
    for (ReadyState from = READY_STATE_CONNECTING; from <= READY_STATE_CLOSED; from++)
        for (ReadyEvent event = READY_EVENT_OPENED; event <= READY_EVENT_GONE; event++) {
            const Transition *transition = find(from, event);
            ck_assert_int_eq(readystate_next(from, event), transition ? (int)transition->to : -1);
        }
}
END_TEST

START_TEST(the_model_tells_each_change_once) {
    for (size_t i = 0; i < N_ELEMENTS(model); i++)
        ck_assert_ptr_eq(find(model[i].from, model[i].event), &model[i]);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        the_code_changes_state_as_the_model_does,
        the_model_tells_each_change_once,
    };
    return run_suite("model", tests, N_ELEMENTS(tests));
}
