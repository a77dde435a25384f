/* The life of one connection, as src/session tells it: a peer that may do anything or nothing, the library, which may never
   tell of an end, and the worker's turn, wheel and audit. What is atomic here is one call on the worker's thread there.
   Time is whether a deadline may come: any armed one may, at any moment, and weak fairness says that it will.

   Two faults stand for errors of our own, each at most once: a deadline is lost from the wheel, and an ended session from the
   list that the reaper reads.

   Each define takes one safeguard away, and run.sh shows that the model then fails:
   NO_LINGER       the deadline of CLOSING comes and does nothing
   NO_AUDIT        nobody compares belief and facts
   NO_LOSSES       (the faults do not happen)
   SEND_CLOSING    data is accepted while CLOSING
   FREE_AT_ONCE    the transport's report frees the session, although the reaper will
   KEEP_TRANSPORT  the transport's report leaves it with the session
   NO_REAPER       CLOSED, and nobody frees it */

#define CONNECTING 0
#define OPEN 1
#define CLOSING 2
#define CLOSED 3

#define OPENED 0
#define CLOSE 1
#define PEER_CLOSED 2
#define TERMINATE 3
#define GONE 4

#define N_STATES 4
#define N_EVENTS 5
#define IGNORED 255
#define MAX_BACKLOG 2
#define MAX_CALLS 3

mtype = { HELLO, DATA, BROKEN, GOODBYE, RESET };

byte next_state[N_STATES * N_EVENTS] = IGNORED;

/* The session. */
byte state = CONNECTING;
bool has_transport = true;
bool is_freed;
bool is_ending;   /* in the list that the reaper reads */
bool is_armed;
bool is_pinged;
bool has_heard;
bool is_blocked;
byte n_backlog;   /* data frames in the outbox */
bool ping_waits;
bool close_waits; /* the close frame, the last in the outbox */

/* The transport and the library below it. */
bool transport_is_freed;
bool library_is_alive = true;
bool has_to_report;
bool is_stuck;    /* the peer reads nothing more: what is blocked stays so */

/* What the properties need to know. */
bool is_started;
bool close_is_written;
byte n_accepted;  /* the backlog when the close frame joined it */

chan wire = [1] of { mtype };

inline change(event) {
    if
    :: next_state[state * N_EVENTS + event] != IGNORED ->
        assert(!is_freed);
        assert(next_state[state * N_EVENTS + event] > state);
        state = next_state[state * N_EVENTS + event];
        is_ending = is_ending || state >= CLOSING;
        is_armed = state != CLOSED;
    :: else
    fi
}

inline discard() {
    n_backlog = 0;
    ping_waits = false;
}

inline say_goodbye(event) {
    if
    :: close_waits = true; n_accepted = n_backlog; change(event)
    :: change(TERMINATE) /* no memory for the frame */
    fi
}

inline session_close() {
    if
    :: state == CONNECTING -> change(TERMINATE)
    :: state == OPEN -> say_goodbye(CLOSE)
    :: else
    fi
}

#ifdef SEND_CLOSING
#define MAY_SEND (state == OPEN || state == CLOSING)
#else
#define MAY_SEND (state == OPEN)
#endif

inline session_send() {
    assert(!is_freed);
    if
    :: MAY_SEND && n_backlog < MAX_BACKLOG -> n_backlog++
    :: state == OPEN && n_backlog == MAX_BACKLOG ->
        if
        :: skip /* the oldest goes, the new one comes */
        :: discard(); say_goodbye(CLOSE)
        fi
    :: else /* refused and counted */
    fi
}

#define SOMETHING_WAITS (ping_waits || n_backlog > 0 || close_waits)
#define MAY_FLUSH (SOMETHING_WAITS && !is_blocked && state != CLOSED)

/* One frame of those that a write may take: control frames first, the close frame last. */
inline put_on_wire() {
    assert(!close_is_written);
    assert(state == OPEN || state == CLOSING);
    if
    :: ping_waits -> ping_waits = false
    :: !ping_waits && n_backlog > 0 ->
        assert(state == OPEN || n_accepted > 0);
        n_backlog--;
        if
        :: state == CLOSING -> n_accepted--
        :: else
        fi
    :: else -> close_waits = false; close_is_written = true
    fi
}

inline flush() {
    do
    :: MAY_FLUSH ->
        assert(!is_freed && has_transport && !transport_is_freed);
        if
        :: !library_is_alive -> change(TERMINATE) /* the write has failed */
        :: else ->
            put_on_wire();
            if
            :: skip
            :: is_blocked = true
            :: is_blocked = true; is_stuck = true
            fi
        fi
    :: else -> break
    od
}

inline library_ends() {
    library_is_alive = false;
    if
    :: has_to_report = true
    :: skip /* it never will */
    fi
}

inline session_gone() {
    assert(!is_freed);
    transport_is_freed = true;
#ifndef KEEP_TRANSPORT
    has_transport = false;
#endif
    change(GONE)
}

