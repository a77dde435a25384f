#include "session/readystate.h"

enum { IGNORED = -1 };

static const signed char transitions[READY_STATES][READY_EVENTS] = {
    [READY_STATE_CONNECTING] =
        {
            [READY_EVENT_OPENED] = READY_STATE_OPEN,
            [READY_EVENT_CLOSE] = IGNORED,
            [READY_EVENT_PEER_CLOSED] = IGNORED,
            [READY_EVENT_TERMINATE] = READY_STATE_CLOSED,
            [READY_EVENT_GONE] = READY_STATE_CLOSED,
        },
    [READY_STATE_OPEN] =
        {
            [READY_EVENT_OPENED] = IGNORED,
            [READY_EVENT_CLOSE] = READY_STATE_CLOSING,
            [READY_EVENT_PEER_CLOSED] = READY_STATE_CLOSING,
            [READY_EVENT_TERMINATE] = READY_STATE_CLOSED,
            [READY_EVENT_GONE] = READY_STATE_CLOSED,
        },
    [READY_STATE_CLOSING] =
        {
            [READY_EVENT_OPENED] = IGNORED,
            [READY_EVENT_CLOSE] = IGNORED,
            [READY_EVENT_PEER_CLOSED] = IGNORED,
            [READY_EVENT_TERMINATE] = READY_STATE_CLOSED,
            [READY_EVENT_GONE] = READY_STATE_CLOSED,
        },
    [READY_STATE_CLOSED] =
        {
            [READY_EVENT_OPENED] = IGNORED,
            [READY_EVENT_CLOSE] = IGNORED,
            [READY_EVENT_PEER_CLOSED] = IGNORED,
            [READY_EVENT_TERMINATE] = IGNORED,
            [READY_EVENT_GONE] = IGNORED,
        },
};

int readystate_next(ReadyState state, ReadyEvent event) {
    return transitions[state][event];
}

const char *readystate_name(ReadyState state) {
    static const char *const names[READY_STATES] = {"CONNECTING", "OPEN", "CLOSING", "CLOSED"};
    return names[state];
}
