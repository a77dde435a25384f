/* Admission: how many connections a node lets in, counted over all its workers. Any thread: atomics, no lock.
   Connections of an address are counted in four rows of cells, each address in one cell of each row; the least of its cells is
   what counts. So an address never gets more than the limit, and a crowd of others can fill neither memory nor, as the hash is
   seeded, one address's cells: it is refused wrongly only when others share all four cells: a million connections from
   different addresses are let in with a limit of 10 (test_admission). 16 MiB, of which the kernel gives what is touched. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/peer.h"

enum { ADMISSION_ROWS = 4, ADMISSION_CELLS = 1 << 20, ADMISSION_NETWORKS_MAX = 32 };

typedef struct AdmissionOptions {
    uint32_t per_address; /* connections; 0: no limit */
    uint32_t per_second;  /* new connections; a tenth of a second's worth may come at once; 0: no limit */
    uint32_t handshakes;  /* in flight, at least 1 */
    Network trusted[ADMISSION_NETWORKS_MAX];
    uint32_t n_trusted; /* proxies: not counted themselves, and believed when they say whom they speak for */
} AdmissionOptions;

typedef struct Admission {
    AdmissionOptions options;
    _Atomic uint64_t paid_ns; /* until when the connections that were let in use up the rate */
    _Atomic uint32_t n_handshakes;
    _Atomic uint32_t cells[ADMISSION_ROWS][ADMISSION_CELLS];
} Admission;

/* What one connection is counted as, from its accept to its end. Zeroed: as nothing. */
typedef struct AdmissionTicket {
    uint64_t address;
    bool is_counted; /* under its address */
    bool is_shaking; /* among the handshakes */
} AdmissionTicket;

int admission_new(Admission **out, const AdmissionOptions *options); /* 0 or -ENOMEM */
Admission *admission_free(Admission *admission);                     /* NULL */

/* How long to leave new connections in the kernel's backlog; 0: one may be accepted. */
uint32_t admission_wait_ms(const Admission *admission, uint64_t now_ms);
/* One was accepted: charged, and in its handshake until admission_shaken. Several threads may pass admission_wait_ms at once;
   what that lets in too many is waited for afterwards. */
void admission_accepted(Admission *admission, AdmissionTicket *ticket, uint64_t now_ms);
void admission_shaken(Admission *admission, AdmissionTicket *ticket); /* idempotent */

bool admission_trusts(const Admission *admission, const Peer *peer);
/* Counts it under its peer's address, unless that is none or trusted. False: the address has as many as it may. */
bool admission_enter(Admission *admission, AdmissionTicket *ticket, const Peer *peer);
void admission_leave(Admission *admission, AdmissionTicket *ticket); /* the end: takes back what was counted; idempotent */
