/* Listening: the addresses where a node takes clients, opened or inherited, shared out among its workers. Owner: the main thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/activation.h"
#include "app/config.h"
#include "app/worker.h"

/* An address that we have bound: a unix socket is ours to remove, as long as it is that file. */
typedef struct ListeningBound {
    ListenAddress address;
    uint64_t inode;      /* which may be used again; 0: it is no file */
    uint64_t made_at_ns; /* its time of modification, which chmod leaves alone */
} ListeningBound;

typedef struct Listening {
    Activation inherited;
    ListeningBound bound[2 * CONFIG_MAX_ADDRESSES];
    uint32_t n_bound;
} Listening;

/* Takes over what systemd has opened. 0 or -errno, once it has been logged. */
int listening_init(Listening *listening);
/* Before the workers start. Sockets inherited under the kind's name stand in for all of its addresses. 0 or -errno, once it has been
   logged. */
int listening_open(Listening *listening, const ListenAddress *addresses, uint32_t n_addresses, bool is_tls, Worker *workers,
                   uint32_t n_workers);
int listening_settle(const Listening *listening); /* each inherited socket has found its use; else -EADDRNOTAVAIL, logged */
void listening_finish(Listening *listening);      /* the workers have closed theirs */
