/* Audit: a slow round over every session that compares what we believe of it with what the library and the kernel say. The
   deadlines end what they know of; this finds what never told anyone. Owner: one worker.

   the transport has gone and the session is not CLOSED           audit_unreported
   CLOSED, and the reaper does not know of it                     audit_unreported, freed by the reaper after all
   no deadline, one that is past, or one too far away             audit_deadline
   the kernel's socket is CLOSE, twice                            audit_socket
   the peer has ended its half (CLOSE_WAIT and later), twice, in OPEN while no frames wait: CONNECTING, CLOSING and frames that
   wait have deadlines of their own                               audit_socket
   blocked, though neither library nor kernel holds bytes, twice, and no session_writeable came between
                                                                  audit_blocked
   Twice: at two looks in a row, for once may be the moment before the library is told. Findings are terminated and counted
   under these causes.
   Bounds: a finding comes at most a round + one tick after it became true, where it takes two looks at most two rounds + one
   tick. A round takes audit_ms, and longer when that means more than AUDIT_BUDGET slots a tick. */
#pragma once

#include <stdint.h>

typedef struct SessionTable SessionTable;
typedef struct SessionCounters SessionCounters;

enum { AUDIT_BUDGET = 256 }; /* slots a tick */

enum { AUDIT_DOUBT_SOCKET = 1, AUDIT_DOUBT_BLOCKED = 2 }; /* what the last look at a session found; a second one decides */

typedef struct Audit {
    uint32_t next_slot;
    uint64_t began_ms; /* this round */
} Audit;

/* Each tick, after the wheel has been advanced and outside of every callback of a transport: looks at as many slots as keep the
   round on time. options.audit_ms 0: at none. */
void audit_run(SessionTable *table, uint64_t now_ms);
uint64_t audit_findings(const SessionCounters *counters); /* all of them; 0 in a healthy node. Any thread */
