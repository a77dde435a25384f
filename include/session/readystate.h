/* readyState: a connection's life, with the values of the browser's WebSocket. Owner: the connection's worker.
   The table in readystate.c is the only place that says which change is legal. */
#pragma once

typedef enum ReadyState {
    READY_STATE_CONNECTING = 0,
    READY_STATE_OPEN = 1,
    READY_STATE_CLOSING = 2,
    READY_STATE_CLOSED = 3,
} ReadyState;

enum { READY_STATES = 4 };

typedef enum ReadyEvent {
    READY_EVENT_OPENED,      /* the handshake has ended well */
    READY_EVENT_CLOSE,       /* we say goodbye, or the library has done so for us */
    READY_EVENT_PEER_CLOSED, /* the peer's close frame has come */
    READY_EVENT_TERMINATE,   /* we stop waiting */
    READY_EVENT_GONE,        /* the transport has reported its end */
} ReadyEvent;

enum { READY_EVENTS = 5 };

/* The state after event, or -1 when the event changes nothing in that state (it is then ignored, or refused). */
int readystate_next(ReadyState state, ReadyEvent event);
const char *readystate_name(ReadyState state); /* as the browser spells it: "CONNECTING" */
