/* Forwarded: which client a list of proxies' hops names. Plain values; any thread. */
#pragma once

#include <stddef.h>

#include "base/peer.h"

enum { FORWARDED_OK, FORWARDED_BAD };

/* The value of X-Forwarded-For, which a trusted proxy sent: each proxy has added whom it heard from, so the last hop that is not
   trusted counts, and what stands before it is only what that one claims. FORWARDED_BAD: a hop that had to be read is no
   address. All trusted: the first. */
int forwarded_client(Peer *out, const char *text, size_t n_text, const Network *trusted, size_t n_trusted);
