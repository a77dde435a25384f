#include "net/admission.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"

enum {
    ADMISSION_HANDSHAKE_WAIT_MS = 20, /* how soon to look again whether handshakes have ended */
    ADMISSION_WAIT_MAX_MS = 1000,
    ADMISSION_BURST = 10, /* a second's part that may come at once */
};

static const uint64_t MS_NS = 1000000, SECOND_NS = 1000000000;

int admission_new(Admission **out, const AdmissionOptions *options) {
    Admission *admission = calloc(1, sizeof(*admission));
    if (!admission)
        return error_origin(-ENOMEM);
    admission->options = *options;
    admission_configure(admission, options);
    *out = admission;
    return 0;
}

void admission_configure(Admission *admission, const AdmissionOptions *options) {
    atomic_store_explicit(&admission->per_address, options->per_address, memory_order_relaxed);
    atomic_store_explicit(&admission->per_second, options->per_second, memory_order_relaxed);
    atomic_store_explicit(&admission->handshakes, options->handshakes, memory_order_relaxed);
}

Admission *admission_free(Admission *admission) {
    free(admission);
    return NULL;
}

/* The generic cell rate algorithm: one number for the whole bucket, so that workers share it without a lock. */
static uint32_t admission_rate_wait_ms(const Admission *admission, uint64_t now_ms) {
    uint32_t per_second = atomic_load_explicit(&admission->per_second, memory_order_relaxed);
    if (per_second == 0)
        return 0;
    uint64_t at_once = (per_second + ADMISSION_BURST - 1) / ADMISSION_BURST;
    uint64_t paid_ns = atomic_load_explicit(&admission->paid_ns, memory_order_relaxed);
    uint64_t allowed_ns = now_ms * MS_NS + (at_once - 1) * (SECOND_NS / per_second);
    if (paid_ns <= allowed_ns)
        return 0;
    uint64_t wait_ms = (paid_ns - allowed_ns + MS_NS - 1) / MS_NS;
    return wait_ms < ADMISSION_WAIT_MAX_MS ? (uint32_t)wait_ms : ADMISSION_WAIT_MAX_MS;
}

uint32_t admission_wait_ms(const Admission *admission, uint64_t now_ms) {
    if (atomic_load_explicit(&admission->n_handshakes, memory_order_relaxed) >=
        atomic_load_explicit(&admission->handshakes, memory_order_relaxed))
        return ADMISSION_HANDSHAKE_WAIT_MS;
    return admission_rate_wait_ms(admission, now_ms);
}

void admission_accepted(Admission *admission, AdmissionTicket *ticket, uint64_t now_ms) {
    atomic_fetch_add_explicit(&admission->n_handshakes, 1, memory_order_relaxed);
    *ticket = (AdmissionTicket){.is_shaking = true};
    uint32_t per_second = atomic_load_explicit(&admission->per_second, memory_order_relaxed);
    if (per_second == 0)
        return;
    uint64_t one_ns = SECOND_NS / per_second, now_ns = now_ms * MS_NS;
    uint64_t paid_ns = atomic_load_explicit(&admission->paid_ns, memory_order_relaxed), next_ns;
    do
        next_ns = (paid_ns > now_ns ? paid_ns : now_ns) + one_ns;
    while (!atomic_compare_exchange_weak_explicit(&admission->paid_ns, &paid_ns, next_ns, memory_order_relaxed,
                                                  memory_order_relaxed));
}

void admission_shaken(Admission *admission, AdmissionTicket *ticket) {
    if (ticket->is_shaking)
        atomic_fetch_sub_explicit(&admission->n_handshakes, 1, memory_order_relaxed);
    ticket->is_shaking = false;
}

bool admission_trusts(const Admission *admission, const Peer *peer) {
    return networks_have(admission->options.trusted, admission->options.n_trusted, peer);
}

static void admission_uncount(Admission *admission, AdmissionTicket *ticket) {
    tally_remove(&admission->addresses, ticket->address);
    ticket->is_counted = false;
}

bool admission_enter(Admission *admission, AdmissionTicket *ticket, const Peer *peer) {
    uint32_t limit = atomic_load_explicit(&admission->per_address, memory_order_relaxed);
    if (limit == 0 || peer->kind != PEER_IP || admission_trusts(admission, peer))
        return true;
    ticket->address = peer_hash(peer);
    ticket->is_counted = true;
    if (tally_add(&admission->addresses, ticket->address) <= limit)
        return true;
    admission_uncount(admission, ticket);
    return false;
}

void admission_leave(Admission *admission, AdmissionTicket *ticket) {
    admission_shaken(admission, ticket);
    if (ticket->is_counted)
        admission_uncount(admission, ticket);
}