inline free_session() {
    if
    :: has_transport ->
        assert(!transport_is_freed);
        transport_is_freed = true;
        library_is_alive = false;
        has_to_report = false
    :: else
    fi;
    assert(!is_freed);
    is_freed = true
}

inline open_expired() {
    if
    :: !is_pinged -> is_pinged = true; has_heard = false; ping_waits = true
    :: is_pinged && has_heard -> is_pinged = false
    :: is_pinged && !has_heard -> change(TERMINATE)
    :: is_blocked -> change(TERMINATE) /* stalled */
    :: session_close()                 /* not authenticated, or its token has expired */
    fi
}

inline peer_says(said) {
    if
    :: said == HELLO -> change(OPENED)
    :: said == DATA ->
        has_heard = true;
        if
        :: state == OPEN -> session_send()
        :: state == OPEN -> session_close()
        :: skip
        fi
    :: said == BROKEN -> /* the library has sent its own close frame */
        close_is_written = true;
        change(CLOSE);
        discard();
        close_waits = false
    :: said == GOODBYE ->
        if
        :: state == OPEN -> discard(); say_goodbye(PEER_CLOSED)
        :: else
        fi;
        if
        :: state == CLOSING -> flush()
        :: else
        fi;
        library_ends()
    :: said == RESET -> library_ends()
    fi
}

/* Anything in any order, or silence from any moment on. */
proctype Peer() {
    bool has_greeted;
    do
    :: atomic {
        library_is_alive && nfull(wire) ->
        if
        :: !has_greeted -> has_greeted = true; wire ! HELLO
        :: has_greeted -> wire ! DATA
        :: has_greeted -> wire ! BROKEN
        :: has_greeted -> wire ! GOODBYE
        :: wire ! RESET; break
        fi
       }
    :: break
    od
}

proctype Library() {
    mtype said;
    do
    :: atomic { library_is_alive && nempty(wire) -> wire ? said; assert(!is_freed); peer_says(said) }
    :: atomic { library_is_alive && is_blocked && !is_stuck -> assert(!is_freed); is_blocked = false }
    :: atomic {
        has_to_report -> has_to_report = false; session_gone();
#ifdef FREE_AT_ONCE
        free_session()
#endif
       }
    :: !library_is_alive && !has_to_report -> break
    od
}

/* The hub, the dialect and the server: they find a session by its id, or by a subscription that the reaper drops. */
proctype Others() {
    byte n_calls;
    do
    :: atomic { !is_freed && n_calls < MAX_CALLS -> n_calls++; session_send() }
    :: atomic { !is_freed && n_calls < MAX_CALLS -> n_calls++; session_close() }
    :: atomic { !is_freed && n_calls < MAX_CALLS -> n_calls++; change(TERMINATE) }
    :: break
    od
}

proctype Wheel() {
    do
    :: atomic {
        is_armed ->
        if
        :: state == CONNECTING -> change(TERMINATE)
        :: state == OPEN -> open_expired()
#ifdef NO_LINGER
        :: state == CLOSING -> skip
#else
        :: state == CLOSING -> change(TERMINATE)
#endif
        fi
       }
    :: is_freed -> break
    od
}

/* The end of a loop turn. */
proctype Turn() {
    do
    :: atomic { MAY_FLUSH -> flush() }
#ifndef NO_REAPER
    :: atomic {
        is_ending ->
        is_ending = false;
        if
        :: state == CLOSED -> free_session()
        :: else /* only its subscriptions go */
        fi
       }
#endif
    :: is_freed && !is_ending -> break
    od
}

#define IS_UNREPORTED (state != CLOSED && has_transport && !library_is_alive)
#define IS_UNWATCHED (state != CLOSED && !is_armed)
#define IS_FORGOTTEN (state == CLOSED && !is_ending)

proctype Audit() {
    do
#ifndef NO_AUDIT
    :: atomic { !is_freed && (IS_UNREPORTED || IS_UNWATCHED) -> change(TERMINATE) }
#ifndef NO_REAPER
    :: atomic { !is_freed && IS_FORGOTTEN -> is_ending = true }
#endif
#endif
    :: is_freed -> break
    od
}

proctype Fault() {
    bool has_lost_deadline, has_lost_ending;
    do
#ifndef NO_LOSSES
    :: atomic { is_armed && !has_lost_deadline -> has_lost_deadline = true; is_armed = false }
    :: atomic { is_ending && !has_lost_ending -> has_lost_ending = true; is_ending = false }
#endif
    :: break
    od
}

#define TRANSITION(from, event, to) next_state[from * N_EVENTS + event] = to;

init {
    atomic {
#include "transitions.pml"
        is_armed = true;
        run Peer();
        run Library();
        run Others();
        run Wheel();
        run Turn();
        run Audit();
        run Fault();
        is_started = true
    }
}

ltl closing_ends { [] (state == CLOSING -> <> (state == CLOSED)) }
ltl closed_is_freed { [] (state == CLOSED -> <> is_freed) }
ltl connecting_ends { [] (is_started -> <> (state != CONNECTING)) }
ltl a_dead_transport_is_freed { [] (!library_is_alive -> <> is_freed) }
