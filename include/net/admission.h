/* Admission: how many connections a node lets in, counted over all its workers. Any thread: atomics, no lock.
   Connections of an address are counted in a tally: an address never gets more than the limit, and a million connections from
   different addresses are let in with a limit of 10 (test_admission). */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/peer.h"
#include "base/tally.h"

enum { ADMISSION_NETWORKS_MAX = 32 };

typedef struct AdmissionOptions {
    uint32_t per_address; /* connections; 0: no limit */
    uint32_t per_second;  /* new connections; a tenth of a second's worth may come at once; 0: no limit */
    uint32_t handshakes;  /* in flight, at least 1 */
    Network trusted[ADMISSION_NETWORKS_MAX];
    uint32_t n_trusted; /* proxies: not counted themselves, and believed when they say whom they speak for */
} AdmissionOptions;

typedef struct Admission {
    AdmissionOptions options; /* the proxies of it; the limits stand below, since they may change */
    _Atomic uint32_t per_address;
    _Atomic uint32_t per_second;
    _Atomic uint32_t handshakes;
    _Atomic uint64_t paid_ns; /* until when the connections that were let in use up the rate */
    _Atomic uint32_t n_handshakes;
    Tally addresses;
} Admission;

/* What one connection is counted as, from its accept to its end. Zeroed: as nothing. */
typedef struct AdmissionTicket {
    uint64_t address;
    bool is_counted; /* under its address */
    bool is_shaking; /* among the handshakes */
} AdmissionTicket;

int admission_new(Admission **out, const AdmissionOptions *options); /* 0 or -ENOMEM */
Admission *admission_free(Admission *admission);                     /* NULL */

/* Takes over the limits, not the proxies. What was let in without a limit is not counted by one that is new. */
void admission_configure(Admission *admission, const AdmissionOptions *options);

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
